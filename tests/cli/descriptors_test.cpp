// What descriptors are said to be: programs/descriptors.cpp.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <sstream>
#include <string>

#include "support/program.hpp"
#include "support/view.hpp"

namespace tasks::testing {
namespace {

using ::testing::ContainsRegex;
using ::testing::HasSubstr;

class Descriptor : public ::testing::Test {
 protected:
  Descriptor() {
    std::istringstream line(target_.read_line());
    line >> open_ >> connected_ >> other_of_reader_ >> other_of_writer_;
    stacks_ = view<v1::StackView>({"stack", target_.pid_text()});
    text_ = text({"stack", target_.pid_text()});
  }
  ~Descriptor() override {
    std::filesystem::remove(path_);
    std::filesystem::remove(path_ + ".stream");
  }
  [[nodiscard]] v1::WaitView wait_of(const std::string& root) const {
    for (const auto& task : stacks_.tasks())
      if (place(task.frames(task.frames_size() - 1)).find(root) != std::string::npos) return task.wait();
    ADD_FAILURE() << "no task in " << root;
    return {};
  }
  /// The task's first line.
  [[nodiscard]] std::string line_of(const std::string& root) const {
    const auto at = text_.find(root);
    const auto begin = text_.rfind("task ", at);
    return text_.substr(begin, text_.find('\n', begin) - begin);
  }

  std::string path_ = std::filesystem::temp_directory_path() / ("tasks-test-" + std::to_string(::getpid()));
  program target_{{program_path("descriptors"), path_}};
  std::string open_, connected_, other_of_reader_, other_of_writer_, text_;
  v1::StackView stacks_;
};

TEST_F(Descriptor, OfAUdpSocketWithoutAPeerHasItsOwnAddressAndNoPeer) {
  const auto wait = wait_of("receives_udp");
  EXPECT_EQ(wait.fd_kind(), "udp");
  EXPECT_EQ(wait.peer(), "");
  EXPECT_EQ(wait.local_address(), "127.0.0.1:" + open_);
  EXPECT_THAT(line_of("receives_udp"),
              ContainsRegex("\\[socket read, .*, fd [0-9]+ udp at 127.0.0.1:" + open_ + "\\]"));
}

TEST_F(Descriptor, OfAConnectedUdpSocketHasThePeer) {
  EXPECT_EQ(wait_of("receives_connected").peer(), "127.0.0.1:" + open_);
  EXPECT_EQ(wait_of("receives_connected").local_address(), "127.0.0.1:" + connected_);
  EXPECT_THAT(line_of("receives_connected"), HasSubstr(" udp 127.0.0.1:" + open_ + "]"));
}

TEST_F(Descriptor, OfAUnixSocketHasItsPathAndIsSaidToBeShutDown) {
  const auto wait = wait_of("receives_shut_down");
  EXPECT_EQ(wait.fd_kind(), "unix");
  EXPECT_EQ(wait.local_address(), path_);
  EXPECT_EQ(wait.peer(), "");
  EXPECT_TRUE(wait.shut_down());
  EXPECT_THAT(line_of("receives_shut_down"), HasSubstr(" unix at " + path_ + ", shut down]"));
  EXPECT_THAT(line_of("accepts"), HasSubstr(" unix at " + path_ + ".stream]"));
}

TEST_F(Descriptor, OfAPairNamesTheOtherEndInTheSameProcess) {
  EXPECT_EQ(wait_of("reads_pair").peer(), "fd " + other_of_reader_);
  EXPECT_EQ(wait_of("writes_pair").peer(), "fd " + other_of_writer_);
  EXPECT_THAT(line_of("reads_pair"), HasSubstr(" unix fd " + other_of_reader_ + "]"));
}

TEST_F(Descriptor, ThatIsNoSocketIsCalledByItsKind) {
  EXPECT_THAT(line_of("waits_for_event"), ContainsRegex("fd [0-9]+ eventfd\\]"));
  EXPECT_THAT(line_of("waits_for_timer"), ContainsRegex("fd [0-9]+ timerfd\\]"));
}

}  // namespace
}  // namespace tasks::testing
