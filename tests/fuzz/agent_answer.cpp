/// What an agent, or whatever else listens on its socket, sends to the CLI: Hello and Responses, each with its length
/// in front.
///
///   {piece : 2}   answer …      how many bytes come at once; 0: all of them
///
/// It is read to its end or refused with a reason. Whatever passed is printed as JSON that JSON's reader takes.

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/json.hpp"
#include "base/json_syntax.hpp"
#include "input.hpp"
#include "sources/agent_connection.hpp"

namespace {

using namespace tasks;

/// Who the corpus's agents say that they are. Nobody has this pid, so nobody waits for its end.
constexpr cli::identity expected{.pid = 0x7fff'fff0, .inner_pid = 4242, .start_time = 1000};

}  // namespace

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  google::protobuf::SetLogHandler(nullptr);  // it says of each input what is wrong with it
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::input in(data, size);
  const auto piece = in.number<std::uint16_t>();
  auto answer = in.rest();
  int ends[2];
  fuzz::must(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) == 0);
  detail::descriptor agent(ends[0]);
  cli::agent_connection connection(detail::descriptor(ends[1]), expected);
  fmt::memory_buffer text;
  const auto print = [&](const v1::Response& part) {
    text.clear();
    cli::print_json(text, part);
    fuzz::must(cli::is_json_object({text.data(), text.size()}));
    return true;
  };
  for (;;) {
    const auto some = answer.substr(0, piece == 0 ? answer.npos : piece);
    const auto sent = ::send(agent.get(), some.data(), some.size(), MSG_NOSIGNAL);
    if (sent > 0) answer.remove_prefix(static_cast<std::size_t>(sent));
    if (answer.empty()) agent = {};
    auto step = connection.on_ready(print);
    // What came together with the answer before.
    while (step && *step == cli::agent_connection::progress::done) step = connection.on_ready(print);
    if (!step) fuzz::must(!step.why().fact.empty());
    if (!step || *step == cli::agent_connection::progress::hung_up) break;
  }
  return 0;
}
