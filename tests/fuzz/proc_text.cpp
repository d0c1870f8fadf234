/// What /proc and coredumpctl say: of a process that may have chosen its name and its paths, in a container whose files
/// may be somebody else's.
///
///   {which : 1}   text …

#include <algorithm>

#include "input.hpp"
#include "linux/container_of.hpp"
#include "linux/descriptors.hpp"
#include "linux/kernel_words.hpp"
#include "linux/proc.hpp"
#include "linux/smaps.hpp"
#include "linux/thread_list.hpp"
#include "sources/agent_sockets.hpp"
#include "target/core_store.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace tasks;
  fuzz::input in(data, size);
  const auto which = in.number<std::uint8_t>();
  const auto text = in.rest();
  const auto lines = static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')) + 1;
  switch (which) {
    case 's':
      if (const auto stat = cli::parse_stat(text)) static_cast<void>(cli::process_has_ended(*stat));
      break;
    case 'm':
      fuzz::must(cli::parse_maps(text).size() <= lines);
      fuzz::must(cli::parse_smaps(text).size() <= lines);
      break;
    case 'e':
      fuzz::must(cli::epoll_watches(text).size() <= lines);
      static_cast<void>(cli::descriptors_in_flight(text));
      break;
    case 't':
      static_cast<void>(cli::timer_values(text));
      break;
    case 'a':
      static_cast<void>(cli::parse_address(text));
      static_cast<void>(cli::parse_queues(text));
      break;
    case 'c':
      if (const auto its = cli::container_in(text)) {
        fuzz::must(cli::short_id(*its).size() <= text.size());
        static_cast<void>(cli::is_called(*its, text));
      }
      static_cast<void>(cli::is_container_id(text));
      break;
    case 'n':
      if (const auto core = cli::parse_core_name(text)) fuzz::must(!cli::in_words(*core).empty());
      break;
    case 'j':
      if (const auto cores = cli::parse_coredumpctl(std::string(text)))
        for (const auto& core : *cores) static_cast<void>(cli::in_words(core));
      break;
    case 'u':
      static_cast<void>(cli::agent_named_by(text));
      break;
    default:
      break;
  }
  return 0;
}
