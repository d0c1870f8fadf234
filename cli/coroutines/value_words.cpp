#include "coroutines/value_words.hpp"

#include <dwarf.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

#include "base/text.hpp"
#include "symbols/dwarf_types.hpp"
#include "utf8.hpp"

namespace tasks::cli {
namespace {

/// Values within values: vectors of optionals of strings.
constexpr int deepest_value = 4;
/// What says to be larger is damaged, or nothing that a program holds.
constexpr std::uint64_t largest_of_values = std::uint64_t{1} << 46;

/// Of a text that is cut: the last character may be one of several bytes, of which some are missing.
std::string_view without_last_part(std::string_view text) {
  constexpr std::size_t longest_sequence = 4;
  for (std::size_t n = 1; n < longest_sequence && n <= text.size(); ++n) {
    const auto byte = static_cast<unsigned char>(text[text.size() - n]);
    if ((byte & 0xc0) == 0x80) continue;
    return byte >= 0xc0 && detail::utf8_sequence(text.substr(text.size() - n)) == 0 ? text.substr(0, text.size() - n)
                                                                                    : text;
  }
  return text;
}

std::string address_words(std::uint64_t address) { return address == 0 ? "nullptr" : fmt::format("{:#x}", address); }

class value_reader {
 public:
  explicit value_reader(const memory& from) : from_(from) {}

  std::optional<std::string> read(std::uint64_t at, Dwarf_Die type, int depth = 0) {
    if (depth > deepest_value) return std::nullopt;
    switch (dwarf_tag(&type)) {
      case DW_TAG_base_type:
        return number(at, type);
      case DW_TAG_enumeration_type:
        return enumerator(at, type);
      case DW_TAG_pointer_type:
      case DW_TAG_reference_type:
      case DW_TAG_rvalue_reference_type:
        return address(at);
      case DW_TAG_structure_type:
      case DW_TAG_class_type:
        return object(at, type, depth);
      default:
        return std::nullopt;
    }
  }

 private:
  using text = std::optional<std::string>;

  std::optional<std::uint64_t> word(std::uint64_t at) const { return from_.get<std::uint64_t>(at); }
  text address(std::uint64_t at) const {
    const auto its = word(at);
    return its ? text(address_words(*its)) : std::nullopt;
  }

  /// The lowest `size` bytes, 1 to 8.
  std::optional<std::uint64_t> bits(std::uint64_t at, std::uint64_t size) const {
    std::uint64_t value = 0;
    if (size == 0 || size > sizeof value || from_.read(at, &value, size) != size) return std::nullopt;
    return value;
  }
  static std::int64_t as_signed(std::uint64_t value, std::uint64_t size) {
    const auto unused = 64 - 8 * size;
    return static_cast<std::int64_t>(value << unused) >> unused;
  }

  template <class T>
  text real(std::uint64_t at) const {
    const auto value = from_.get<T>(at);
    return value ? text(fmt::format("{}", *value)) : std::nullopt;
  }
  text real_of(std::uint64_t at, std::uint64_t size) const {
    if (size == sizeof(float)) return real<float>(at);
    if (size == sizeof(double)) return real<double>(at);
    if (size == sizeof(long double)) return real<long double>(at);
    return std::nullopt;
  }

  text number(std::uint64_t at, Dwarf_Die& type) const {
    Dwarf_Attribute attribute;
    Dwarf_Word encoding = 0;
    if (dwarf_formudata(dwarf_attr(&type, DW_AT_encoding, &attribute), &encoding) != 0) return std::nullopt;
    const auto size = dwarf::size_of(type);
    if (encoding == DW_ATE_float) return real_of(at, size);
    const auto value = bits(at, size);
    if (!value) return std::nullopt;
    switch (encoding) {
      case DW_ATE_boolean:
        if (*value > 1) return std::nullopt;
        return *value == 1 ? "true" : "false";
      case DW_ATE_signed_char:
      case DW_ATE_unsigned_char:
        if (size == 1 && dwarf::name_of(type) == "char") {
          const char c = static_cast<char>(*value);
          return quoted({&c, 1}, '\'');
        }
        break;
      case DW_ATE_signed:
      case DW_ATE_unsigned:
      case DW_ATE_UTF:
        break;
      default:
        return std::nullopt;
    }
    const bool is_signed = encoding == DW_ATE_signed || encoding == DW_ATE_signed_char;
    return is_signed ? fmt::format("{}", as_signed(*value, size)) : fmt::format("{}", *value);
  }

  /// One that has no name is its number, as flags are.
  text enumerator(std::uint64_t at, Dwarf_Die& type) const {
    const auto size = dwarf::size_of(type);
    const auto value = bits(at, size);
    if (!value) return std::nullopt;
    bool is_signed = true;
    std::string name;
    dwarf::each_child(type, [&](Dwarf_Die& child) {
      Dwarf_Attribute attribute;
      Dwarf_Sword its = 0;
      if (dwarf_formsdata(dwarf_attr(&child, DW_AT_const_value, &attribute), &its) != 0) return false;
      if (as_signed(static_cast<std::uint64_t>(its), size) == as_signed(*value, size)) name = dwarf::name_of(child);
      return !name.empty();
    });
    if (auto underlying = dwarf::type_of(type)) {
      Dwarf_Attribute attribute;
      Dwarf_Word encoding = 0;
      dwarf_formudata(dwarf_attr(&*underlying, DW_AT_encoding, &attribute), &encoding);
      is_signed = encoding == DW_ATE_signed || encoding == DW_ATE_signed_char;
    }
    if (!name.empty()) return name;
    return is_signed ? fmt::format("{}", as_signed(*value, size)) : fmt::format("{}", *value);
  }

  text object(std::uint64_t at, Dwarf_Die& type, int depth) {
    const auto name = dwarf::name_of(type);
    if (name.starts_with("basic_string<")) return string(at, type);
    if (name.starts_with("basic_string_view<")) return string_view(at, type);
    if (name.starts_with("optional<")) return optional(at, type, depth);
    if (name.starts_with("vector<")) return vector(at, type, depth);
    if (name.starts_with("shared_ptr<") || name.starts_with("weak_ptr<")) {
      const auto pointer = dwarf::find_member(type, "_M_ptr");
      return pointer ? address(at + pointer->offset) : std::nullopt;
    }
    // With a deleter that is an object of its own it is larger, and which of the two comes first is its tuple's affair.
    if (name.starts_with("unique_ptr<"))
      return dwarf::size_of(type) == sizeof(std::uint64_t) && dwarf::find_member(type, "_M_t") ? address(at)
                                                                                               : std::nullopt;
    return only_member(at, type, depth);
  }

  /// The type that a pointer, under whatever name, points to.
  static std::optional<Dwarf_Die> pointed_to(Dwarf_Die pointer) {
    if (dwarf_tag(&pointer) != DW_TAG_pointer_type) return std::nullopt;
    return dwarf::type_of(pointer);
  }

  text characters(std::uint64_t at, std::uint64_t length) const {
    std::string bytes(std::min<std::uint64_t>(length, longest_text), '\0');
    if (from_.read(at, bytes.data(), bytes.size()) != bytes.size()) return std::nullopt;
    return quoted(bytes, '"', length > bytes.size());
  }

  text string(std::uint64_t at, Dwarf_Die& type) const {
    auto holder = dwarf::find_member(type, "_M_dataplus");
    const auto size = dwarf::find_member(type, "_M_string_length"), local = dwarf::find_member(type, "_M_local_buf"),
               allocated = dwarf::find_member(type, "_M_allocated_capacity");
    if (!holder || !size || !local || !allocated) return std::nullopt;
    const auto pointer = dwarf::find_member(holder->type, "_M_p");
    auto character = pointer ? pointed_to(pointer->type) : std::nullopt;
    if (!character || dwarf::size_of(*character) != 1) return std::nullopt;
    const auto data = word(at + holder->offset + pointer->offset), length = word(at + size->offset);
    if (!data || !length) return std::nullopt;
    auto local_type = local->type;
    const auto room = dwarf::size_of(local_type);
    const bool is_local = *data == at + local->offset;
    const auto capacity = is_local && room != 0 ? room - 1 : word(at + allocated->offset);
    if (!capacity || *capacity >= largest_of_values || *length > *capacity) return std::nullopt;
    return characters(*data, *length);
  }

  text string_view(std::uint64_t at, Dwarf_Die& type) const {
    auto size = dwarf::find_member(type, "_M_len"), data = dwarf::find_member(type, "_M_str");
    if (!size || !data) size = dwarf::find_member(type, "__size_"), data = dwarf::find_member(type, "__data_");
    if (!size || !data) size = dwarf::find_member(type, "__size"), data = dwarf::find_member(type, "__data");
    if (!size || !data) return std::nullopt;
    auto character = pointed_to(data->type);
    if (!character || dwarf::size_of(*character) != 1) return std::nullopt;
    const auto length = word(at + size->offset), where = word(at + data->offset);
    if (!length || !where || *length >= largest_of_values) return std::nullopt;
    return characters(*where, *length);
  }

  text optional(std::uint64_t at, Dwarf_Die& type, int depth) {
    auto payload = dwarf::find_member(type, "_M_payload");
    if (!payload) return std::nullopt;
    const auto engaged = dwarf::find_member(payload->type, "_M_engaged");
    auto storage = dwarf::find_member(payload->type, "_M_payload");
    if (!engaged || !storage) return std::nullopt;
    const auto is_there = from_.get<std::uint8_t>(at + payload->offset + engaged->offset);
    if (!is_there || *is_there > 1) return std::nullopt;
    if (*is_there == 0) return "nullopt";
    const auto value = dwarf::find_member(storage->type, "_M_value");
    if (!value) return std::nullopt;
    return read(at + payload->offset + storage->offset + value->offset, value->type, depth + 1);
  }

  /// Elements of which nothing is known are left to the type: [9] is said of nine of them.
  text vector(std::uint64_t at, Dwarf_Die& type, int depth) {
    auto impl = dwarf::find_member(type, "_M_impl");
    if (!impl) return std::nullopt;
    const auto first = dwarf::find_member(impl->type, "_M_start"), last = dwarf::find_member(impl->type, "_M_finish"),
               room = dwarf::find_member(impl->type, "_M_end_of_storage");
    if (!first || !last || !room) return std::nullopt;
    auto element = pointed_to(first->type);
    const auto size = element ? dwarf::size_of(*element) : 0;
    const auto begin = word(at + impl->offset + first->offset), end = word(at + impl->offset + last->offset),
               limit = word(at + impl->offset + room->offset);
    if (size == 0 || !begin || !end || !limit || *begin > *end || *end > *limit || *limit - *begin >= largest_of_values)
      return std::nullopt;
    if ((*end - *begin) % size != 0 || (*limit - *begin) % size != 0) return std::nullopt;
    const auto count = (*end - *begin) / size;
    std::string shown;
    for (std::uint64_t i = 0; i < std::min<std::uint64_t>(count, most_elements); ++i) {
      const auto value = read(*begin + i * size, *element, depth + 1);
      if (!value) return is_there(*begin, *end) ? text(fmt::format("[…] of {}", count)) : std::nullopt;
      shown += (i == 0 ? "" : ", ") + *value;
    }
    if (count <= most_elements) return "[" + shown + "]";
    return is_there(*begin, *end) ? text(fmt::format("[{}, …] of {}", shown, count)) : std::nullopt;
  }
  /// Its first and its last byte.
  [[nodiscard]] bool is_there(std::uint64_t begin, std::uint64_t end) const {
    return begin < end && from_.get<std::uint8_t>(begin) && from_.get<std::uint8_t>(end - 1);
  }

  /// Of what has one member, or one base class with something in it, the value of that.
  text only_member(std::uint64_t at, Dwarf_Die& type, int depth) {
    std::optional<Dwarf_Die> only;
    std::uint64_t offset = 0;
    bool is_plain = true;
    dwarf::each_child(type, [&](Dwarf_Die& child) {
      const int tag = dwarf_tag(&child);
      Dwarf_Attribute attribute;
      // A static one is declared here, and lies elsewhere.
      if ((tag != DW_TAG_member && tag != DW_TAG_inheritance) || dwarf_attr(&child, DW_AT_external, &attribute) ||
          dwarf_attr(&child, DW_AT_declaration, &attribute))
        return false;
      auto its = dwarf::type_of(child);
      if (tag == DW_TAG_inheritance && its && is_empty(*its)) return false;
      const bool is_bits =
          dwarf_attr(&child, DW_AT_bit_size, &attribute) || dwarf_attr(&child, DW_AT_virtuality, &attribute);
      is_plain = is_plain && its && !only && !is_bits;
      if (!is_plain) return true;
      only = its;
      offset = dwarf::offset_of(child);
      return false;
    });
    if (!only || !is_plain || offset + dwarf::size_of(*only) > dwarf::size_of(type)) return std::nullopt;
    return read(at + offset, *only, depth + 1);
  }
  static bool is_empty(Dwarf_Die& type) {
    if (dwarf::size_of(type) != 1) return false;
    bool has_any = false;
    dwarf::each_child(type, [&](Dwarf_Die& child) {
      Dwarf_Attribute attribute;
      has_any = dwarf_tag(&child) == DW_TAG_member && !dwarf_attr(&child, DW_AT_external, &attribute) &&
                !dwarf_attr(&child, DW_AT_declaration, &attribute);
      return has_any;
    });
    return !has_any;
  }

  const memory& from_;
};

}  // namespace

std::string quoted(std::string_view text, char quote, bool is_cut) {
  if (is_cut) text = without_last_part(text);
  std::string made(1, quote);
  while (!text.empty()) {
    const auto size = std::max<std::size_t>(detail::utf8_sequence(text), 1);
    const auto sequence = text.substr(0, size);
    text.remove_prefix(size);
    const char c = sequence[0];
    if (c == quote || c == '\\') {
      made += {'\\', c};
    } else if (c == '\n' || c == '\t' || c == '\r' || c == '\0') {
      made += {'\\', c == '\n' ? 'n' : c == '\t' ? 't' : c == '\r' ? 'r' : '0'};
    } else if (is_printable(sequence)) {
      made += sequence;
    } else {
      for (const char each : sequence) made += fmt::format("\\x{:02x}", static_cast<unsigned char>(each));
    }
  }
  if (is_cut) made += "…";
  return made + quote;
}

std::optional<std::string> value_words(const memory& from, std::uint64_t at, Dwarf_Die type) {
  auto words = value_reader(from).read(at, type);
  if (!words || words->size() <= longest_value) return words;
  words->resize(longest_value);
  *words = std::string(without_last_part(*words)) + "…";
  return words;
}

}  // namespace tasks::cli
