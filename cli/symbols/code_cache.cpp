#include "symbols/code_cache.hpp"

#include <dwarf.h>
#include <elfutils/libdwelf.h>
#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <exception>
#include <string_view>
#include <utility>

#include "descriptor.hpp"

namespace tasks::cli {
namespace {

/// Raised whenever the format changes: what an earlier version has kept is then as if it were not there. So is what
/// another executable has kept, which may find out other facts of the same files.
constexpr std::uint32_t format_version = 1;
/// What a file begins with, before its facts.
struct file_header {
  std::array<char, 8> magic = {'t', 'a', 's', 'k', 's', 'k', 'p', 't'};
  std::uint32_t version = format_version;
  std::uint32_t unused = 0;
  std::uint64_t checksum = 0;  ///< of the facts
};

/// FNV-1a over words: finds what is damaged, and nobody else can write there.
std::uint64_t checksum_of(std::string_view bytes) {
  std::uint64_t sum = 0xcbf2'9ce4'8422'2325 ^ bytes.size();
  while (!bytes.empty()) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data(), std::min(bytes.size(), sizeof word));
    sum = (sum ^ word) * 0x0000'0100'0000'01b3;
    sum ^= sum >> 29;
    bytes.remove_prefix(std::min(bytes.size(), sizeof word));
  }
  return sum;
}

cache::FileIdentity message_of(const file_identity& its) {
  cache::FileIdentity message;
  message.set_device(its.device);
  message.set_inode(its.inode);
  message.set_size(its.size);
  message.set_modified_ns(its.modified_ns);
  message.set_changed_ns(its.changed_ns);
  return message;
}

/// Facts of nothing but whose they are.
cache::CodeFacts facts_of(std::string build_id, const file_identity& file, const std::optional<file_identity>& debug) {
  cache::CodeFacts facts;
  facts.set_build_id(std::move(build_id));
  *facts.mutable_file() = message_of(file);
  if (debug) *facts.mutable_debug_file() = message_of(*debug);
  return facts;
}

bool are_of_the_same(const cache::CodeFacts& a, const cache::CodeFacts& b) {
  return a.build_id() == b.build_id() && a.has_debug_file() == b.has_debug_file() && a.made_with() == b.made_with() &&
         a.made_by().SerializeAsString() == b.made_by().SerializeAsString() &&
         a.file().SerializeAsString() == b.file().SerializeAsString() &&
         a.debug_file().SerializeAsString() == b.debug_file().SerializeAsString();
}

std::string build_id_of(Dwfl_Module* module) {
  const unsigned char* bits = nullptr;
  GElf_Addr address = 0;
  const int size = dwfl_module_build_id(module, &bits, &address);
  return size > 0 ? std::string(reinterpret_cast<const char*>(bits), static_cast<std::size_t>(size)) : std::string();
}

std::string name_of(std::string_view build_id, const file_identity& file) {
  std::string name;
  for (const char each : build_id) name += fmt::format("{:02x}", static_cast<unsigned char>(each));
  return name + fmt::format("-{:x}-{:x}", file.device, file.inode);
}

}  // namespace

std::string seal(const cache::CodeFacts& facts) {
  const auto body = facts.SerializeAsString();
  file_header header;
  header.checksum = checksum_of(body);
  std::string bytes(reinterpret_cast<const char*>(&header), sizeof header);
  return bytes + body;
}

std::optional<cache::CodeFacts> unseal(std::string_view bytes) {
  file_header header;
  const file_header wanted;
  if (bytes.size() < sizeof header) return std::nullopt;
  std::memcpy(&header, bytes.data(), sizeof header);
  bytes.remove_prefix(sizeof header);
  cache::CodeFacts facts;
  if (header.magic != wanted.magic || header.version != wanted.version || header.checksum != checksum_of(bytes) ||
      !facts.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())))
    return std::nullopt;
  return facts;
}

bool kept_code::has_all_debug_information() {
  if (has_all_) return *has_all_;
  has_all_ = true;
  Dwarf_Addr bias = 0;
  Dwarf* dwarf = dwfl_module_getdwarf(module_, &bias);
  const char* other = nullptr;
  const void* id = nullptr;
  if (dwarf != nullptr && dwelf_dwarf_gnu_debugaltlink(dwarf, &other, &id) > 0) has_all_ = false;
  Dwarf_CU* unit = nullptr;
  std::uint8_t type = 0;
  while (dwarf != nullptr && dwarf_get_units(dwarf, unit, &unit, nullptr, &type, nullptr, nullptr) == 0)
    if (type == DW_UT_skeleton) has_all_ = false;
  return *has_all_;
}

std::unique_ptr<code_cache> code_cache::open(id_reader in_memory) {
  auto folder = cache_folder::open();
  const detail::descriptor program(folder ? ::open("/proc/self/exe", O_RDONLY | O_CLOEXEC) : -1);
  const auto self = program ? identity_of(program.get()) : std::nullopt;
  if (!self) return nullptr;
  return std::unique_ptr<code_cache>(new code_cache(*std::move(folder), *self, std::move(in_memory)));
}

kept_code* code_cache::of(Dwfl_Module* module) {
  const auto [known, is_new] = known_.try_emplace(module);
  if (is_new) known->second = load(module);
  return known->second.get();
}

std::unique_ptr<kept_code> code_cache::load(Dwfl_Module* module) const {
  constexpr std::size_t longest_id = 64;
  GElf_Addr bias = 0;
  if (dwfl_module_getelf(module, &bias) == nullptr) return nullptr;
  const auto build_id = build_id_of(module);
  Dwarf_Addr begin = 0;
  dwfl_module_info(module, nullptr, &begin, nullptr, nullptr, nullptr, nullptr, nullptr);
  const auto* files = files_of(module);
  if (build_id.empty() || build_id.size() > longest_id || files == nullptr || !files->opened ||
      in_memory_(begin) != build_id)
    return nullptr;
  const auto debug = debug_file_of(module);
  if (files->debug_is_unknown) return nullptr;
  auto name = name_of(build_id, *files->opened);
  auto facts = facts_of(build_id, *files->opened, debug);
  *facts.mutable_made_by() = message_of(self_);
  facts.set_made_with(dwfl_version(nullptr));
  if (const auto bytes = folder_.read(name))
    if (auto kept = unseal(*bytes); kept && are_of_the_same(*kept, facts)) facts = *std::move(kept);
  return std::make_unique<kept_code>(module, std::move(facts), std::move(name), bias);
}

void code_cache::save() noexcept {
  try {
    for (const auto& [module, kept] : known_) {
      if (!kept || !std::exchange(kept->is_new_, false)) continue;
      // What libdwfl has opened meanwhile is what was found first.
      const auto& its = *files_of(module);
      if (its.debug_is_unknown) continue;
      if (!its.debug || (kept->facts.has_debug_file() &&
                         message_of(*its.debug).SerializeAsString() == kept->facts.debug_file().SerializeAsString()))
        folder_.write(kept->name_, seal(kept->facts));
    }
  } catch (const std::exception&) {
    // Nothing is kept then.
  }
}

}  // namespace tasks::cli
