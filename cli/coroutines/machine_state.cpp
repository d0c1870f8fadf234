#include "coroutines/machine_state.hpp"

#include <algorithm>

namespace tasks::cli {

std::optional<bool> machine_flags::hold(machine_condition condition) const noexcept {
  if (!is_known) return std::nullopt;
  switch (condition) {
    case machine_condition::not_known:
      return std::nullopt;
    case machine_condition::equal:
      return zero;
    case machine_condition::not_equal:
      return !zero;
    case machine_condition::above:
      return !carry && !zero;
    case machine_condition::above_or_equal:
      return !carry;
    case machine_condition::below:
      return carry;
    case machine_condition::below_or_equal:
      return carry || zero;
    case machine_condition::greater:
      return !zero && negative == overflow;
    case machine_condition::greater_or_equal:
      return negative == overflow;
    case machine_condition::less:
      return negative != overflow;
    case machine_condition::less_or_equal:
      return zero || negative != overflow;
    case machine_condition::negative:
      return negative;
    case machine_condition::not_negative:
      return !negative;
    case machine_condition::parity:
      return parity;
    case machine_condition::no_parity:
      return !parity;
  }
  return std::nullopt;
}

const machine_memory::word* machine_memory::find(std::uint64_t address) const {
  const auto found = std::lower_bound(words_.begin(), words_.end(), address,
                                      [](const word& each, std::uint64_t at) { return each.address < at; });
  return found == words_.end() || found->address != address ? nullptr : &*found;
}

machine_memory::word* machine_memory::find_or_make(std::uint64_t address) {
  const auto found = std::lower_bound(words_.begin(), words_.end(), address,
                                      [](const word& each, std::uint64_t at) { return each.address < at; });
  if (found != words_.end() && found->address == address) return &*found;
  if (words_.size() >= most_words) return nullptr;
  return &*words_.insert(found, word{address, 0, 0, 0, 0, 0});
}

std::optional<machine_value> machine_memory::load(std::uint64_t address, std::size_t size) const {
  machine_value value{0, true, false, 0};
  std::size_t found = 0;
  const word* in = nullptr;
  for (std::size_t i = 0; i < size; ++i) {
    const auto at = address + i;
    if (i == 0 || at % 8 == 0) in = find(at - at % 8);
    const auto bit = 1U << (at % 8);
    if (in == nullptr || (in->written & bit) == 0) continue;
    ++found;
    if (i < 8) value.bits |= ((in->bits >> (8 * (at % 8))) & 0xff) << (8 * i);
    value.is_known = value.is_known && (in->known & bit) != 0;
    if ((in->of_index & bit) == 0) continue;
    value.is_of_index = true;
    value.source = in->source;
  }
  if (found == 0) return std::nullopt;
  return found == size ? value : machine_value{};
}

void machine_memory::store(std::uint64_t address, const machine_value& value, std::size_t size) {
  word* in = nullptr;
  for (std::size_t i = 0; i < size; ++i) {
    const auto at = address + i;
    if (i == 0 || at % 8 == 0) in = find_or_make(at - at % 8);
    if (in == nullptr) continue;
    const auto set = [bit = static_cast<std::uint8_t>(1U << (at % 8))](std::uint8_t& bits, bool on) {
      bits = static_cast<std::uint8_t>(on ? bits | bit : bits & ~bit);
    };
    const auto shift = 8 * (at % 8);
    const auto byte = i < 8 ? (value.bits >> (8 * i)) & 0xff : 0;
    in->bits = (in->bits & ~(std::uint64_t{0xff} << shift)) | (byte << shift);
    set(in->written, true);
    set(in->known, value.is_known && i < 8);
    set(in->of_index, value.is_of_index);
    if (value.is_of_index) in->source = value.source;
  }
}

machine_state::machine_state(std::uint64_t frame) {
  constexpr std::uint8_t first_argument = 7;  // rdi
  set(first_argument, {frame, true, false, 0}, 8);
  set(machine_operand::stack_pointer, {stack_top, true, false, 0}, 8);
}

machine_value machine_state::get(std::uint8_t which, std::size_t size) const {
  if (which >= registers_.size()) return {};
  auto value = registers_[which];
  value.bits = low_bytes(value.bits, size);
  const auto asked = size >= 8 ? 0xffU : (1U << size) - 1;
  value.is_known = (known_bytes_[which] & asked) == asked;
  return value;
}

void machine_state::set(std::uint8_t which, const machine_value& value, std::size_t size) {
  if (which >= registers_.size()) return;
  auto& whole = registers_[which];
  const auto before = whole;
  whole = value;
  whole.bits = low_bytes(value.bits, size);
  auto& known = known_bytes_[which];
  const auto set_now = size >= 4 ? 0xffU : (1U << size) - 1;
  known = static_cast<std::uint8_t>((known & ~set_now) | (value.is_known ? set_now : 0));
  if (size < 4) whole.bits |= before.bits & ~low_bytes(~std::uint64_t{0}, size);
}

void machine_state::forget(std::uint16_t registers) {
  for (std::size_t i = 0; i < registers_.size(); ++i) {
    if ((registers & (1U << i)) == 0) continue;
    registers_[i] = {};
    known_bytes_[i] = 0;
  }
}

}  // namespace tasks::cli
