#pragma once

/// Where a body suspends: the places at which it stores the index of each suspend point, and await_suspend() near them.
///
///   index ──> place of the store ──> await_suspend() in the same straight piece of code, or behind a jump

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "coroutines/body_machine.hpp"
#include "coroutines/frame_layout.hpp"
#include "symbols/debug_units.hpp"

namespace tasks::cli {

class suspend_sites {
 public:
  /// All must outlive it.
  suspend_sites(const code_bytes& code, modules& of, debug_units& debug, body_machine& machine)
      : code_(code), modules_(of), debug_(debug), machine_(machine) {}

  struct site {
    std::optional<source_line> certain;  ///< of await_suspend() in the same straight piece of code as the store
    std::optional<source_line> merged;   ///< of await_suspend() behind a jump: pieces that are alike may be one
    std::optional<source_line> store;    ///< of the store itself
  };
  [[nodiscard]] site find(const coroutine_body& body, const frame_layout& layout, std::uint64_t index);
  /// Of the first store. Nothing: none is known.
  [[nodiscard]] std::optional<std::uint64_t> place_of(const coroutine_body& body, const frame_layout& layout,
                                                      std::uint64_t index);
  /// Is a function of an awaiter inlined in the body at an address, or called there?
  [[nodiscard]] bool has_call(std::uint64_t address, std::string_view function) {
    return has_call(address, machine_.called_at(address), function);
  }

 private:
  enum class kind : std::uint8_t { straight, call, jump, end };
  struct instruction {
    std::uint64_t address = 0;
    std::uint64_t target = 0;  ///< of a call or a jump; 0: not known
    kind is = kind::straight;
    bool is_target = false;  ///< of a jump
    bool stores_index = false;
  };
  struct body_code {
    std::vector<instruction> instructions;  ///< by address
    std::map<std::uint64_t, std::vector<std::size_t>> stores;
    [[nodiscard]] std::optional<std::size_t> at(std::uint64_t address) const;
  };

  [[nodiscard]] const body_code& code_of(const coroutine_body& body, const frame_layout& layout);
  [[nodiscard]] std::vector<range> ranges_of(const coroutine_body& body);
  void decode(range where, body_code& to, std::vector<std::uint64_t>& targets);
  [[nodiscard]] bool has_call(std::uint64_t address, std::uint64_t called, std::string_view function);
  [[nodiscard]] const std::string& symbol_at(std::uint64_t address);
  [[nodiscard]] std::optional<source_line> suspends_at(const instruction& at);
  void look_ahead(const body_code& in, std::size_t store, site& found);
  void look_back(const body_code& in, std::size_t store, site& found);

  const code_bytes& code_;
  modules& modules_;
  debug_units& debug_;
  body_machine& machine_;
  std::unordered_map<std::uint64_t, body_code> known_;      ///< by where they begin
  std::unordered_map<std::uint64_t, std::string> symbols_;  ///< of functions
};

}  // namespace tasks::cli
