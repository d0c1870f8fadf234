#include "sources/snapshot_source.hpp"

#include "linux/proc.hpp"

namespace tasks::cli {

result<v1::TimingState> snapshot_source::time_runs(std::chrono::milliseconds) {
  return error{error_code::no_agent, subject_of(pid()), "only an agent can time runs, and none is asked",
               "start one with tasks::agent; leave out --direct"};
}

}  // namespace tasks::cli
