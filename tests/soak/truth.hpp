#pragma once

/// What the target of a soak tells of itself by another way than its agent: counters in a file that it shares with who
/// drives it. tests/soak/target.py reads them in this order.
///
///   soak_server ──stores──> page (a mapped file) <──loads── tests/soak/soak

#include <atomic>
#include <cstdint>

namespace soak {

using counter = std::atomic<std::uint64_t>;

struct page {
  // They never stand still while the process may run.
  counter rest_beats;  ///< of a task of the context whose tasks stay
  counter busy_beats;  ///< of a task of the context whose tasks come and go

  // Tasks that come and go, `churn::`. What is counted as ended may be shown by as many as there are threads.
  counter spawned;  ///< counted behind co_spawn
  counter begun;    ///< counted before co_spawn
  counter ended;    ///< counted by the task, last
  counter threw;    ///< of these by an exception, counted before it is thrown

  // How often.
  counter workers;  ///< threads in run() have come and gone
  counter loads;    ///< the plugin was loaded
  counter forks;
  counter execs;

  // Odd while the plugin's tasks are all there, and an agent of its own if there is to be one.
  counter plugin_turn;
};

}  // namespace soak
