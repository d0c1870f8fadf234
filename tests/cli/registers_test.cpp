#include "linux/registers.hpp"

#include <gmock/gmock.h>
#include <sys/user.h>

#include <cstring>

namespace tasks::cli {
namespace {

constexpr std::uint64_t stack = 0x7ffc'0000'1000, place = 0x7f00'1234'5678;

#if defined(__aarch64__)
constexpr unsigned place_number = 32, return_address_number = 30;
#else
constexpr unsigned place_number = 16, return_address_number = 16;
#endif

/// Registers that a thread may have been stopped with.
std::vector<std::uint64_t> stopped() {
  user_regs_struct registers{};
#if defined(__aarch64__)
  for (std::uint64_t i = 0; i < 31; ++i) registers.regs[i] = 100 + i;
  registers.sp = stack;
  registers.pc = place;
#else
  registers.rbp = 106;
  registers.rsp = stack;
  registers.rip = place;
  registers.fs_base = 0x7f00'0000'0740;
#endif
  std::vector<std::uint64_t> words(sizeof registers / sizeof(std::uint64_t));
  std::memcpy(words.data(), &registers, sizeof registers);
  return words;
}

/// As epoll_pwait(3, 0x7ffc00002000, 128, -1, 0, 8).
sleeping_thread asleep() {
  return {.call = 22,
          .arguments = {3, 0x7ffc'0000'2000, 128, ~std::uint64_t{0}, 0, 8},
          .stack_pointer = stack,
          .instruction_pointer = place,
          .slices = 7};
}

TEST(Registers, AreThoseOfTheThread) {
  thread_registers thread;
  thread.general = stopped();
  ASSERT_TRUE(thread.take_general());
  EXPECT_EQ(thread.stack_pointer, stack);
  EXPECT_EQ(thread.instruction_pointer, place);
  EXPECT_FALSE(thread.slept);
  EXPECT_TRUE(thread.knows(frame_pointer_number));
}

TEST(Registers, OfAnotherSizeAreOfNoThreadOfThisMachine) {
  thread_registers thread;
  thread.general = stopped();
  thread.general.pop_back();
  EXPECT_FALSE(thread.take_general());
  EXPECT_THAT(in_dwarf_order(thread.general), ::testing::IsEmpty());
}

TEST(Registers, HaveTheNumbersOfDebugInformation) {
  const auto numbered = in_dwarf_order(stopped());
  ASSERT_GT(numbered.size(), stack_pointer_number);
  EXPECT_EQ(numbered[stack_pointer_number], stack);
#if defined(__aarch64__)
  // "DWARF for the Arm 64-bit Architecture", 4.1.
  EXPECT_EQ(numbered[0], 100u);
  EXPECT_EQ(numbered[29], 129u);
  EXPECT_EQ(numbered[30], 130u);
  EXPECT_EQ(frame_pointer_number, 29u);
#else
  // psABI, figure 3.36.
  EXPECT_EQ(numbered[6], 106u);
  EXPECT_EQ(numbered[16], place);
  EXPECT_EQ(frame_pointer_number, 6u);
#endif
}

TEST(Registers, OfASleeperTellItsCallAndNotWhatItKeepsForItsCaller) {
  thread_registers thread;
  thread.take_sleep(asleep());
  EXPECT_TRUE(thread.slept);
  EXPECT_EQ(thread.stack_pointer, stack);
  EXPECT_EQ(thread.instruction_pointer, place);
  EXPECT_TRUE(thread.knows(stack_pointer_number));
  EXPECT_TRUE(thread.knows(place_number));
  EXPECT_FALSE(thread.knows(frame_pointer_number));
  EXPECT_EQ(thread.knows(return_address_number), return_address_number == place_number);
  // Words that may point to something: its arguments are among them, wherever the machine has them.
  EXPECT_THAT(thread.general, ::testing::IsSupersetOf({std::uint64_t{0x7ffc'0000'2000}, std::uint64_t{22}}));
}

// Of what a function keeps below its stack pointer nothing may be called unused.
TEST(Registers, ReachBelowTheStackPointerWhereTheMachineLetsThem) {
#if defined(__aarch64__)
  EXPECT_EQ(red_zone, 0u);
#else
  EXPECT_EQ(red_zone, 128u);
#endif
}

TEST(Registers, HaveThreadLocalStorageOnTheSideOfTheThreadPointerThatTheMachineHasIt) {
  static thread_local std::uint64_t mine = 0;
  const auto pointer = reinterpret_cast<std::uint64_t>(__builtin_thread_pointer());
  const auto address = reinterpret_cast<std::uint64_t>(&mine);
  EXPECT_TRUE(storage_at(pointer, 65536).contains(address)) << std::hex << pointer << ' ' << address;
}

TEST(Registers, SaveReturnAddressesThatMayBeSigned) {
  EXPECT_EQ(code_address(place), place);
#if defined(__aarch64__)
  EXPECT_EQ(code_address(0x0035'0000'0000'0000 | place), place);
  EXPECT_EQ(code_address(0xff2a'0000'0000'0000 | place), place);
#endif
}

}  // namespace
}  // namespace tasks::cli
