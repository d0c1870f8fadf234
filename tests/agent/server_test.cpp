// The server against readers of all kinds: after each the next request is answered, and the target goes on.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include <vector>

#include "support/agent_client.hpp"

namespace tasks::testing {
namespace {

using ::testing::StartsWith;

/// Until the agent has closed its side, whatever there is still to read.
void wait_for_hang_up(const agent_client& client) {
  pollfd closed{client.fd(), 0, 0};  // POLLHUP comes unasked
  ASSERT_EQ(poll(&closed, 1, static_cast<int>(std::chrono::milliseconds(guard).count())), 1);
}

class Server : public ::testing::Test {
 protected:
  explicit Server(std::vector<std::string> arguments = {}) : host_(command(std::move(arguments)), {dir_.variable()}) {}

  static std::vector<std::string> command(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), program_path("agent_host"));
    return arguments;
  }
  [[nodiscard]] std::string path() const { return dir_.path() + "/" + host_.pid_text(); }

  void TearDown() override {
    const auto next = ask(path(), vitals_request());
    EXPECT_TRUE(next.vitals.has_value());
    EXPECT_TRUE(next.trailer.has_value());
    host_.write("status\n");
    EXPECT_THAT(host_.read_line(), StartsWith("2 0 "));
    EXPECT_EQ(host_.stop(), (ending{.code = 0, .signal = 0}));
  }

  temporary_directory dir_;
  program host_;
};

TEST_F(Server, SaysFirstWhoItIs) {
  agent_client first(path());
  const auto hello = first.hello();
  EXPECT_EQ(hello.protocol(), 1u);
  EXPECT_EQ(hello.layout(), 3u);
  EXPECT_EQ(hello.pid(), static_cast<std::uint32_t>(host_.pid()));
  const auto stat = run({"cut", "-d ", "-f22", "/proc/" + host_.pid_text() + "/stat"});
  EXPECT_EQ(std::to_string(hello.start_time()) + "\n", stat.out);
  agent_client second(path());
  EXPECT_EQ(second.hello().instance(), hello.instance());
  EXPECT_NE(hello.instance(), 0u);
}

TEST_F(Server, KeepsTheConnectionAfterAnUnknownRequest) {
  agent_client client(path());
  client.hello();
  v1::Request nothing;
  nothing.set_protocol(1);
  const auto refused = client.ask(nothing);
  ASSERT_TRUE(refused.error.has_value());
  EXPECT_EQ(refused.error->code(), v1::Error::UNKNOWN_REQUEST);
  EXPECT_TRUE(client.ask(vitals_request()).vitals.has_value());
}

TEST_F(Server, SaysSoWhenTheProtocolIsNewerThanItsOwn) {
  agent_client client(path());
  client.hello();
  auto request = vitals_request();
  request.set_protocol(2);
  const auto refused = client.ask(request);
  ASSERT_TRUE(refused.error.has_value());
  EXPECT_EQ(refused.error->code(), v1::Error::NEWER_PROTOCOL);
  EXPECT_TRUE(client.ask(vitals_request()).vitals.has_value());
}

v1::Request timing_request(std::uint32_t lease_ms) {
  v1::Request request;
  request.set_protocol(1);
  request.mutable_timing()->set_lease_ms(lease_ms);
  return request;
}
bool is_timed(agent_client& client) {
  auto request = stacks_request();
  request.mutable_stacks()->set_timing(true);
  return client.ask(request).trailer->timing().on();
}
/// Fails the test where it goes on for ever.
void wait_until_untimed(agent_client& client) {
  const auto end = std::chrono::steady_clock::now() + guard;
  while (is_timed(client)) ASSERT_LT(std::chrono::steady_clock::now(), end);
}

TEST_F(Server, TimesRunsWhileAReaderHasALease) {
  agent_client other(path());
  other.hello();
  EXPECT_FALSE(is_timed(other));
  {
    agent_client client(path());
    client.hello();
    const auto begun = client.ask(timing_request(60'000));
    ASSERT_TRUE(begun.trailer.has_value());
    EXPECT_TRUE(begun.trailer->timing().on());
    EXPECT_TRUE(is_timed(other));
    EXPECT_TRUE(other.ask(timing_request(60'000)).trailer->timing().on());
  }
  EXPECT_TRUE(is_timed(other));  // it has one of its own
  EXPECT_TRUE(other.ask(timing_request(0)).trailer.has_value());
  wait_until_untimed(other);
  EXPECT_TRUE(other.ask(timing_request(1)).trailer->timing().on());
  wait_until_untimed(other);
  {
    agent_client leaves(path());
    leaves.hello();
    EXPECT_TRUE(leaves.ask(timing_request(60'000)).trailer->timing().on());
  }
  wait_until_untimed(other);
}

class ChurningServer : public Server {
 protected:
  ChurningServer() : Server({"--churn", "--tasks", "1"}) {}
};

TEST_F(ChurningServer, TellsWhatWasTimed) {
  agent_client client(path());
  client.hello();
  EXPECT_TRUE(client.ask(timing_request(60'000)).trailer->timing().on());
  const auto check = [](const v1::Durations& of) {
    std::uint64_t all = 0;
    for (const auto count : of.histogram()) all += count;
    EXPECT_EQ(all, of.count());
    EXPECT_LE(of.longest_ns(), of.total_ns());
    EXPECT_LE(of.histogram_size(), 18);
  };
  for (const bool grouped : {false, true}) {
    auto request = stacks_request(grouped);
    request.mutable_stacks()->set_timing(true);
    std::uint64_t ended = 0;
    while (ended < 100) {
      const auto told = client.ask(request);
      ASSERT_TRUE(told.trailer.has_value());
      EXPECT_TRUE(told.trailer->timing().on());
      EXPECT_GT(told.trailer->timing().on_for_ns(), 0u);
      EXPECT_EQ(told.trailer->timing().left_out(), 0u);
      ended = 0;
      for (const auto& each : told.all.ended()) {
        ended += each.count();
        check(each.timing().runs());
        check(each.timing().delays());
        EXPECT_NE(each.location(), 0u);
      }
      for (const auto& each : told.all.tasks()) check(each.timing().runs());
      for (const auto& each : told.all.groups()) check(each.timing().runs());
    }
  }
}

TEST_F(Server, TellsTimesToThoseAloneThatAskForThem) {
  agent_client client(path());
  client.hello();
  EXPECT_TRUE(client.ask(timing_request(60'000)).trailer->timing().on());
  EXPECT_FALSE(client.ask(stacks_request()).trailer->has_timing());
  EXPECT_FALSE(client.ask(stacks_request(true)).trailer->has_timing());
}

TEST_F(Server, AnswersRequestsThatArriveTogetherInTheirOrder) {
  agent_client client(path());
  client.hello();
  client.send_bytes(delimited(vitals_request().SerializeAsString()) + delimited(stacks_request().SerializeAsString()) +
                    delimited(vitals_request(true).SerializeAsString()));
  EXPECT_TRUE(client.receive_answer().vitals.has_value());
  const auto stacks = client.receive_answer();
  EXPECT_FALSE(stacks.vitals.has_value());
  EXPECT_TRUE(stacks.trailer.has_value());
  EXPECT_TRUE(client.receive_answer().vitals.has_value());
}

TEST_F(Server, AnswersARequestThatArrivesByteByByte) {
  agent_client client(path());
  client.hello();
  for (const char byte : delimited(vitals_request().SerializeAsString())) client.send_bytes({&byte, 1});
  EXPECT_TRUE(client.receive_answer().vitals.has_value());
}

TEST_F(Server, RefusesRubbishAndHangsUp) {
  const std::string rubbish[] = {
      delimited("\xff\xff\xff\xff"),                          // a tag that never ends
      delimited("\x12\x7f"),                                  // a message longer than what there is
      delimited("\x07"),                                      // wire type 7
      std::string(10, '\xff') + '\x01',                       // a length of more than 64 bits
      delimited(std::string("\x1a\x02\x12\x05", 4)),          // a packed field that runs over its message
      delimited(std::string("\x1a\x02\x62\x05", 4)),          // a label likewise
      delimited(std::string("\x1a\x04\x62\x02\x0a\x7f", 6)),  // and its key
      delimited(std::string("\x1a\x02\x6a\x05", 4)),          // and a part of a name
  };
  for (const auto& bytes : rubbish) {
    agent_client client(path());
    client.hello();
    client.send_bytes(bytes);
    const auto refused = client.receive_answer();
    ASSERT_TRUE(refused.error.has_value());
    EXPECT_EQ(refused.error->code(), v1::Error::MALFORMED);
    EXPECT_FALSE(client.receive().has_value());
  }
}

TEST_F(Server, SkipsFieldsOfAnotherTypeLikeUnknownOnes) {
  agent_client client(path());
  client.hello();
  // protocol as text, vitals as a number, and a field that nobody knows.
  client.send_bytes(delimited(std::string("\x0a\x01x\x10\x01\x9a\x06\x01x", 9)));
  const auto refused = client.receive_answer();
  ASSERT_TRUE(refused.error.has_value());
  EXPECT_EQ(refused.error->code(), v1::Error::UNKNOWN_REQUEST);
}

TEST_F(Server, ALengthOfTwoGibibytesIsRefusedBeforeItIsSent) {
  agent_client client(path());
  client.hello();
  client.send_bytes(std::string("\x80\x80\x80\x80\x08", 5));
  const auto refused = client.receive_answer();
  ASSERT_TRUE(refused.error.has_value());
  EXPECT_EQ(refused.error->code(), v1::Error::TOO_LARGE);
  EXPECT_FALSE(client.receive().has_value());
}

TEST_F(Server, TheLongestRequestIsAnswered) {
  auto request = stacks_request();
  while (request.ByteSizeLong() < 65530) request.mutable_stacks()->add_ids(1);
  ASSERT_LE(request.ByteSizeLong(), 65536u);
  EXPECT_TRUE(ask(path(), request).trailer.has_value());
}

TEST_F(Server, TheLongestFiltersAreAnswered) {
  auto labels = stacks_request();
  while (labels.ByteSizeLong() < 65000) labels.mutable_stacks()->add_labels()->set_key(std::string(900, 'k'));
  EXPECT_TRUE(ask(path(), labels).trailer.has_value());
  auto names = stacks_request();
  while (names.ByteSizeLong() < 65530) names.mutable_stacks()->add_name_parts("");
  EXPECT_TRUE(ask(path(), names).trailer.has_value());
  auto numbers = stacks_request();
  while (numbers.ByteSizeLong() < 65530) numbers.mutable_stacks()->add_fds(7);
  EXPECT_TRUE(ask(path(), numbers).trailer.has_value());
}

TEST_F(Server, HalfAMessageBlocksNobodyElse) {
  agent_client half(path());
  half.hello();
  const auto whole = delimited(vitals_request().SerializeAsString());
  half.send_bytes(std::string_view(whole).substr(0, whole.size() / 2));
  EXPECT_TRUE(ask(path(), vitals_request()).vitals.has_value());
  half.send_bytes(std::string_view(whole).substr(whole.size() / 2));
  EXPECT_TRUE(half.receive_answer().vitals.has_value());
}

TEST_F(Server, HangsUpOnAClientThatAsksForNothing) {
  agent_client idle(path());
  idle.hello();
  EXPECT_TRUE(ask(path(), vitals_request()).vitals.has_value());
  EXPECT_FALSE(idle.receive().has_value());
}

TEST_F(Server, TwoHundredClientsAreAnsweredOrToldThatItIsBusy) {
  std::vector<agent_client> clients;
  for (int i = 0; i < 200; ++i) clients.emplace_back(path());
  int answered = 0;
  int busy = 0;
  for (auto& client : clients) client.send(vitals_request());
  for (auto& client : clients) {
    client.hello();
    const auto got = client.receive_answer();
    answered += got.vitals.has_value();
    busy += got.error && got.error->code() == v1::Error::BUSY;
  }
  EXPECT_EQ(answered + busy, 200);
  EXPECT_GE(answered, 128);
  EXPECT_GT(busy, 0);
}

TEST_F(Server, HasRoomAgainWhenClientsHaveLeft) {
  for (int round = 0; round < 3; ++round) {
    std::vector<agent_client> clients;
    for (int i = 0; i < 128; ++i) clients.emplace_back(path());
    for (auto& client : clients) {
      client.hello();
      EXPECT_TRUE(client.ask(vitals_request(true)).vitals.has_value());
    }
  }
}

class ServerOfManyTasks : public Server {
 protected:
  ServerOfManyTasks() : Server({"--tasks", "100000"}) {}
};

TEST_F(ServerOfManyTasks, AClientThatNeverReadsBlocksNobodyElse) {
  std::vector<agent_client> deaf;
  for (int i = 0; i < 8; ++i) {
    deaf.emplace_back(path());
    deaf.back().send(stacks_request());
  }
  const auto other = ask(path(), stacks_request());
  ASSERT_TRUE(other.trailer.has_value());
  EXPECT_EQ(other.trailer->shown(), 100000u);
  // It gives such a client up: what had not been sent by then never comes.
  std::size_t received = 0;
  char piece[65536];
  wait_for_hang_up(deaf.front());
  while (const auto got = recv(deaf.front().fd(), piece, sizeof piece, 0)) {
    if (got < 0) break;
    received += static_cast<std::size_t>(got);
  }
  EXPECT_LT(received, other.all.ByteSizeLong());
}

TEST_F(ServerOfManyTasks, AClientMayLeaveInTheMiddleOfAnAnswer) {
  for (int i = 0; i < 20; ++i) {
    agent_client client(path());
    client.hello();
    client.send(stacks_request());
    ASSERT_TRUE(client.receive().has_value());
  }
  EXPECT_EQ(ask(path(), stacks_request()).trailer->shown(), 100000u);
}

TEST_F(ServerOfManyTasks, ChunksStaySmall) {
  const auto all = ask(path(), stacks_request());
  EXPECT_GT(all.chunks, 10u);
  EXPECT_LT(all.largest_chunk, 66u * 1024);
}

}  // namespace
}  // namespace tasks::testing
