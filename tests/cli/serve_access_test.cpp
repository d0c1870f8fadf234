// Who is answered by `tasks serve`, and where it listens.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <filesystem>
#include <fstream>

#include "serve/access.hpp"
#include "serve/address.hpp"

namespace tasks::cli {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr uid_t owner = 1000, stranger = 1001;
const std::string secret = "0123456789abcdef0123456789abcdef";

asked_access from_owner() {
  asked_access made{};
  made.method = "GET";
  made.host = "127.0.0.1:9464";
  made.peer = owner;
  return made;
}

int status(const access_rules& rules, const asked_access& asked) {
  const auto refused = refuse(rules, asked);
  return refused ? refused->status : 200;
}

TEST(Access, WithoutATokenIsTheOwnersAndRootsAndNobodyElses) {
  const access_rules rules{.token = "", .hosts = {}, .user = owner};
  auto asked = from_owner();
  EXPECT_EQ(status(rules, asked), 200);
  asked.peer = 0;
  EXPECT_EQ(status(rules, asked), 200);
  asked.peer = stranger;
  EXPECT_EQ(status(rules, asked), 403);
  asked.peer = std::nullopt;
  EXPECT_EQ(status(rules, asked), 403);
}

TEST(Access, WithATokenIsWhosoeverHasIt) {
  const access_rules rules{.token = secret, .hosts = {}, .user = owner};
  auto asked = from_owner();
  EXPECT_EQ(status(rules, asked), 401);
  asked.peer = stranger;
  for (const auto& right : {"Bearer " + secret, "bearer " + secret}) {
    asked.authorization = right;
    EXPECT_EQ(status(rules, asked), 200) << right;
  }
  const std::vector<std::string> wrong_ones = {secret,
                                               "Basic " + secret,
                                               "Bearer",
                                               "Bearer " + secret + "0",
                                               "Bearer " + secret.substr(1),
                                               "Bearer " + secret + " ",
                                               "Bearer "};
  for (const auto& wrong : wrong_ones) {
    asked.authorization = wrong;
    EXPECT_EQ(status(rules, asked), 401) << wrong;
  }
}

TEST(Access, OfThePageIsEverybodysForItTellsNothing) {
  const access_rules rules{.token = secret, .hosts = {}, .user = owner};
  auto asked = from_owner();
  asked.peer = std::nullopt;
  asked.is_public = true;
  EXPECT_EQ(status(rules, asked), 200);
}

TEST(Access, IsAskedForByGetAlone) {
  const access_rules rules{.token = "", .hosts = {}, .user = owner};
  auto asked = from_owner();
  for (const char* method : {"POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "CONNECT", "PRI"}) {
    asked.method = method;
    EXPECT_EQ(status(rules, asked), 405) << method;
  }
  asked.method = "HEAD";
  EXPECT_EQ(status(rules, asked), 200);
}

TEST(Access, TakesARecordingOfWhoCanSetAHeader) {
  const access_rules rules{.token = "", .hosts = {}, .user = owner};
  auto asked = from_owner();
  asked.method = "POST";
  asked.has_mark = true;
  EXPECT_EQ(status(rules, asked), 405) << "only one path takes anything";
  asked.takes_recordings = true;
  EXPECT_EQ(status(rules, asked), 200);
  asked.has_mark = false;
  EXPECT_EQ(status(rules, asked), 403) << "a form of another site can send the rest";
  asked.has_mark = true;
  for (const char* method : {"PUT", "DELETE", "OPTIONS"}) {
    asked.method = method;
    EXPECT_EQ(status(rules, asked), 405) << method << ", by which a browser would ask first";
  }
  asked.method = "POST";
  asked.origin = "http://evil.example";
  EXPECT_EQ(status(rules, asked), 403);
  asked.origin = std::nullopt;
  asked.site = "cross-site";
  EXPECT_EQ(status(rules, asked), 403);
  asked.site = std::nullopt;
  asked.peer = stranger;
  EXPECT_EQ(status(rules, asked), 403);
  const access_rules with_token{.token = secret, .hosts = {}, .user = owner};
  EXPECT_EQ(status(with_token, asked), 401);
}

/// A stranger's name that leads here is what DNS rebinding makes.
TEST(Access, IsByAddressOrByANameThatWasChosen) {
  const access_rules rules{.token = "", .hosts = {"build7.example"}, .user = owner};
  auto asked = from_owner();
  for (const char* known : {"127.0.0.1", "127.0.0.1:9464", "localhost", "LOCALHOST:80", "[::1]", "[::1]:9464",
                            "10.1.2.3:9464", "build7.example:9464", "Build7.Example"}) {
    asked.host = known;
    EXPECT_EQ(status(rules, asked), 200) << known;
  }
  for (const char* unknown : {"evil.example", "127.0.0.1.evil.example", "localhost.evil.example:9464", "[::1", "::1",
                              "build7.example.evil", "127.0.0.1, evil.example", "[::1]evil", "2130706433"}) {
    asked.host = unknown;
    EXPECT_EQ(status(rules, asked), 421) << unknown;
  }
  asked.host = "";
  EXPECT_EQ(status(rules, asked), 400);
  asked.host = std::nullopt;
  EXPECT_EQ(status(rules, asked), 400);
}

TEST(Access, IsNotLentToOtherSites) {
  const access_rules rules{.token = "", .hosts = {}, .user = owner};
  auto asked = from_owner();
  asked.origin = "http://127.0.0.1:9464";
  EXPECT_EQ(status(rules, asked), 200);
  for (const char* other : {"http://127.0.0.1:9465", "http://evil.example", "null", "https://127.0.0.1"}) {
    asked.origin = other;
    EXPECT_EQ(status(rules, asked), 403) << other;
  }
  asked.origin = std::nullopt;
  asked.mode = "navigate";
  for (const char* site : {"cross-site", "same-site"}) {
    asked.site = site;
    EXPECT_EQ(status(rules, asked), 403) << site;
  }
  asked.is_public = true;  // a link to the page, in a colleague's message
  EXPECT_EQ(status(rules, asked), 200);
  asked.mode = "no-cors";
  EXPECT_EQ(status(rules, asked), 403);
  asked.site = "same-origin";
  EXPECT_EQ(status(rules, asked), 200);
}

class Files : public ::testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/tasks-test-XXXXXX";
    folder_ = ::mkdtemp(name);
  }
  void TearDown() override { fs::remove_all(folder_); }
  std::string write(const std::string& text, mode_t mode = 0600) {
    const auto path = folder_ / "token";
    fs::remove(path);
    std::ofstream(path) << text;
    ::chmod(path.c_str(), mode);
    return path;
  }

  fs::path folder_;
};

TEST_F(Files, OfTokensAreTheirOwnersAndLongEnough) {
  EXPECT_EQ(*read_token(write(secret + "\nmore\n")), secret);
  EXPECT_EQ(read_token(write(secret, 0640)).why().fact, "others may read it");
  EXPECT_EQ(read_token(write("short\n")).why().fact, "its first line is the token, and has 5 characters");
  EXPECT_THAT(read_token(write(secret + " " + secret)).why().fact, HasSubstr("letters, digits"));
  EXPECT_EQ(read_token(folder_ / "none").why().fact, "No such file or directory");
  EXPECT_EQ(read_token(folder_).why().fact, "it is no regular file");
  EXPECT_FALSE(read_token(write(std::string(5000, 'a'))));
}

TEST(Addresses, AreOfThisMachine) {
  const auto v4 = listen_at("127.0.0.1:0");
  ASSERT_TRUE(v4);
  EXPECT_TRUE(v4->is_loopback);
  EXPECT_THAT(v4->url, StartsWith("http://127.0.0.1:"));
  if (const auto all = listen_at(":0")) {  // where there is IPv6
    EXPECT_FALSE(all->is_loopback);
  }
  const auto any = listen_at("0.0.0.0:0");
  ASSERT_TRUE(any);
  EXPECT_FALSE(any->is_loopback);
  const auto taken = listen_at(v4->url.substr(7, v4->url.size() - 8));
  ASSERT_FALSE(taken);
  EXPECT_THAT(message(taken.why()),
              HasSubstr(": Address already in use (another tasks serve? --listen chooses another port)"));
}

TEST(Addresses, ThatAreNoneAreRefused) {
  for (const char* wrong : {"", "localhost", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1", "127.0.0.1:80x",
                            "example.org:80", "[::1:80", "::1:80", "[fe80::1%lo]:80", "256.0.0.1:1"}) {
    const auto made = listen_at(wrong);
    ASSERT_FALSE(made) << wrong;
    EXPECT_EQ(made.why().code, error_code::usage) << wrong;
  }
}

TEST_F(Files, OfUnixSocketsAreTheirOwnersAndOnesThatWereLeftBehindAreReplaced) {
  const auto path = (folder_ / "socket").string();
  {
    const auto first = listen_at("unix:" + path);
    ASSERT_TRUE(first);
    EXPECT_TRUE(first->is_unix);
    EXPECT_EQ(first->unix_path, path);
    EXPECT_EQ(fs::status(path).permissions(), fs::perms::owner_read | fs::perms::owner_write);
    EXPECT_THAT(message(listen_at("unix:" + path).why()), HasSubstr("Address already in use"));
  }
  EXPECT_TRUE(listen_at("unix:" + path)) << "nobody listens on it any more";
  write("no socket");
  EXPECT_FALSE(listen_at("unix:" + (folder_ / "token").string()));
  EXPECT_FALSE(listen_at("unix:relative"));
  EXPECT_FALSE(listen_at("unix:/" + std::string(200, 'a')));
}

}  // namespace
}  // namespace tasks::cli
