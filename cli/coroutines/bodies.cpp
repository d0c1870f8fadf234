#include "coroutines/bodies.hpp"

#include <elfutils/libdwfl.h>

#include <algorithm>
#include <array>
#include <utility>

#include "symbols/code_cache.hpp"

namespace tasks::cli {
namespace {

using layout::wait_kind;

/// Without what link-time optimization appends.
std::string_view without_suffixes(std::string_view symbol) {
  for (const std::string_view appended : {".lto_priv.", ".llvm."})
    if (const auto at = symbol.rfind(appended); at != symbol.npos) symbol = symbol.substr(0, at);
  return symbol;
}

/// g++: …Z5outeriE15_Z5outeri.Frame has the function's own symbol in it, after the length of what is left.
std::string_view own_symbol(std::string_view frame) {
  constexpr std::size_t suffix = std::string_view(".Frame").size();
  for (auto at = frame.find("_Z", 1); at != frame.npos; at = frame.find("_Z", at + 1)) {
    const auto length = std::to_string(frame.size() - at);
    if (frame.substr(0, at).ends_with(length)) return frame.substr(at, frame.size() - at - suffix);
  }
  return frame.substr(0, frame.size() - suffix);
}

/// A function that a pointer in an operation points to: of a class of Asio's, a member of one of these names.
bool is_operations(std::string_view symbol) {
  if (!symbol.starts_with("_ZN") || symbol.find("sio") == symbol.npos) return false;
  constexpr std::array<std::string_view, 5> members = {"11do_complete", "9do_action", "10do_process", "12do_immediate",
                                                       "17executor_function8complete"};
  return std::any_of(members.begin(), members.end(), [symbol](auto name) { return symbol.find(name) != symbol.npos; });
}

bool is_first_word(std::string_view symbol) { return symbol.find("17executor_function8complete") != symbol.npos; }

}  // namespace

std::optional<coroutine_symbol> parse_coroutine_symbol(std::string_view symbol) noexcept {
  struct suffix {
    std::string_view text;
    bool is_gnu, destroys;
  };
  static constexpr std::array<suffix, 5> suffixes = {{{".Frame.actor", true, false},
                                                      {".Frame.destroy", true, true},
                                                      {".resume", false, false},
                                                      {".destroy", false, true},
                                                      {".cleanup", false, true}}};
  if (symbol.find('.') == symbol.npos) return std::nullopt;
  const auto name = without_suffixes(symbol);
  for (const auto& each : suffixes) {
    if (!name.ends_with(each.text)) continue;
    // Of g++'s, up to .Frame: the length that is looked for counts it.
    const auto function =
        each.is_gnu ? own_symbol(name.substr(0, name.rfind('.'))) : name.substr(0, name.size() - each.text.size());
    return coroutine_symbol{function, each.is_gnu, each.destroys};
  }
  return std::nullopt;
}

wait_kind kind_of_operation(std::string_view symbol) noexcept {
  struct operation {
    std::string_view name;
    wait_kind kind;
  };
  using enum wait_kind;
  static constexpr std::array<operation, 30> operations = {{
      {"12wait_handlerI", timer},
      {"reactive_socket_recv_op", socket_read},
      {"reactive_socket_recvfrom_op", socket_read},
      {"reactive_socket_recvmsg_op", socket_read},
      {"reactive_null_buffers_op", socket_wait},
      {"reactive_socket_send_op", socket_write},
      {"reactive_socket_sendto_op", socket_write},
      {"reactive_socket_accept_op", socket_accept},
      {"reactive_socket_move_accept_op", socket_accept},
      {"reactive_socket_connect_op", socket_connect},
      {"16reactive_wait_op", socket_wait},
      {"descriptor_read_op", descriptor_read},
      {"descriptor_write_op", descriptor_write},
      {"io_uring_socket_recv", socket_read},
      {"io_uring_socket_send", socket_write},
      {"io_uring_socket_accept", socket_accept},
      {"io_uring_socket_connect", socket_connect},
      {"io_uring_descriptor_read", descriptor_read},
      {"io_uring_descriptor_write", descriptor_write},
      {"io_uring_null_buffers_op", socket_wait},
      {"io_uring_wait_op", socket_wait},
      {"14signal_handlerI", signal},
      {"10resolve_opI", resolve},
      {"16resolve_query_op", resolve},
      {"19resolve_endpoint_op", resolve},
      {"18channel_receive_op", channel_receive},
      {"15channel_send_op", channel_send},
      {"11executor_op", post},
      {"18completion_handlerI", post},
      {"17executor_function", post},
  }};
  auto first = symbol.npos;
  auto kind = other;
  // Its template arguments may name others.
  for (const auto& each : operations)
    if (const auto at = symbol.find(each.name); at < first) {
      first = at;
      kind = each.kind;
    }
  return kind;
}

namespace {

/// What a symbol names, in one number: {what : 2, of g++ : 1, in the first word : 1, of a descriptor : 1, 0 : 3, kind
/// of wait : 8}. symbols/code_facts.proto has it.
struct symbol_role {
  enum class what : std::uint8_t { operation, body, destroyer };
  what is = what::operation;
  bool is_gnu = false;               ///< of a coroutine
  bool is_first = false;             ///< of an operation, as operation_function has it
  bool is_descriptor_state = false;  ///< it is no operation's, but that of Asio's record of a descriptor
  wait_kind waits_for = wait_kind::other;

  [[nodiscard]] std::uint32_t number() const noexcept {
    return static_cast<std::uint32_t>(is) | (is_gnu ? 4U : 0U) | (is_first ? 8U : 0U) |
           (is_descriptor_state ? 16U : 0U) | static_cast<std::uint32_t>(waits_for) << 8;
  }
};

/// Nothing: no symbol has such a role.
std::optional<symbol_role> role_of(std::uint32_t number) {
  constexpr std::uint32_t is = 3, bits = 31;
  if ((number & is) > static_cast<std::uint32_t>(symbol_role::what::destroyer) || (number & 0xff & ~bits) != 0 ||
      number >> 8 > static_cast<std::uint32_t>(wait_kind::tasks))
    return std::nullopt;
  return symbol_role{static_cast<symbol_role::what>(number & is), (number & 4) != 0, (number & 8) != 0,
                     (number & 16) != 0, static_cast<wait_kind>(number >> 8)};
}

/// Adds a symbol if it is a coroutine's or an operation's. `address`: the file's own.
void add_symbol(cache::CoroutineSymbols& to, std::string_view symbol, std::uint64_t address, std::uint64_t size) {
  const auto coroutine = parse_coroutine_symbol(symbol);
  if (!coroutine && !is_operations(symbol)) return;
  // The namespace that our agent has its own Asio in: its tasks are not the program's.
  if (symbol.find("10tasks_asio") != symbol.npos) return;
  symbol_role its;
  if (coroutine) {
    its.is = coroutine->destroys ? symbol_role::what::destroyer : symbol_role::what::body;
    its.is_gnu = coroutine->is_gnu;
  } else {
    its.waits_for = kind_of_operation(symbol);
    its.is_first = is_first_word(symbol);
    its.is_descriptor_state = symbol.find("epoll_reactor16descriptor_state11do_complete") != symbol.npos;
  }
  to.mutable_names()->append(coroutine ? coroutine->function : symbol).push_back('\0');
  to.add_addresses(address);
  to.add_sizes(size);
  to.add_roles(its.number());
}

/// `bias`: what is subtracted from addresses.
cache::CoroutineSymbols read_symbols(Dwfl_Module* module, std::uint64_t bias) {
  cache::CoroutineSymbols found;
  const int count = dwfl_module_getsymtab(module);
  for (int i = 1; i < count; ++i) {
    GElf_Sym symbol;
    GElf_Addr address = 0;
    const char* name = dwfl_module_getsym_info(module, i, &symbol, &address, nullptr, nullptr, nullptr);
    if (!name || GELF_ST_TYPE(symbol.st_info) != STT_FUNC || symbol.st_shndx == SHN_UNDEF || address == 0) continue;
    add_symbol(found, name, address - bias, symbol.st_size);
  }
  return found;
}

bool is_whole(const cache::CoroutineSymbols& symbols) {
  const auto& roles = symbols.roles();
  return symbols.addresses_size() == roles.size() && symbols.sizes_size() == roles.size() &&
         std::count(symbols.names().begin(), symbols.names().end(), '\0') == roles.size() &&
         std::all_of(roles.begin(), roles.end(), [](std::uint32_t each) { return role_of(each).has_value(); });
}

/// Of an earlier look, else of the table.
const cache::CoroutineSymbols& symbols_of(Dwfl_Module* module, kept_code& kept) {
  if (!kept.facts.has_coroutines() || !is_whole(kept.facts.coroutines())) {
    *kept.facts.mutable_coroutines() = read_symbols(module, kept.to_memory(0));
    kept.changed();
  }
  return kept.facts.coroutines();
}

}  // namespace

program_code::program_code(modules& code) {
  Dwfl* dwfl = code.dwfl();
  if (!dwfl) return;
  std::vector<Dwfl_Module*> all;
  dwfl_getmodules(
      dwfl,
      [](Dwfl_Module* module, void**, const char*, Dwarf_Addr, void* to) {
        static_cast<std::vector<Dwfl_Module*>*>(to)->push_back(module);
        return static_cast<int>(DWARF_CB_OK);
      },
      &all, 0);
  destroyers destroy;
  for (auto* module : all) {
    if (auto* kept = code.kept_of(module)) {
      add(symbols_of(module, *kept), kept->to_memory(0), destroy);
    } else {
      own_.push_back(std::make_shared<const cache::CoroutineSymbols>(read_symbols(module, 0)));
      add(*own_.back(), 0, destroy);
    }
  }
  join(destroy);
}

void program_code::add(const cache::CoroutineSymbols& symbols, std::uint64_t bias, destroyers& to) {
  std::string_view names = symbols.names();
  for (int i = 0; i < symbols.roles_size(); ++i) {
    const auto name = names.substr(0, names.find('\0'));
    names.remove_prefix(name.size() + 1);
    const auto address = symbols.addresses(i) + bias;
    const auto its = role_of(symbols.roles(i)).value_or(symbol_role());
    if (its.is == symbol_role::what::destroyer) {
      to[name].push_back(address);
    } else if (its.is == symbol_role::what::body) {
      const range code{address, address + std::min(symbols.sizes(i), ~address)};
      bodies_.push_back({std::string(name), code, its.is_gnu, {}});
    } else {
      if (its.is_descriptor_state) descriptor_state_function_ = address;
      operations_by_address_.insert(address, static_cast<std::uint32_t>(operations_.size()));
      operations_.push_back({its.waits_for, its.is_first, name});
    }
  }
}

void program_code::join(const destroyers& destroy) {
  by_address_.reserve(bodies_.size());
  may_be_body_ = address_filter(bodies_.size());
  for (std::uint32_t i = 0; i < bodies_.size(); ++i) {
    auto& body = bodies_[i];
    if (const auto its = destroy.find(body.symbol); its != destroy.end()) body.destroyers = its->second;
    by_address_.insert(body.code.begin, i);
    for (const auto each : body.destroyers) by_destroyer_.try_emplace(each, i);
    may_be_body_.add(body.code.begin);
  }
  may_be_operation_ = address_filter(operations_.size());
  operations_by_address_.each([this](std::uint64_t address, std::uint32_t) { may_be_operation_.add(address); });
}

const coroutine_body* program_code::body_at(std::uint64_t address) const noexcept {
  if (!may_be_body_(address)) return nullptr;
  const auto* known = by_address_.find(address);
  return known == nullptr ? nullptr : &bodies_[*known];
}

const coroutine_body* program_code::body_destroyed_by(std::uint64_t address) const noexcept {
  const auto known = by_destroyer_.find(address);
  return known == by_destroyer_.end() ? nullptr : &bodies_[known->second];
}

const operation_function* program_code::operation_at(std::uint64_t address) const noexcept {
  if (!may_be_operation_(address)) return nullptr;
  const auto* known = operations_by_address_.find(address);
  return known == nullptr ? nullptr : &operations_[*known];
}

}  // namespace tasks::cli
