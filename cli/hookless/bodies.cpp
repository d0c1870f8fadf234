#include "hookless/bodies.hpp"

#include <elfutils/libdwfl.h>

#include <algorithm>
#include <array>
#include <utility>

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

program_code::program_code(modules& code) {
  Dwfl* dwfl = code.dwfl();
  if (!dwfl) return;
  dwfl_getmodules(
      dwfl,
      [](Dwfl_Module* module, void**, const char*, Dwarf_Addr, void* self) {
        const int count = dwfl_module_getsymtab(module);
        for (int i = 1; i < count; ++i) {
          GElf_Sym symbol;
          GElf_Addr address = 0;
          const char* name = dwfl_module_getsym_info(module, i, &symbol, &address, nullptr, nullptr, nullptr);
          if (!name || GELF_ST_TYPE(symbol.st_info) != STT_FUNC || symbol.st_shndx == SHN_UNDEF) continue;
          static_cast<program_code*>(self)->add(name, address, symbol.st_size);
        }
        return static_cast<int>(DWARF_CB_OK);
      },
      this, 0);
  join();
}

void program_code::add(std::string_view symbol, std::uint64_t address, std::uint64_t size) {
  if (address == 0) return;
  const auto coroutine = parse_coroutine_symbol(symbol);
  if (!coroutine && !is_operations(symbol)) return;
  // The namespace that our agent has its own Asio in: its tasks are not the program's.
  if (symbol.find("10tasks_asio") != symbol.npos) return;
  if (!coroutine) {
    if (symbol.find("epoll_reactor16descriptor_state11do_complete") != symbol.npos)
      descriptor_state_function_ = address;
    operations_[address] = {kind_of_operation(symbol), is_first_word(symbol), std::string(symbol)};
  } else if (coroutine->destroys) {
    destroyers_[std::string(coroutine->function)].push_back(address);
  } else {
    const range its{address, address + std::min(size, ~address)};
    bodies_.push_back({std::string(coroutine->function), its, coroutine->is_gnu, {}});
  }
}

void program_code::join() {
  by_address_.reserve(bodies_.size());
  may_be_body_ = address_filter(bodies_.size());
  for (std::uint32_t i = 0; i < bodies_.size(); ++i) {
    auto& body = bodies_[i];
    if (const auto its = destroyers_.find(body.symbol); its != destroyers_.end()) body.destroyers = its->second;
    by_address_.insert(body.code.begin, i);
    for (const auto each : body.destroyers) by_destroyer_.try_emplace(each, i);
    may_be_body_.add(body.code.begin);
  }
  destroyers_.clear();
  may_be_operation_ = address_filter(operations_.size());
  for (const auto& [address, _] : operations_) may_be_operation_.add(address);
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
  const auto known = operations_.find(address);
  return known == operations_.end() ? nullptr : &known->second;
}

}  // namespace tasks::cli
