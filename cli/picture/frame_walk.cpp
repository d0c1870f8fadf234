#include "picture/frame_walk.hpp"

#include <dwarf.h>
#include <gelf.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string_view>

#include "base/text.hpp"
#include "linux/registers.hpp"
#include "symbols/code_symbols.hpp"
#include "target/frame_pointers.hpp"
#include "target/thread_end.hpp"

namespace tasks::cli {
namespace {

/// Deeper stacks are those of endless recursions.
constexpr int most_frames = 4096;
/// What is compared of a file's beginning with memory: its headers, and most often its build id.
constexpr std::size_t compared_bytes = 2048;

#if defined(__x86_64__)
constexpr std::size_t stack_pointer = 7, program_counter = 16;
constexpr std::array callee_saved = {3, 6, 12, 13, 14, 15};
#elif defined(__aarch64__)
constexpr std::size_t stack_pointer = 31, program_counter = 32;
constexpr std::array callee_saved = {19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29};
#endif

struct freed_frame {
  void operator()(Dwarf_Frame* frame) const noexcept { std::free(frame); }
};

bool is_libc(std::string_view path) {
  const auto name = base_name(path);
  return name.starts_with("libc.so.6") || name.starts_with("libc-2.") || name.starts_with("libpthread");
}

/// pthread_mutex_lock of __GI___pthread_mutex_lock@@GLIBC_2.2.5.
std::string plain_name(std::string_view symbol) {
  symbol = symbol.substr(0, symbol.find('@'));
  if (symbol.starts_with("__GI_")) symbol.remove_prefix(5);
  symbol.remove_prefix(std::min(symbol.find_first_not_of('_'), symbol.size()));
  for (const std::string_view prefix : {"libc_", "new_"})
    if (symbol.starts_with(prefix)) symbol.remove_prefix(prefix.size());
  return std::string(symbol);
}

/// The symbol that an address lies in; empty: none says that it does.
std::string symbol_at(modules& code, std::uint64_t address) {
  const auto symbol = symbol_near(code, address);
  return symbol && symbol->contains(address) ? symbol->name : "";
}

const char* file_of(Dwfl_Module* module) {
  const char* file = nullptr;
  const char* name = dwfl_module_info(module, nullptr, nullptr, nullptr, nullptr, nullptr, &file, nullptr);
  return name != nullptr ? name : file;
}

}  // namespace

stack_variables::word_reader reader_of(const memory_image& image) {
  return [&image](std::uint64_t address) {
    return image.at(address, 8) != nullptr ? std::optional(image.word(address)) : std::nullopt;
  };
}

/// The file is opened by its path: another may be there by now.
bool frame_walker::is_what_was_mapped(Dwfl_Module* module) const {
  GElf_Addr bias = 0;
  Elf* elf = dwfl_module_getelf(module, &bias);
  Dwarf_Addr begin = 0;
  dwfl_module_info(module, nullptr, &begin, nullptr, nullptr, nullptr, nullptr, nullptr);
  std::size_t size = 0;
  const char* file = elf != nullptr ? elf_rawfile(elf, &size) : nullptr;
  std::array<char, compared_bytes> mapped{};
  return file != nullptr && size >= mapped.size() &&
         bytes_.read(begin, mapped.data(), mapped.size()) == mapped.size() &&
         std::memcmp(file, mapped.data(), mapped.size()) == 0;
}

const frame_walker::object& frame_walker::object_of(Dwfl_Module* module) {
  const auto [known, is_new] = objects_.try_emplace(module);
  auto& its = known->second;
  const char* file = is_new ? file_of(module) : nullptr;
  if (file == nullptr || !is_what_was_mapped(module)) return its;
  its.is_libc = is_libc(file);
  its.rules = dwfl_module_eh_cfi(module, &its.bias);
  return its;
}

std::optional<std::uint64_t> frame_walker::value_of(const Dwarf_Op* ops, std::size_t count, const registers& of,
                                                    std::uint64_t frame_end, bool& in_memory) {
  std::vector<std::uint64_t> stack;
  in_memory = true;
  const auto push = [&](std::size_t number, std::uint64_t offset) {
    if (number >= of.size() || !of.known[number]) {
      lacks_ |= number < of.size();
      return false;
    }
    stack.push_back(of[number] + offset);
    return true;
  };
  const auto pop = [&stack] {
    const auto top = stack.back();
    stack.pop_back();
    return top;
  };
  for (std::size_t i = 0; i < count; ++i) {
    const auto& op = ops[i];
    const bool of_two = op.atom == DW_OP_plus || op.atom == DW_OP_and || op.atom == DW_OP_ge || op.atom == DW_OP_shl;
    if (of_two && stack.size() < 2) return std::nullopt;
    const auto second = of_two ? pop() : 0, first = of_two ? pop() : 0;
    if (op.atom >= DW_OP_breg0 && op.atom <= DW_OP_breg31) {
      if (!push(op.atom - DW_OP_breg0, op.number)) return std::nullopt;
    } else if (op.atom >= DW_OP_lit0 && op.atom <= DW_OP_lit31) {
      stack.push_back(op.atom - DW_OP_lit0);
    } else if (op.atom == DW_OP_bregx) {
      if (!push(op.number, op.number2)) return std::nullopt;
    } else if (op.atom == DW_OP_call_frame_cfa) {
      stack.push_back(frame_end);
    } else if (op.atom == DW_OP_plus) {
      stack.push_back(first + second);
    } else if (op.atom == DW_OP_and) {
      stack.push_back(first & second);
    } else if (op.atom == DW_OP_ge) {
      stack.push_back(static_cast<std::int64_t>(first) >= static_cast<std::int64_t>(second) ? 1 : 0);
    } else if (op.atom == DW_OP_shl && second < 64) {
      stack.push_back(first << second);
    } else if (op.atom == DW_OP_plus_uconst && !stack.empty()) {
      stack.back() += op.number;
    } else if (op.atom == DW_OP_deref && !stack.empty()) {
      if (image_.at(stack.back(), 8) == nullptr) return std::nullopt;
      stack.back() = image_.word(stack.back());
    } else if (op.atom == DW_OP_stack_value && i + 1 == count) {
      in_memory = false;
    } else {
      return std::nullopt;
    }
  }
  return stack.size() == 1 ? std::optional(stack.back()) : std::nullopt;
}

/// From a function to its caller. What it has saved is added to `saved`, whatever comes of it. `places`: of the
/// function's registers, then of its caller's.
frame_walker::step frame_walker::step_out(registers& of, const object& in, bool innermost,
                                          std::vector<std::uint64_t>& saved,
                                          std::vector<std::optional<frame_register>>& places) {
  Dwarf_Frame* found = nullptr;
  // An address to return to may be the first of the next function.
  if (dwarf_cfi_addrframe(in.rules, of[program_counter] - in.bias - (innermost ? 0 : 1), &found) != 0)
    return step::lost;
  const std::unique_ptr<Dwarf_Frame, freed_frame> frame(found);
  bool by_signal = false, in_memory = false;
  const int to_return = dwarf_frame_info(frame.get(), nullptr, nullptr, &by_signal);
  Dwarf_Op* ops = nullptr;
  std::size_t count = 0;
  if (to_return < 0 || by_signal || dwarf_frame_cfa(frame.get(), &ops, &count) != 0) return step::lost;
  const auto end = value_of(ops, count, of, 0, in_memory);
  if (!end || *end < of[stack_pointer] || (*end == of[stack_pointer] && !innermost)) return step::lost;

  enum class rule { same, undefined, known, strange };
  const auto restored = [&](int number, std::uint64_t& value, std::uint64_t& place) {
    Dwarf_Op simple[3];
    Dwarf_Op* how = nullptr;
    std::size_t length = 0;
    if (dwarf_frame_register(frame.get(), number, simple, &how, &length) != 0) return rule::strange;
    if (length == 0) return how == nullptr ? rule::same : rule::undefined;
    const auto at = value_of(how, length, of, *end, in_memory);
    if (!at || (in_memory && image_.at(*at, 8) == nullptr)) return rule::strange;
    value = in_memory ? image_.word(*at) : *at;
    place = in_memory ? *at : 0;
    return rule::known;
  };
  auto caller = of;
  std::vector<std::optional<frame_register>> of_caller(of.size());
  for (const auto number : callee_saved) {
    const auto index = static_cast<std::size_t>(number);
    std::uint64_t value = 0, place = 0;
    const auto how = restored(number, value, place);
    if (how == rule::strange) return step::lost;
    if (how == rule::same) of_caller[index] = places[index];
    if (how != rule::known) continue;
    of_caller[index] = frame_register{value, place};
    caller.set(index, value);
    saved.push_back(value);
  }
  std::uint64_t place = 0;
  const auto how = restored(to_return, caller[program_counter], place);
  of.set(stack_pointer, *end);
  caller.set(stack_pointer, *end);
  of_caller[stack_pointer] = frame_register{*end, 0};
  places = std::move(of_caller);
  if (how == rule::undefined) return step::first;
  if (how == rule::same && static_cast<std::size_t>(to_return) < of.size()) {
    if (!of.known[static_cast<std::size_t>(to_return)]) {
      lacks_ = true;
      return step::lost;
    }
    caller[program_counter] = of[static_cast<std::size_t>(to_return)];
  }
  if (how == rule::strange) return step::lost;
  caller[program_counter] = code_address(caller[program_counter]);
  of = std::move(caller);
  return step::caller;
}

/// The agent's outermost function stands right above the one that its thread begins with, and libc's.
std::uint64_t frame_walker::end_of_agent(const frame_walk& walked) {
  constexpr std::size_t most_outer = 4;
  const auto& frames = walked.frames;
  for (auto i = frames.size(); i-- > 0 && frames.size() - i <= most_outer;) {
    const auto [known, is_new] = is_agents_.try_emplace(frames[i].address, false);
    if (is_new) known->second = symbol_at(code_, frames[i].address) == "tasks_serve";
    if (known->second) return frames[i].end;
  }
  return 0;
}

frame_walk frame_walker::walk(const thread_registers& thread) {
  last_place last;
  auto found = walk(thread, std::nullopt, last);
  if (!found.lacks_registers) return found;
  const auto guesses = likely_frame_pointers(code_, bytes_, reader_of(image_), last.address, last.stack_pointer);
  for (const auto frame_pointer : guesses) {
    last_place ignored;
    if (auto again = walk(thread, frame_pointer, ignored); again.whole) return again;
  }
  return found;
}

frame_walk frame_walker::walk(const thread_registers& thread, std::optional<std::uint64_t> frame_pointer,
                              last_place& last) {
  frame_walk found;
  Dwfl* dwfl = code_.dwfl();
  registers at{in_dwarf_order(thread.general), {}};
  if (dwfl == nullptr || at.values.empty()) return found;
  at.values.resize(program_counter + 1);
  for (unsigned i = 0; i < at.size(); ++i) at.known.push_back(thread.knows(i));
  at.set(program_counter, thread.instruction_pointer);
  if (frame_pointer) at.set(frame_pointer_number, *frame_pointer);
  lacks_ = false;
  libc_call call;
  bool in_libc = true;
  std::vector<std::optional<frame_register>> places(at.size());
  for (std::size_t i = 0; i < at.size(); ++i)
    if (at.known[i]) places[i] = frame_register{at[i], 0};
  for (int depth = 0; depth < most_frames; ++depth) {
    const auto here = at[program_counter];
    Dwfl_Module* module = dwfl_addrmodule(dwfl, here - (depth == 0 ? 0 : 1));
    const auto* area = image_.area_of(here);
    if (module == nullptr || area == nullptr || area->writable) return found;
    const auto& in = object_of(module);
    if (in.rules == nullptr) return found;
    if (in_libc && !in.is_libc) {
      in_libc = false;
      if (depth != 0) {
        call.end = at[stack_pointer];
        for (const auto number : callee_saved)
          if (at.known[static_cast<std::size_t>(number)]) call.saved.push_back(at[static_cast<std::size_t>(number)]);
        call.caller = symbol_at(code_, here - 1);
        found.call = call;
      }
    }
    std::vector<std::uint64_t> saved;
    auto its = places;
    last = {here - (depth == 0 ? 0 : 1), at[stack_pointer]};
    const auto stepped = step_out(at, in, depth == 0, saved, places);
    if (stepped != step::lost) found.frames.push_back({here - (depth == 0 ? 0 : 1), at[stack_pointer], std::move(its)});
    if (stepped == step::first) found.whole = depth != 0 && ends_the_thread(module, bytes_, here);
    if (found.whole) found.agent_end = end_of_agent(found);
    found.lacks_registers = stepped == step::lost && lacks_;
    if (stepped != step::caller) return found;
    if (!in_libc) continue;
    call.function = plain_name(symbol_at(code_, here - (depth == 0 ? 0 : 1)));
    call.saved.insert(call.saved.end(), saved.begin(), saved.end());
  }
  return found;
}

}  // namespace tasks::cli
