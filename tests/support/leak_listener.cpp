// Linked into a test executable that has gtest_main's main(): no test of it leaves a task behind.

#include "tasks/gtest.hpp"

namespace {

[[maybe_unused]] const auto* const listening = [] {
  auto* listener = new tasks::gtest::leak_listener;
  testing::UnitTest::GetInstance()->listeners().Append(listener);
  return listener;
}();

}  // namespace
