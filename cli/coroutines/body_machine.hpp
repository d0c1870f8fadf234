#pragma once

/// A small abstract machine that runs a coroutine's body on what is known, which is little more than where its frame is
/// and the index of its suspend point: registers, stack and flags are known or unknown, calls clobber, and both ways
/// are taken where a condition is not known. Nothing of the target is written or called.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "coroutines/bodies.hpp"
#include "coroutines/code_bytes.hpp"
#include "coroutines/frame_layout.hpp"

namespace tasks::cli {

class body_machine {
 public:
  /// `code` must outlive it.
  explicit body_machine(const code_bytes& code);
  ~body_machine();
  body_machine(const body_machine&) = delete;
  body_machine& operator=(const body_machine&) = delete;

  /// Where the body stores each index that it can come to.
  using stores = std::map<std::uint64_t, std::set<std::uint64_t>>;
  [[nodiscard]] stores find_stores(const coroutine_body& body, const frame_layout& layout) {
    return find_stores(body, layout, range());
  }
  /// Where it can come to without storing anything to these bytes of its frame, and without taking their address; of a
  /// body that is too large to be followed everywhere it can come to.
  [[nodiscard]] stores find_stores(const coroutine_body& body, const frame_layout& layout, range untouched);

  /// Those of which a way is known that does so: what lies in these bytes at such a suspend point has not begun, or its
  /// scope is another, as no way into a scope leads past what makes its variables.
  [[nodiscard]] std::set<std::uint64_t> find_untouched(const coroutine_body& body, const frame_layout& layout,
                                                       range untouched);

  /// Whose code lies at an address: the body's, another function's; or no symbol says so.
  enum class owner : std::uint8_t { body, other, nobody };
  /// What of a frame that is suspended there is come to where it is destroyed; of a body of g++'s. Nothing: some way
  /// through it is not known to its end.
  [[nodiscard]] std::optional<std::vector<bool>> find_destroyed(const coroutine_body& body, const frame_layout& layout,
                                                                std::uint64_t index,
                                                                const std::function<owner(std::uint64_t)>& whose);

  /// Where it goes on when it is resumed.
  struct dispatch {
    std::uint64_t first_jump = 0;     ///< that depends on the index; 0: there is none
    std::uint64_t target = 0;         ///< behind the last such jump; 0: not found
    std::vector<std::uint64_t> path;  ///< instructions that are certain to run from there on, up to the first call
  };
  [[nodiscard]] dispatch resume_at(const coroutine_body& body, const frame_layout& layout, std::uint64_t index);

  /// Of a body without debug information: the offset of what its dispatch loads from the frame and jumps on first.
  [[nodiscard]] std::optional<std::uint64_t> find_index(const coroutine_body& body);

  /// How many instructions were run so far, where all ways are taken.
  [[nodiscard]] std::uint64_t steps() const noexcept;

  /// The instruction after the one there, or where its jump leads; 0: it returns, or is none.
  [[nodiscard]] std::uint64_t next_of(std::uint64_t address);
  /// What the instruction there calls; 0: it calls nothing, or what is not known.
  [[nodiscard]] std::uint64_t called_at(std::uint64_t address);

 private:
  class state;
  struct followed {
    stores at;
    bool is_whole = true;  ///< all ways were followed
  };
  [[nodiscard]] followed follow_stores(const coroutine_body& body, const frame_layout& layout, range untouched);

  std::unique_ptr<state> state_;
};

}  // namespace tasks::cli
