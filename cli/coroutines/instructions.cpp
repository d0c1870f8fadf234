#include "coroutines/instructions.hpp"

#include <Zydis/Zydis.h>

namespace tasks::cli {
namespace {

struct zydis_meaning {
  machine_operation does = machine_operation::other;
  machine_condition when = machine_condition::not_known;
};

zydis_meaning meaning_of_jump(ZydisMnemonic mnemonic) {
  using enum machine_condition;
  const auto when = [](machine_condition condition) { return zydis_meaning{machine_operation::jump_if, condition}; };
  switch (mnemonic) {
    case ZYDIS_MNEMONIC_JZ:
      return when(equal);
    case ZYDIS_MNEMONIC_JNZ:
      return when(not_equal);
    case ZYDIS_MNEMONIC_JNBE:
      return when(above);
    case ZYDIS_MNEMONIC_JNB:
      return when(above_or_equal);
    case ZYDIS_MNEMONIC_JB:
      return when(below);
    case ZYDIS_MNEMONIC_JBE:
      return when(below_or_equal);
    case ZYDIS_MNEMONIC_JNLE:
      return when(greater);
    case ZYDIS_MNEMONIC_JNL:
      return when(greater_or_equal);
    case ZYDIS_MNEMONIC_JL:
      return when(less);
    case ZYDIS_MNEMONIC_JLE:
      return when(less_or_equal);
    case ZYDIS_MNEMONIC_JS:
      return when(negative);
    case ZYDIS_MNEMONIC_JNS:
      return when(not_negative);
    case ZYDIS_MNEMONIC_JP:
      return when(parity);
    case ZYDIS_MNEMONIC_JNP:
      return when(no_parity);
    default:
      return when(not_known);  // on overflow, on what rcx is
  }
}

zydis_meaning meaning_of_set(ZydisMnemonic mnemonic) {
  using enum machine_condition;
  const auto when = [](machine_condition condition) { return zydis_meaning{machine_operation::set_if, condition}; };
  switch (mnemonic) {
    case ZYDIS_MNEMONIC_SETZ:
      return when(equal);
    case ZYDIS_MNEMONIC_SETNZ:
      return when(not_equal);
    case ZYDIS_MNEMONIC_SETNBE:
      return when(above);
    case ZYDIS_MNEMONIC_SETNB:
      return when(above_or_equal);
    case ZYDIS_MNEMONIC_SETB:
      return when(below);
    case ZYDIS_MNEMONIC_SETBE:
      return when(below_or_equal);
    case ZYDIS_MNEMONIC_SETNLE:
      return when(greater);
    case ZYDIS_MNEMONIC_SETNL:
      return when(greater_or_equal);
    case ZYDIS_MNEMONIC_SETL:
      return when(less);
    case ZYDIS_MNEMONIC_SETLE:
      return when(less_or_equal);
    case ZYDIS_MNEMONIC_SETS:
      return when(negative);
    case ZYDIS_MNEMONIC_SETNS:
      return when(not_negative);
    default:
      return {};
  }
}

zydis_meaning meaning_of_conditional_move(ZydisMnemonic mnemonic) {
  using enum machine_condition;
  const auto when = [](machine_condition condition) { return zydis_meaning{machine_operation::move_if, condition}; };
  switch (mnemonic) {
    case ZYDIS_MNEMONIC_CMOVZ:
      return when(equal);
    case ZYDIS_MNEMONIC_CMOVNZ:
      return when(not_equal);
    case ZYDIS_MNEMONIC_CMOVNBE:
      return when(above);
    case ZYDIS_MNEMONIC_CMOVNB:
      return when(above_or_equal);
    case ZYDIS_MNEMONIC_CMOVB:
      return when(below);
    case ZYDIS_MNEMONIC_CMOVBE:
      return when(below_or_equal);
    case ZYDIS_MNEMONIC_CMOVNLE:
      return when(greater);
    case ZYDIS_MNEMONIC_CMOVNL:
      return when(greater_or_equal);
    case ZYDIS_MNEMONIC_CMOVL:
      return when(less);
    case ZYDIS_MNEMONIC_CMOVLE:
      return when(less_or_equal);
    case ZYDIS_MNEMONIC_CMOVS:
      return when(negative);
    case ZYDIS_MNEMONIC_CMOVNS:
      return when(not_negative);
    default:
      return {};
  }
}

zydis_meaning meaning_of(const ZydisDecodedInstruction& decoded) {
  using enum machine_operation;
  if (decoded.meta.category == ZYDIS_CATEGORY_COND_BR) return meaning_of_jump(decoded.mnemonic);
  if (decoded.meta.category == ZYDIS_CATEGORY_CMOV) return meaning_of_conditional_move(decoded.mnemonic);
  switch (decoded.mnemonic) {
    case ZYDIS_MNEMONIC_NOP:
    case ZYDIS_MNEMONIC_ENDBR64:
    case ZYDIS_MNEMONIC_ENDBR32:
      return {nothing};
    case ZYDIS_MNEMONIC_MOV:
    case ZYDIS_MNEMONIC_MOVZX:
      return {move};
    case ZYDIS_MNEMONIC_MOVSX:
    case ZYDIS_MNEMONIC_MOVSXD:
    case ZYDIS_MNEMONIC_CDQE:
    case ZYDIS_MNEMONIC_CWDE:
      return {move_signed};
    case ZYDIS_MNEMONIC_LEA:
      return {load_address};
    case ZYDIS_MNEMONIC_PUSH:
      return {push};
    case ZYDIS_MNEMONIC_POP:
      return {pop};
    case ZYDIS_MNEMONIC_ADD:
      return {add};
    case ZYDIS_MNEMONIC_SUB:
      return {subtract};
    case ZYDIS_MNEMONIC_CMP:
      return {compare};
    case ZYDIS_MNEMONIC_AND:
      return {bit_and};
    case ZYDIS_MNEMONIC_TEST:
      return {test};
    case ZYDIS_MNEMONIC_OR:
      return {bit_or};
    case ZYDIS_MNEMONIC_XOR:
      return {bit_xor};
    case ZYDIS_MNEMONIC_SHL:
      return {shift_left};
    case ZYDIS_MNEMONIC_SHR:
      return {shift_right};
    case ZYDIS_MNEMONIC_SAR:
      return {shift_right_signed};
    case ZYDIS_MNEMONIC_INC:
      return {increment};
    case ZYDIS_MNEMONIC_DEC:
      return {decrement};
    case ZYDIS_MNEMONIC_NEG:
      return {negate};
    case ZYDIS_MNEMONIC_NOT:
      return {invert};
    case ZYDIS_MNEMONIC_BT:
      return {bit_test};
    case ZYDIS_MNEMONIC_IMUL:
      return {decoded.operand_count_visible < 2 ? other : multiply};
    case ZYDIS_MNEMONIC_JMP:
      return {jump};
    case ZYDIS_MNEMONIC_CALL:
      return {call};
    case ZYDIS_MNEMONIC_RET:
      return {leave_function};
    case ZYDIS_MNEMONIC_UD2:
    case ZYDIS_MNEMONIC_SYSCALL:
    case ZYDIS_MNEMONIC_INT3:
    case ZYDIS_MNEMONIC_HLT:
      return {stop};
    default:
      return meaning_of_set(decoded.mnemonic);
  }
}

std::uint8_t number_of(ZydisRegister which) {
  if (which == ZYDIS_REGISTER_RIP) return machine_operand::instruction_pointer;
  const auto whole = ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64, which);
  if (whole < ZYDIS_REGISTER_RAX || whole > ZYDIS_REGISTER_R15) return machine_operand::no_register;
  return static_cast<std::uint8_t>(whole - ZYDIS_REGISTER_RAX);
}

machine_operand a_register_of(std::uint8_t which, std::uint8_t size) {
  machine_operand made;
  made.is = machine_operand::form::a_register;
  made.size = size;
  made.base = which;
  return made;
}

machine_operand operand_of(const ZydisDecodedOperand& from, std::uint64_t next) {
  machine_operand made;
  made.size = static_cast<std::uint8_t>(from.size / 8 > 64 ? 64 : from.size / 8);
  switch (from.type) {
    case ZYDIS_OPERAND_TYPE_REGISTER:
      made.is = machine_operand::form::a_register;
      made.base = number_of(from.reg.value);
      made.is_high_byte = from.reg.value >= ZYDIS_REGISTER_AH && from.reg.value <= ZYDIS_REGISTER_BH;
      break;
    case ZYDIS_OPERAND_TYPE_IMMEDIATE:
      made.is = machine_operand::form::number;
      made.value = from.imm.value.u;
      if (from.imm.is_relative) made.value += next;
      break;
    case ZYDIS_OPERAND_TYPE_MEMORY:
      made.is = machine_operand::form::memory;
      made.base = number_of(from.mem.base);
      made.index = number_of(from.mem.index);
      // A base or an index that is none of the 16 registers makes the address one that is not known.
      made.is_thread_local = from.mem.segment == ZYDIS_REGISTER_FS || from.mem.segment == ZYDIS_REGISTER_GS ||
                             (from.mem.base != ZYDIS_REGISTER_NONE && made.base == machine_operand::no_register) ||
                             (from.mem.index != ZYDIS_REGISTER_NONE && made.index == machine_operand::no_register);
      made.scale = from.mem.scale;
      made.value = static_cast<std::uint64_t>(from.mem.disp.value);
      break;
    default:
      break;
  }
  return made;
}

bool is_written(const ZydisDecodedOperand& operand) { return (operand.actions & ZYDIS_OPERAND_ACTION_MASK_WRITE) != 0; }
bool is_read(const ZydisDecodedOperand& operand) { return (operand.actions & ZYDIS_OPERAND_ACTION_MASK_READ) != 0; }

/// Of an instruction that is not told apart: what it takes, and which memory it writes.
void add_effects(const ZydisDecodedInstruction& decoded, const ZydisDecodedOperand* operands, std::uint64_t next,
                 machine_instruction& to) {
  for (std::size_t i = 0; i < decoded.operand_count; ++i) {
    const auto& operand = operands[i];
    if (operand.type == ZYDIS_OPERAND_TYPE_REGISTER && is_read(operand)) {
      if (const auto which = number_of(operand.reg.value); which < 16)
        to.read = static_cast<std::uint16_t>(to.read | (1U << which));
    }
    if (operand.type != ZYDIS_OPERAND_TYPE_MEMORY) continue;
    if (is_written(operand) && to.operand_count == 0) {
      to.operands[0] = operand_of(operand, next);
      to.operand_count = 1;
    } else if (to.loaded.is == machine_operand::form::none) {
      to.loaded = operand_of(operand, next);
    }
  }
}

/// Arithmetic is done on words of 1, 2, 4 and 8 bytes.
bool has_sizes_of_words(const machine_instruction& of) {
  for (std::size_t i = 0; i < of.operand_count; ++i) {
    const auto& each = of.operands[i];
    const bool is_address = of.does == machine_operation::load_address && i == 1;
    if (!is_address && each.size != 1 && each.size != 2 && each.size != 4 && each.size != 8) return false;
  }
  return true;
}

const ZydisDecoder& decoder_of_64_bits() {
  static const auto decoder = [] {
    ZydisDecoder made;
    ZydisDecoderInit(&made, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
    return made;
  }();
  return decoder;
}

}  // namespace

std::optional<machine_instruction> decode_instruction(std::span<const unsigned char> bytes, std::uint64_t address) {
  ZydisDecodedInstruction decoded;
  ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
  if (!ZYAN_SUCCESS(ZydisDecoderDecodeFull(&decoder_of_64_bits(), bytes.data(), bytes.size(), &decoded, operands)))
    return std::nullopt;
  machine_instruction made;
  const auto meaning = meaning_of(decoded);
  made.does = meaning.does;
  made.when = meaning.when;
  made.length = decoded.length;
  const auto next = address + decoded.length;
  for (std::size_t i = 0; i < decoded.operand_count; ++i) {
    if (operands[i].type != ZYDIS_OPERAND_TYPE_REGISTER || !is_written(operands[i])) continue;
    if (const auto which = number_of(operands[i].reg.value); which < 16)
      made.written = static_cast<std::uint16_t>(made.written | (1U << which));
  }
  if (decoded.mnemonic == ZYDIS_MNEMONIC_CDQE || decoded.mnemonic == ZYDIS_MNEMONIC_CWDE) {
    const bool is_long = decoded.mnemonic == ZYDIS_MNEMONIC_CDQE;
    made.operand_count = 2;
    made.operands[0] = a_register_of(0, is_long ? 8 : 4);
    made.operands[1] = a_register_of(0, is_long ? 4 : 2);
    return made;
  }
  if (made.does != machine_operation::other) {
    for (std::size_t i = 0; i < decoded.operand_count_visible && i < made.operands.size(); ++i) {
      auto& operand = made.operands[i];
      operand = operand_of(operands[i], next);
      // A number is as long as what it is computed with.
      if (operand.is == machine_operand::form::number) operand.size = i > 0 ? made.operands[0].size : 8;
      made.operand_count = static_cast<std::uint8_t>(i + 1);
    }
    if (has_sizes_of_words(made) || made.does == machine_operation::nothing || made.does == machine_operation::jump_if)
      return made;
    made.does = machine_operation::other;
  }
  made.operands = {};
  made.operand_count = 0;
  add_effects(decoded, operands, next, made);
  return made;
}

}  // namespace tasks::cli
