#include "coroutines/machine_steps.hpp"

#include <algorithm>
#include <bit>

#include "linux/memory.hpp"
#include "picture/asan_shadow.hpp"

namespace tasks::cli {
namespace {

constexpr machine_value known_value(std::uint64_t bits) { return {bits, true, false, 0}; }

struct arithmetic_result {
  std::uint64_t bits = 0;
  bool carry = false, overflow = false;
};

/// `size`: 1, 2, 4 or 8.
arithmetic_result calculate(machine_operation what, std::uint64_t left, std::uint64_t right, std::size_t size,
                            bool carry_before) {
  const auto width = 8 * size;
  const auto top = std::uint64_t{1} << (width - 1);
  const auto count = right % (size == 8 ? 64 : 32);
  arithmetic_result made;
  switch (what) {
    case machine_operation::add:
      made.bits = low_bytes(left + right, size);
      made.carry = made.bits < left;
      made.overflow = (~(left ^ right) & (left ^ made.bits) & top) != 0;
      break;
    case machine_operation::subtract:
    case machine_operation::compare:
      made.bits = low_bytes(left - right, size);
      made.carry = left < right;
      made.overflow = ((left ^ right) & (left ^ made.bits) & top) != 0;
      break;
    case machine_operation::bit_and:
    case machine_operation::test:
      made.bits = left & right;
      break;
    case machine_operation::bit_or:
      made.bits = left | right;
      break;
    case machine_operation::bit_xor:
      made.bits = left ^ right;
      break;
    case machine_operation::shift_left:
      made.bits = low_bytes(left << count, size);
      made.carry = count != 0 && count <= width && ((left >> (width - count)) & 1) != 0;
      break;
    case machine_operation::shift_right:
      made.bits = left >> count;
      made.carry = count != 0 && ((left >> (count - 1)) & 1) != 0;
      break;
    case machine_operation::shift_right_signed: {
      const auto extended = static_cast<std::int64_t>(sign_extended(left, size));
      made.bits = low_bytes(static_cast<std::uint64_t>(extended >> count), size);
      made.carry = count != 0 && ((extended >> (count - 1)) & 1) != 0;
      break;
    }
    case machine_operation::increment:
      made.bits = low_bytes(left + 1, size);
      made.carry = carry_before;
      break;
    case machine_operation::decrement:
      made.bits = low_bytes(left - 1, size);
      made.carry = carry_before;
      break;
    case machine_operation::negate:
      made.bits = low_bytes(0 - left, size);
      made.carry = left != 0;
      break;
    case machine_operation::invert:
      made.bits = low_bytes(~left, size);
      break;
    case machine_operation::bit_test:
      made.bits = left;
      made.carry = ((left >> (right % width)) & 1) != 0;
      break;
    default:
      break;
  }
  return made;
}

/// Of what it is masked with no more than the lowest byte counts.
bool is_byte(const machine_value& mask) { return mask.is_known && mask.bits <= 0xff; }

machine_operand lowest_byte(machine_operand of) {
  if (of.is == machine_operand::form::a_register && !of.is_high_byte) of.size = 1;
  return of;
}

bool only_sets_flags(machine_operation what) {
  return what == machine_operation::compare || what == machine_operation::test || what == machine_operation::bit_test;
}

}  // namespace

/// What is not known may still be of the index: a table that is read by it.
machine_value machine_steps::address_of(const machine_state& state, const machine_operand& operand,
                                        std::uint64_t next) {
  machine_value made = known_value(operand.value);
  if (operand.is_thread_local) return {};
  const auto add = [&](const machine_value& value, std::uint64_t scale) {
    made.is_known = made.is_known && value.is_known;
    made.bits += value.bits * scale;
    if (!value.is_of_index) return;
    made.is_of_index = true;
    made.source = value.source;
  };
  if (operand.base == machine_operand::instruction_pointer) {
    made.bits += next;
  } else if (operand.base != machine_operand::no_register) {
    add(state.get(operand.base, 8), 1);
  }
  if (operand.index != machine_operand::no_register) add(state.get(operand.index, 8), operand.scale);
  return made;
}

/// AddressSanitizer asks before each access: all of a frame and of the stack may be touched.
bool machine_steps::is_asan_shadow(std::uint64_t address) noexcept {
  const auto its = asan_shadow::memory_of(address);
  return its - frame < longest_frame || machine_state::is_stack(its);
}

/// Of an operand in memory, or an address that is taken.
void machine_steps::lose_address(const machine_state& state, const machine_operand& operand, std::uint64_t next) {
  if (operand.is != machine_operand::form::memory || address_of(state, operand, next).is_known) return;
  const auto value_of = [&](std::uint8_t which) {
    return which < 16 ? state.get(which, sizeof(std::uint64_t)) : machine_value{};
  };
  lose(value_of(operand.base), value_of(operand.index));
}

void machine_steps::see(const machine_state& state, const machine_instruction& instruction) {
  const auto next = state.at + instruction.length;
  for (std::size_t i = 0; i < instruction.operand_count; ++i) lose_address(state, instruction.operands[i], next);
  if (instruction.does == machine_operation::call) static_cast<void>(read(state, instruction.operands[0], next));
  if (instruction.does == machine_operation::other) see_other(state, instruction, next);
}

void machine_steps::see_other(const machine_state& state, const machine_instruction& instruction, std::uint64_t next) {
  for (std::uint8_t i = 0; i < 16; ++i)
    if ((instruction.read >> i & 1) != 0) lose(state.get(i, sizeof(std::uint64_t)));
  lose_address(state, instruction.loaded, next);
  if (instruction.loaded.is == machine_operand::form::memory) static_cast<void>(read(state, instruction.loaded, next));
}

machine_value machine_steps::load(const machine_state& state, std::uint64_t address, std::size_t size) {
  reach(address, size);
  if (size == 0 || size > 8) return {};
  if (const auto written = state.written.load(address, size)) return *written;
  if (is_asan_shadow(address)) return known_value(0);
  if (machine_state::is_stack(address)) return {};
  if (const auto offset = address - frame; offset < longest_frame) {
    constexpr std::uint64_t first_of_promise = 16;  // the pointers to functions before it are never jumped on
    if (task_.why == purpose::find_index && offset >= first_of_promise) return {0, false, true, offset};
    if (task_.why != purpose::dispatch || offset != task_.index_at) return {};
    return {low_bytes(task_.index, std::min<std::size_t>(size, task_.index_size)), true, true, offset};
  }
  // What may be another value when it runs decides nothing.
  if (task_.why == purpose::explore && (address < page_size || code_.may_change(address))) return {};
  const auto number = code_.number_at(address, size);
  return number ? known_value(*number) : machine_value{};
}

bool machine_steps::store(machine_state& state, std::uint64_t address, const machine_value& value, std::size_t size) {
  if (const auto offset = address - frame; offset < longest_frame) {
    if (task_.why != purpose::explore) return false;  // it runs
    reach(address, size);
    touched_ = touched_ || (offset < task_.watched.end && offset + size > task_.watched.begin);
    if (offset == task_.index_at && size >= task_.index_size && value.is_known)
      stored_ = low_bytes(value.bits, task_.index_size);
    return true;
  }
  state.written.store(address, value, size);
  if (state.written.is_full()) lose(known_value(frame));
  return true;
}

machine_value machine_steps::read(const machine_state& state, const machine_operand& operand, std::uint64_t next) {
  switch (operand.is) {
    case machine_operand::form::none:
      return {};
    case machine_operand::form::number:
      return known_value(low_bytes(operand.value, operand.size));
    case machine_operand::form::a_register:
      return operand.is_high_byte ? machine_value{} : state.get(operand.base, operand.size);
    case machine_operand::form::memory:
      break;
  }
  const auto address = address_of(state, operand, next);
  auto value = address.is_known ? load(state, address.bits, operand.size) : machine_value{};
  if (address.is_of_index && !value.is_of_index) value.is_of_index = true, value.source = address.source;
  return value;
}

bool machine_steps::write(machine_state& state, const machine_operand& operand, const machine_value& value,
                          std::uint64_t next) {
  if (operand.is == machine_operand::form::a_register) {
    touched_ = touched_ || (value.is_known && task_.watched.contains(value.bits - frame));
    if (value.is_known) reach(value.bits, 1);
    state.set(operand.base, operand.is_high_byte ? machine_value{} : value, operand.is_high_byte ? 8 : operand.size);
    return true;
  }
  const auto address = address_of(state, operand, next);
  if (!address.is_known) return task_.why == purpose::explore;
  return store(state, address.bits, value, operand.size);
}

bool machine_steps::compute(machine_state& state, const machine_instruction& instruction, std::uint64_t next) {
  const auto& to = instruction.operands[0];
  const auto& from = instruction.operands[1];
  const auto what = instruction.does;
  auto left = read(state, to, next);
  auto right = instruction.operand_count > 1 ? read(state, from, next) : known_value(1);
  if (what == machine_operation::bit_and || what == machine_operation::test) {
    if (is_byte(left) && !right.is_known) right = read(state, lowest_byte(from), next);
    if (is_byte(right) && !left.is_known) left = read(state, lowest_byte(to), next);
  }
  const bool is_zero = what == machine_operation::bit_xor && to.is == machine_operand::form::a_register &&
                       from.is == machine_operand::form::a_register && to.base == from.base && !to.is_high_byte &&
                       !from.is_high_byte;
  machine_value result;
  result.is_known = is_zero || (left.is_known && right.is_known);
  result.is_of_index = !is_zero && (left.is_of_index || right.is_of_index);
  result.source = left.is_of_index ? left.source : right.source;
  const auto made = calculate(what, low_bytes(left.bits, to.size), is_zero ? left.bits : low_bytes(right.bits, to.size),
                              to.size, state.flags.carry);
  result.bits = made.bits;
  if (!result.is_known && !only_sets_flags(what)) lose(left, right);
  if (what != machine_operation::invert) {
    auto& flags = state.flags;
    flags = {result.is_known,
             result.is_of_index,
             made.bits == 0,
             ((made.bits >> (8 * to.size - 1)) & 1) != 0,
             made.carry,
             made.overflow,
             std::popcount(made.bits & 0xff) % 2 == 0,
             result.source};
  }
  return only_sets_flags(what) || write(state, to, result, next);
}

bool machine_steps::run(machine_state& state, const machine_instruction& instruction, std::uint64_t next) {
  const auto& to = instruction.operands[0];
  const auto& from = instruction.operands[1];
  constexpr std::size_t word = 8;
  switch (instruction.does) {
    case machine_operation::nothing:
      return true;
    case machine_operation::move:
      return write(state, to, read(state, from, next), next);
    case machine_operation::move_signed: {
      auto value = read(state, from, next);
      value.bits = sign_extended(value.bits, from.size);
      return write(state, to, value, next);
    }
    case machine_operation::load_address:
      return write(state, to, address_of(state, from, next), next);
    case machine_operation::push: {
      const auto value = read(state, to, next);
      auto top = state.get(machine_operand::stack_pointer, word);
      top.bits -= word;
      state.set(machine_operand::stack_pointer, top, word);
      return top.is_known ? store(state, top.bits, value, word) : task_.why == purpose::explore;
    }
    case machine_operation::pop: {
      auto top = state.get(machine_operand::stack_pointer, word);
      const auto value = top.is_known ? load(state, top.bits, word) : machine_value{};
      top.bits += word;
      state.set(machine_operand::stack_pointer, top, word);
      return write(state, to, value, next);
    }
    case machine_operation::multiply: {
      const auto left = read(state, instruction.operands[instruction.operand_count - 2U], next);
      const auto right = read(state, instruction.operands[instruction.operand_count - 1U], next);
      state.flags = {};
      lose(left, right);
      return write(state, to,
                   {left.bits * right.bits, left.is_known && right.is_known, left.is_of_index || right.is_of_index,
                    left.is_of_index ? left.source : right.source},
                   next);
    }
    case machine_operation::set_if: {
      const auto holds = state.flags.hold(instruction.when);
      return write(state, to,
                   {holds.value_or(false) ? 1U : 0U, holds.has_value(), state.flags.is_of_index, state.flags.source},
                   next);
    }
    case machine_operation::move_if: {
      const auto holds = state.flags.hold(instruction.when);
      auto value = holds ? read(state, *holds ? from : to, next) : machine_value{};
      if (!holds) lose(read(state, from, next), read(state, to, next));
      if (state.flags.is_of_index && !value.is_of_index) value.is_of_index = true, value.source = state.flags.source;
      return write(state, to, value, next);
    }
    case machine_operation::other:
      state.flags = {};
      state.forget(instruction.written);
      return instruction.operand_count == 0 || write(state, to, {}, next);
    default:
      return compute(state, instruction, next);
  }
}

machine_steps::outcome machine_steps::step(machine_state& state, const machine_instruction& instruction) {
  const auto next = state.at + instruction.length;
  switch (instruction.does) {
    case machine_operation::jump: {
      if (const auto target = instruction.target(); target != 0) return {target, false, 0, std::nullopt, false};
      const auto to = read(state, instruction.operands[0], next);
      return {to.is_known ? to.bits : 0, to.is_of_index, to.source, std::nullopt, false};
    }
    case machine_operation::jump_if: {
      const auto holds = state.flags.hold(instruction.when);
      const auto to = !holds ? 0 : *holds ? instruction.target() : next;
      return {to, state.flags.is_of_index, state.flags.source, std::nullopt, false};
    }
    case machine_operation::call:
    case machine_operation::leave_function:
    case machine_operation::stop:
      return {};
    default:
      break;
  }
  stored_.reset();
  touched_ = false;
  if (task_.trace) see(state, instruction);
  const bool goes_on = run(state, instruction, next);
  return {goes_on ? next : 0, false, 0, stored_, touched_};
}

}  // namespace tasks::cli
