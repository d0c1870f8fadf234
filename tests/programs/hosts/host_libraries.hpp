#pragma once

#include <memory>

/// Coroutines of one kind of Asio on a thread of their own: ten wait on a channel, one for a signal.
class host_part {
 public:
  virtual ~host_part() = default;
  /// Sends each of the ten a message, and the signal; waits until all have arrived. Returns how often it did.
  virtual int work() = 0;
};

std::unique_ptr<host_part> make_standalone_part();
std::unique_ptr<host_part> make_boost_part();
