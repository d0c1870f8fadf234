#include "coroutines/instructions.hpp"

namespace tasks::cli {

std::optional<machine_instruction> decode_instruction(std::span<const unsigned char>, std::uint64_t) {
  return std::nullopt;
}

}  // namespace tasks::cli
