// Every operation that the installed Asios name has a kind. The list is read from their headers.

#include "tasks/detail/wait_kinds.hpp"

#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <sstream>
#include <string>

namespace {

using tasks::detail::classify_wait;
using tasks::detail::object_type;
using tasks::detail::operation_name;
using tasks::layout::wait_kind;

using pairs = std::map<std::string, std::map<std::string, wait_kind>>;

/// What ASIO_HANDLER_CREATION((context, op, "type", object, native, "name")) says in all headers below `folder`.
pairs read_pairs(const std::filesystem::path& folder) {
  static const std::regex creation(R"re(HANDLER_CREATION\(\([^;]*?"([^"]*)"[^;]*?"([^"]*)"\s*\)\))re");
  pairs found;
  for (const auto& file : std::filesystem::recursive_directory_iterator(folder)) {
    if (!file.is_regular_file()) continue;
    std::ifstream in(file.path());
    std::stringstream text;
    text << in.rdbuf();
    const std::string s = text.str();
    for (std::sregex_iterator i(s.begin(), s.end(), creation), end; i != end; ++i)
      found[(*i)[1]][(*i)[2]] =
          classify_wait(object_type::classify((*i)[1].str()), operation_name::classify((*i)[2].str()));
  }
  return found;
}

void expect_all_known(const char* folder) {
  if (!std::filesystem::exists(folder)) GTEST_SKIP() << folder << " is not installed";
  const auto found = read_pairs(folder);
  std::size_t count = 0;
  for (const auto& [type, operations] : found)
    for (const auto& [name, kind] : operations) {
      ++count;
      if (type == "iocp_service") continue;  // Windows
      EXPECT_NE(kind, wait_kind::other) << type << " " << name;
    }
  EXPECT_GT(count, 40u) << "the headers were not understood";
  EXPECT_EQ(found.at("channel").at("async_send"), wait_kind::channel_send);
  EXPECT_EQ(found.at("channel").at("async_receive"), wait_kind::channel_receive);
  EXPECT_EQ(found.at("deadline_timer").at("async_wait"), wait_kind::timer);
  EXPECT_EQ(found.at("socket").at("async_accept"), wait_kind::socket_accept);
  EXPECT_EQ(found.at("socket").at("async_connect"), wait_kind::socket_connect);
  EXPECT_EQ(found.at("socket").at("async_receive"), wait_kind::socket_read);
  EXPECT_EQ(found.at("socket").at("async_receive_from"), wait_kind::socket_read);
  EXPECT_EQ(found.at("socket").at("async_send"), wait_kind::socket_write);
  EXPECT_EQ(found.at("socket").at("async_send_to(null_buffers)"), wait_kind::socket_write);
  EXPECT_EQ(found.at("socket").at("async_wait"), wait_kind::socket_wait);
  EXPECT_EQ(found.at("resolver").at("async_resolve"), wait_kind::resolve);
  EXPECT_EQ(found.at("signal_set").at("async_wait"), wait_kind::signal);
  EXPECT_EQ(found.at("descriptor").at("async_read_some"), wait_kind::descriptor_read);
  EXPECT_EQ(found.at("descriptor").at("async_write_some"), wait_kind::descriptor_write);
  EXPECT_EQ(found.at("descriptor").at("async_wait"), wait_kind::descriptor_wait);
  EXPECT_EQ(found.at("strand_executor").at("post"), wait_kind::post);
  EXPECT_EQ(found.at("thread_pool").at("execute(blk=never,rel=fork)"), wait_kind::post);
}

TEST(WaitKinds, EveryOperationOfStandaloneAsioIsKnown) { expect_all_known(TASKS_TEST_ASIO); }
TEST(WaitKinds, EveryOperationOfBoostAsioIsKnown) { expect_all_known(TASKS_TEST_BOOST_ASIO); }

TEST(WaitKinds, OnlySocketsAndDescriptorsHaveADescriptor) {
  for (int k = 0; k <= static_cast<int>(wait_kind::tasks); ++k) {
    const auto kind = static_cast<wait_kind>(k);
    const bool expected = (kind >= wait_kind::socket_connect && kind <= wait_kind::socket_wait) ||
                          kind == wait_kind::descriptor_read || kind == wait_kind::descriptor_write ||
                          kind == wait_kind::descriptor_wait;
    EXPECT_EQ(tasks::detail::has_descriptor(kind), expected) << k;
  }
}

}  // namespace
