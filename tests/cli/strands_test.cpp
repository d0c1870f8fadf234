// Strands as Asio's versions lay them out in memory, and the operations that wait for them.

#include <gmock/gmock.h>
#include <pthread.h>

#include <algorithm>
#include <cstring>
#include <string_view>
#include <vector>

#include "proof/asio_schedulers.hpp"

namespace tasks::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

/// Some words from an address on.
class few_words final : public memory {
 public:
  static constexpr std::uint64_t begin = 0x10000;

  explicit few_words(std::size_t count = 1024) : words_(count) {}
  void set(std::uint64_t at, std::uint64_t value) { words_[(at - begin) / 8] = value; }
  void set(std::uint64_t at, std::string_view text) {
    std::memcpy(&words_[(at - begin) / 8], text.data(), text.size());
  }

  std::size_t read(std::uint64_t address, void* to, std::size_t size) const override {
    const auto end = begin + words_.size() * 8;
    if (address < begin || address >= end) return 0;
    const auto n = std::min<std::uint64_t>(size, end - address);
    const std::string_view bytes(reinterpret_cast<const char*>(words_.data()), words_.size() * 8);
    std::memcpy(to, bytes.substr(address - begin, n).data(), n);
    return n;
  }
  [[nodiscard]] const std::vector<memory_region>& regions() const override { return regions_; }
  [[nodiscard]] bool is_still() const noexcept override { return true; }
  [[nodiscard]] int last_error() const noexcept override { return 0; }

 private:
  std::vector<std::uint64_t> words_;
  std::vector<memory_region> regions_;
};

constexpr std::uint64_t context = few_words::begin + 0x100, registry = context + 0x100, vtable = registry + 0x100,
                        type = vtable + 0x80, name = type + 0x40, service = name + 0x40, strand = service + 0x400,
                        other = strand + 0x100, operation = other + 0x100, last_operation = operation + 0x40;

/// A context with the service of strands alone, {vtable, type, id, owner, next, …, first strand}.
few_words memory_of_context() {
  few_words words;
  words.set(context, registry);
  constexpr auto owner = registry + 8 + sizeof(pthread_mutex_t);
  words.set(owner, context);
  words.set(owner + 8, service);
  words.set(vtable - 8, type);
  words.set(type + 8, name);
  words.set(name, "N4asio6detail23strand_executor_serviceE");
  words.set(service, vtable);
  words.set(service + 24, context);
  words.set(service + 88, strand);
  return words;
}

/// Two strands, for the first of which two operations wait: one that was there before and one that has come since.
void add_strands(few_words& words, std::uint64_t waiting) {
  const auto ready = waiting + 16, next = waiting + 32, previous = waiting + 40, its_service = waiting + 48;
  words.set(strand + waiting, last_operation);
  words.set(strand + waiting + 8, last_operation);
  words.set(strand + ready, operation);
  words.set(strand + ready + 8, operation);
  words.set(strand + next, other);
  words.set(strand + its_service, service);
  words.set(other + previous, strand);
  words.set(other + its_service, service);
}

void expect_found(std::uint64_t waiting) {
  auto words = memory_of_context();
  add_strands(words, waiting);
  const auto found = asio_schedulers(words).strands_beside(service);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].address, strand);
  EXPECT_THAT(found[0].queued, ElementsAre(last_operation, operation));
}

TEST(Strands, WithTheirMutexElsewhereAreFound) { expect_found(16); }

TEST(Strands, WithTheirMutexWithinAreFound) { expect_found(8); }

TEST(Strands, LaidOutOtherwiseAreNotKnown) {
  auto words = memory_of_context();
  add_strands(words, 24);
  EXPECT_THAT(asio_schedulers(words).strands_beside(service), IsEmpty());
}

/// Operations that follow each other word by word.
few_words memory_of_queue(std::size_t count) {
  few_words words(count);
  for (std::size_t i = 0; i + 1 < count; ++i) words.set(few_words::begin + 8 * i, few_words::begin + 8 * (i + 1));
  return words;
}

TEST(Operations, OfALongQueueAreAllFound) {
  constexpr std::size_t count = 1'000'000;
  const auto words = memory_of_queue(count);
  std::vector<std::uint64_t> found;
  EXPECT_TRUE(asio_schedulers(words).operations(few_words::begin, few_words::begin + 8 * (count - 1), found));
  EXPECT_EQ(found.size(), count);
}

TEST(Operations, ThatLeadInACircleAreNoQueue) {
  constexpr std::size_t count = 1000;
  for (std::size_t back_to = 0; back_to < count; ++back_to) {
    auto words = memory_of_queue(count);
    words.set(few_words::begin + 8 * (count - 1), few_words::begin + 8 * back_to);
    std::vector<std::uint64_t> found;
    EXPECT_FALSE(asio_schedulers(words).operations(few_words::begin, few_words::begin + 8 * count, found));
    EXPECT_LE(found.size(), 4 * count);
  }
}

}  // namespace
}  // namespace tasks::cli
