#pragma once

/// Where the handlers of Asio's operations are written, by debug information: the function of an operation has a
/// variable that points to its class, whose template arguments lead to the handler's type.
///
///   do_complete() {wait_handler<H, E>* h} ──> class wait_handler, arguments ──> H ──> its operator(), or itself

#include <cstdint>
#include <optional>
#include <string>

#include "symbols/debug_units.hpp"

namespace tasks::cli {

class handler_places {
 public:
  /// `debug` must outlive it.
  explicit handler_places(debug_units& debug) : debug_(debug) {}

  /// Of the handler of the operation that the function at this address completes. Nothing: no debug information tells,
  /// or it is the library's own.
  [[nodiscard]] std::optional<source_line> of_operation(std::uint64_t function);
  /// Where the function at this address is defined.
  [[nodiscard]] std::optional<source_line> of_function(std::uint64_t function);

 private:
  debug_units& debug_;
};

}  // namespace tasks::cli
