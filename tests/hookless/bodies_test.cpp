// What symbols say of coroutines and of Asio's operations.

#include "coroutines/bodies.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <coroutine>
#include <cstring>
#include <exception>
#include <string>

namespace {

struct [[nodiscard]] coroutine {
  struct promise_type {
    coroutine get_return_object() { return {std::coroutine_handle<promise_type>::from_promise(*this)}; }
    std::suspend_always initial_suspend() noexcept { return {}; }
    std::suspend_always final_suspend() noexcept { return {}; }
    void return_void() {}
    void unhandled_exception() { std::terminate(); }
  };
  std::coroutine_handle<promise_type> frame;
};

}  // namespace

namespace bodies_test {

[[gnu::noinline]] coroutine sails(int miles) {
  while (miles-- > 0) co_await std::suspend_always();
}

}  // namespace bodies_test

namespace tasks::cli {
namespace {

using layout::wait_kind;
using ::testing::Contains;

std::string described(std::string_view symbol) {
  const auto found = parse_coroutine_symbol(symbol);
  if (!found) return "none";
  return std::string(found->is_gnu ? "gnu " : "clang ") + (found->destroys ? "destroys " : "resumes ") +
         std::string(found->function);
}

TEST(CoroutineSymbol, OfGnuHasTheFunctionsOwnInIt) {
  EXPECT_EQ(described("_ZN3lab9leak_sendEPZNS_9leak_sendEvE25_ZN3lab9leak_sendEv.Frame.actor"),
            "gnu resumes _ZN3lab9leak_sendEv");
  EXPECT_EQ(described("_Z5neverPZ5nevervE15_Z5neverv.Frame.destroy"), "gnu destroys _Z5neverv");
  // _Z is in it elsewhere, too.
  EXPECT_EQ(described("_ZN3lab6workerESt10shared_ptrINS_4poolEEPZNS_6workerES2_E46_ZN3lab6workerESt10shared_ptrINS_"
                      "4poolEE.Frame.actor"),
            "gnu resumes _ZN3lab6workerESt10shared_ptrINS_4poolEE");
  EXPECT_EQ(described("_ZN1a2_ZEPZNS_2_ZEvE16_ZN1a2_ZEv.Frame.actor"), "gnu resumes _ZN1a2_ZEv");
}

TEST(CoroutineSymbol, OfClangIsTheFunctionsOwn) {
  EXPECT_EQ(described("_ZN3lab9leak_sendEv.resume"), "clang resumes _ZN3lab9leak_sendEv");
  EXPECT_EQ(described("_ZN3lab9leak_sendEv.destroy"), "clang destroys _ZN3lab9leak_sendEv");
  EXPECT_EQ(described("_ZN3lab9leak_sendEv.cleanup"), "clang destroys _ZN3lab9leak_sendEv");
}

TEST(CoroutineSymbol, IsTheSameWithWhatLinkTimeOptimizationAppends) {
  EXPECT_EQ(described("_Z5neverPZ5nevervE15_Z5neverv.Frame.actor.lto_priv.12"), "gnu resumes _Z5neverv");
  EXPECT_EQ(described("_Z5neverPZ5nevervE15_Z5neverv.Frame.destroy.lto_priv.0"), "gnu destroys _Z5neverv");
  EXPECT_EQ(described("_Z5neverv.resume.llvm.1234567890"), "clang resumes _Z5neverv");
}

TEST(CoroutineSymbol, WithoutALengthIsTakenAsItStands) {
  EXPECT_EQ(described("_Z5neverv.Frame.actor"), "gnu resumes _Z5neverv");
  EXPECT_EQ(described(".Frame.actor"), "gnu resumes ");
}

TEST(CoroutineSymbol, IsNoOtherFunctions) {
  for (const auto* symbol : {"_Z5neverv", "main", "", ".", "_Z5neverv.cold", "_ZN6actor7destroyEv", "_Z6resumev",
                             "_Z5neverPZ5nevervE15_Z5neverv.Frame.actor.cold", "_Z5neverv.resume.cold"})
    EXPECT_EQ(described(symbol), "none") << symbol;
}

TEST(KindOfOperation, IsThatOfTheFirstOfAsiosClasses) {
  EXPECT_EQ(kind_of_operation("_ZN4asio6detail12wait_handlerINS0_17awaitable_handlerINS_15any_io_executorEJSt10error_"
                              "codeEEES3_E11do_completeEPvPNS0_19scheduler_operationERKS4_m"),
            wait_kind::timer);
  EXPECT_EQ(kind_of_operation("_ZN4asio6detail23reactive_socket_recv_opINS_17mutable_buffers_1ENS0_17awaitable_"
                              "handlerINS_15any_io_executorEJSt10error_codemEEES4_E11do_completeEPvPNS0_19scheduler_"
                              "operationERKS5_m"),
            wait_kind::socket_read);
  EXPECT_EQ(kind_of_operation("_ZN4asio6detail30reactive_socket_move_accept_opINS_2ip3tcpENS_15any_io_executorENS0_"
                              "17awaitable_handlerIS4_JSt10error_codeNS_19basic_stream_socketIS3_S4_EEEEES4_E11do_"
                              "completeEPvPNS0_19scheduler_operationERKS6_m"),
            wait_kind::socket_accept);
  EXPECT_EQ(kind_of_operation("_ZN4asio12experimental6detail18channel_receive_opINS1_15channel_payloadIJFvSt10error_"
                              "codeN3lab3jobEEEEENS_6detail17awaitable_handlerINS_15any_io_executorEJS4_S6_EEESB_E9do_"
                              "actionEPNS1_17channel_operationENSE_6actionEPv"),
            wait_kind::channel_receive);
  EXPECT_EQ(kind_of_operation("_ZN5boost4asio6detail14signal_handlerINS1_17awaitable_handlerINS0_15any_io_executorEJNS_"
                              "6system10error_codeEiEEES4_E11do_completeEPvPNS1_19scheduler_operationERKS6_m"),
            wait_kind::signal);
  // Whose function is an executor's, and in it a timer's handler.
  EXPECT_EQ(
      kind_of_operation("_ZN4asio6detail11executor_opINS0_12wait_handlerIvvEESaIvENS0_19scheduler_operationEE11do_"
                        "completeEPvPS4_RKSt10error_codem"),
      wait_kind::post);
  EXPECT_EQ(kind_of_operation("_ZN4asio6detail17executor_function8completeINS0_12wait_handlerIvvEESaIvEEEvPNS1_9impl_"
                              "baseEb"),
            wait_kind::post);
}

TEST(KindOfOperation, OfAnUnknownOneIsOther) {
  EXPECT_EQ(kind_of_operation("_ZN4asio6detail9beaver_opIvE11do_completeEPvPNS0_19scheduler_operationERKS4_m"),
            wait_kind::other);
  EXPECT_EQ(kind_of_operation(""), wait_kind::other);
}

/// Of this program, as of any other process.
class ProgramCode : public ::testing::Test {
 protected:
  static std::uint64_t word(const coroutine& of, std::size_t number) {
    std::uint64_t found = 0;
    std::memcpy(&found, static_cast<const char*>(of.frame.address()) + number * sizeof found, sizeof found);
    return found;
  }

  modules code_{getpid()};
  program_code program_{code_};
};

TEST_F(ProgramCode, FindsABodyByWhatItsFramesBeginWith) {
  auto made = bodies_test::sails(7);
  ASSERT_TRUE(program_.has_coroutines());
  const auto* body = program_.body_at(word(made, 0));
  ASSERT_NE(body, nullptr);
  EXPECT_EQ(body->symbol, "_ZN11bodies_test5sailsEi");
  EXPECT_THAT(body->destroyers, Contains(word(made, 1)));
  EXPECT_EQ(body->code.begin, word(made, 0));
  EXPECT_GT(body->code.end, body->code.begin);
  made.frame.destroy();
}

TEST_F(ProgramCode, FindsNoneWhereNoneBegins) {
  auto made = bodies_test::sails(7);
  const auto begin = word(made, 0);
  for (const auto address : {begin + 1, begin - 1, word(made, 1), std::uint64_t{0}, ~std::uint64_t{0}})
    EXPECT_EQ(program_.body_at(address), nullptr) << address;
  for (const auto address : {begin, std::uint64_t{0}, ~std::uint64_t{0}})
    EXPECT_EQ(program_.operation_at(address), nullptr) << address;
  made.frame.destroy();
}

}  // namespace
}  // namespace tasks::cli
