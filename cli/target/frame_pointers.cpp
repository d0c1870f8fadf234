#include "target/frame_pointers.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <initializer_list>

#include "symbols/code_symbols.hpp"

namespace tasks::cli {
namespace {

#if defined(__x86_64__)

/// Bytes between the frame pointer and the stack pointer of a function that begins as
///
///   [endbr64]  push %rbp  mov %rsp,%rbp  [push %rbx, %r12 … %r15]…  [sub $size,%rsp]
///
/// (Intel's manual, volume 2). Nothing: it begins otherwise.
std::optional<std::uint64_t> size_of_frame(const memory& bytes, std::uint64_t function) {
  std::array<unsigned char, 32> code{};
  const auto size = bytes.read(function, code.data(), code.size());
  std::size_t at = 0;
  const auto take = [&](std::initializer_list<unsigned char> wanted) {
    if (size - at < wanted.size() || !std::equal(wanted.begin(), wanted.end(), code.begin() + at)) return false;
    at += wanted.size();
    return true;
  };
  take({0xf3, 0x0f, 0x1e, 0xfa});
  if (!take({0x55}) || !take({0x48, 0x89, 0xe5})) return std::nullopt;
  std::uint64_t pushed = 0;
  while (take({0x53}) || take({0x41, 0x54}) || take({0x41, 0x55}) || take({0x41, 0x56}) || take({0x41, 0x57}))
    pushed += 8;
  if (take({0x48, 0x83, 0xec}) && at < size) return pushed + code[at];
  std::uint32_t wide = 0;
  if (!take({0x48, 0x81, 0xec}) || size - at < sizeof wide) return pushed;
  std::memcpy(&wide, code.data() + at, sizeof wide);
  return pushed + wide;
}

/// Is there a call of `function` just before `address`?
bool follows_call_of(const memory& bytes, std::uint64_t address, std::uint64_t function) {
  constexpr unsigned char call = 0xe8;
  constexpr std::uint64_t length = 5;
  const auto opcode = bytes.get<unsigned char>(address - length);
  const auto distance = bytes.get<std::int32_t>(address - length + 1);
  return opcode == call && distance && address + static_cast<std::uint64_t>(std::int64_t{*distance}) == function;
}

/// Frame pointers that the function may have, the likeliest first.
std::vector<std::uint64_t> candidates(const memory& bytes, const word_reader& word, std::uint64_t function,
                                      std::uint64_t stack_pointer) {
  std::vector<std::uint64_t> found;
  if (const auto size = size_of_frame(bytes, function)) found.push_back(stack_pointer + *size);
  constexpr std::uint64_t most_bytes = 16384;
  constexpr std::size_t most = 4;
  for (auto at = stack_pointer; at < stack_pointer + most_bytes && found.size() < most; at += 8) {
    const auto outer = word(at), address = word(at + 8);
    if (!outer || !address) break;
    // The caller's frame pointer may be any value, where the caller has none.
    if (*outer != 0 && follows_call_of(bytes, *address, function)) found.push_back(at);
  }
  return found;
}

#else

std::vector<std::uint64_t> candidates(const memory&, const word_reader&, std::uint64_t, std::uint64_t) { return {}; }

#endif

}  // namespace

std::vector<std::uint64_t> likely_frame_pointers(modules& code, const memory& bytes, const word_reader& word,
                                                 std::uint64_t address, std::uint64_t stack_pointer) {
  const auto symbol = symbol_near(code, address);
  if (!symbol || !symbol->contains(address)) return {};
  return candidates(bytes, word, symbol->begin, stack_pointer);
}

}  // namespace tasks::cli
