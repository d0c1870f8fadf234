/// What a reader sends to the agent: requests, each with its length in front.
///
/// Whatever comes, the agent neither ends its host nor sends what is no answer: Hello, then Responses. And what it
/// reads in a request libprotobuf reads, too.

#include "server/session.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>

#include <string>

#include "input.hpp"
#include "length_prefix.hpp"
#include "server/wire.hpp"
#include "support/fake_task.hpp"
#include "tasks/this_task.hpp"
#include "tasks/v1/agent.pb.h"

namespace {

using namespace tasks;
using detail::length_prefix;

constexpr std::size_t most_at_once = 65'536;

/// What there is to be told: one of each state, one of a deep stack, one with a name and a label.
void begin_tasks() {
  static testing::fake_task ready, running, unknown, receives, sleeps, deep;
  ready.wake();
  running.run();
  unknown.run().wait_unknown();
  receives.run();
  this_task::set_name("receiver");
  this_task::set_label("client", "10.0.0.7");
  receives.wait(layout::wait_kind::channel_receive, 0x5000, layout::detail_kind::capacity, 3);
  sleeps.run().wait(layout::wait_kind::timer, 0x6000, layout::detail_kind::steady_expiry, 1'000'000);
  deep.run();
  for (int i = 0; i < 40; ++i) deep.enter();
  deep.wait(layout::wait_kind::socket_read, 0x7000, layout::detail_kind::none, 0, 9);
}

void compare_with_libprotobuf(std::string_view message) {
  const auto ours = wire::decode_request(message);
  v1::Request theirs;
  if (!ours || !theirs.ParseFromArray(message.data(), static_cast<int>(message.size()))) return;
  fuzz::must(ours->protocol == theirs.protocol());
  fuzz::must((ours->ask == wire::request::kind::vitals) == theirs.has_vitals());
  fuzz::must((ours->ask == wire::request::kind::stacks) == theirs.has_stacks());
  fuzz::must((ours->ask == wire::request::kind::timing) == theirs.has_timing());
}

/// What the agent has sent, part by part.
void check_answers(std::string_view text) {
  for (bool is_first = true; !text.empty(); is_first = false) {
    const auto prefix = detail::read_length_prefix(text);
    fuzz::must(prefix.is == length_prefix::state::complete && prefix.length <= text.size() - prefix.size);
    v1::Response part;
    fuzz::must(part.ParseFromArray(text.data() + prefix.size, static_cast<int>(prefix.length)));
    fuzz::must(part.has_hello() == is_first && part.part_case() != v1::Response::PART_NOT_SET);
    text.remove_prefix(prefix.size + prefix.length);
  }
}

/// What a session answers to all of `asked`, and to its end.
std::string answers_to(std::string_view asked) {
  static detail::serve_shared shared;
  static const detail::cpu_quota quota;
  static detail::timing_switch timing;
  int ends[2];
  fuzz::must(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) == 0);
  const detail::descriptor reader(ends[0]);
  std::atomic<int> place{-1};
  detail::session session(shared, quota, timing, detail::descriptor(ends[1]), place);
  std::string answers;
  bool is_asking = true;
  while (!session.is_over()) {
    if (is_asking) {
      const auto sent = ::send(reader.get(), asked.data(), asked.size(), MSG_NOSIGNAL);
      if (sent > 0) asked.remove_prefix(static_cast<std::size_t>(sent));
      is_asking = !asked.empty() && (sent >= 0 || errno == EAGAIN);
      if (!is_asking) ::shutdown(reader.get(), SHUT_WR);
    }
    auto state = session.wants();
    if (::poll(&state, 1, 1) > 0 || session.until() <= detail::session::clock::now()) session.go_on();
    char part[4096];
    for (ssize_t got; (got = ::recv(reader.get(), part, sizeof part, 0)) > 0;)
      answers.append(part, static_cast<std::size_t>(got));
  }
  char part[4096];
  for (ssize_t got; (got = ::recv(reader.get(), part, sizeof part, 0)) > 0;)
    answers.append(part, static_cast<std::size_t>(got));
  timing.turn_off();
  return answers;
}

}  // namespace

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  google::protobuf::SetLogHandler(nullptr);  // it says of each input what is wrong with it
  begin_tasks();
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto prefix = detail::read_length_prefix(text);
  if (prefix.is == length_prefix::state::complete && prefix.length <= text.size() - prefix.size)
    compare_with_libprotobuf(text.substr(prefix.size, prefix.length));
  if (size <= most_at_once) check_answers(answers_to(text));
  return 0;
}
