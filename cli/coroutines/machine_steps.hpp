#pragma once

/// One instruction after another of body_machine, on what is known.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "coroutines/code_view.hpp"
#include "coroutines/machine_state.hpp"
#include "linux/memory.hpp"

namespace tasks::cli {

/// What of a frame was come to.
struct frame_trace {
  std::vector<bool> reached;  ///< of each byte: it was read, written, or its address was taken
  bool is_lost = false;       ///< what was made of an address in the frame may be another one there

  void reach(std::uint64_t offset, std::size_t size) {
    for (auto at = offset; at < reached.size() && at - offset < size; ++at) reached[at] = true;
  }
};

class machine_steps {
 public:
  /// Where no target has anything.
  static constexpr std::uint64_t frame = 0x6000'0000'0000;

  enum class purpose : std::uint8_t {
    dispatch,    ///< the index is given; it ends where anything is written to the frame, or something is not known
    explore,     ///< nothing of the frame is known; nothing ends it but a jump to what is not known
    find_index,  ///< as dispatch, and whatever is loaded from the frame may be the index
  };
  struct task {
    purpose why = purpose::dispatch;
    std::uint64_t index_at = 0;    ///< offset in the frame
    std::uint32_t index_size = 0;  ///< in bytes
    std::uint64_t index = 0;       ///< of purpose::dispatch
    range watched{};               ///< of purpose::explore: bytes of the frame, by offset
    frame_trace* trace = nullptr;  ///< likewise; null: nobody asks
  };

  /// `code` must outlive it.
  explicit machine_steps(code_view& code) : code_(code) {}
  void begin(const task& what) { task_ = what; }

  struct outcome {
    std::uint64_t next = 0;               ///< the instruction that is next; 0: it ends here
    bool is_of_index = false;             ///< it was a jump that depends on the index
    std::uint64_t source = 0;             ///< as machine_value::source
    std::optional<std::uint64_t> stored;  ///< an index that is known was stored in the frame
    bool touched = false;                 ///< something was stored to what is watched, or its address was taken
  };
  /// Runs the instruction at `state.at`, which stays what it is. A jump on what is not known ends, be it of the index.
  [[nodiscard]] outcome step(machine_state& state, const machine_instruction& instruction);

  /// Writes to the trace what an instruction takes whose effects are nobody's business, as a call.
  void see(const machine_state& state, const machine_instruction& instruction);

 private:
  static constexpr std::uint64_t longest_frame = std::uint64_t{1} << 20;

  [[nodiscard]] static bool is_in_frame(const machine_value& value) noexcept {
    return value.is_known && value.bits - frame < longest_frame;
  }
  /// What is made of these is not known: it may be an address in the frame that no trace has.
  void lose(const machine_value& one, const machine_value& other = {}) {
    if (task_.trace && (is_in_frame(one) || is_in_frame(other))) task_.trace->is_lost = true;
  }
  void lose_address(const machine_state& state, const machine_operand& operand, std::uint64_t next);
  void see_other(const machine_state& state, const machine_instruction& instruction, std::uint64_t next);
  void reach(std::uint64_t address, std::size_t size) const {
    if (task_.trace && address - frame < longest_frame) task_.trace->reach(address - frame, size);
  }

  [[nodiscard]] static machine_value address_of(const machine_state& state, const machine_operand& operand,
                                                std::uint64_t next);
  [[nodiscard]] static bool is_asan_shadow(std::uint64_t address) noexcept;
  [[nodiscard]] machine_value load(const machine_state& state, std::uint64_t address, std::size_t size);
  /// False: it ends here.
  [[nodiscard]] bool store(machine_state& state, std::uint64_t address, const machine_value& value, std::size_t size);
  [[nodiscard]] machine_value read(const machine_state& state, const machine_operand& operand, std::uint64_t next);
  [[nodiscard]] bool write(machine_state& state, const machine_operand& operand, const machine_value& value,
                           std::uint64_t next);
  [[nodiscard]] bool compute(machine_state& state, const machine_instruction& instruction, std::uint64_t next);
  [[nodiscard]] bool run(machine_state& state, const machine_instruction& instruction, std::uint64_t next);

  code_view& code_;
  task task_;
  std::optional<std::uint64_t> stored_;
  bool touched_ = false;
};

}  // namespace tasks::cli
