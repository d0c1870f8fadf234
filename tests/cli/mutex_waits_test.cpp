// Whose a mutex is, by glibc's words.

#include "surveys/mutex_waits.hpp"

#include <gtest/gtest.h>
#include <pthread.h>
#include <unistd.h>

namespace tasks::cli {
namespace {

/// What is read of a lock word is a mutex only where all words say so.
TEST(Mutex, HasAnOwnerWhereItIsLockedAndWaitedFor) {
  const auto memory = process_memory(getpid());
  for (const auto protocol : {PTHREAD_PRIO_NONE, PTHREAD_PRIO_INHERIT}) {
    pthread_mutexattr_t how;
    pthread_mutexattr_init(&how);
    pthread_mutexattr_setprotocol(&how, protocol);
    pthread_mutex_t mutex;
    pthread_mutex_init(&mutex, &how);
    const auto owner = [&] { return owner_of_mutex(*memory, reinterpret_cast<std::uint64_t>(&mutex)); };
    auto& words = mutex.__data;
    EXPECT_EQ(owner(), 0u);
    pthread_mutex_lock(&mutex);
    EXPECT_EQ(owner(), 0u) << "nobody waits";
    words.__lock = protocol == PTHREAD_PRIO_NONE ? 2 : words.__lock | static_cast<int>(0x8000'0000);
    EXPECT_EQ(owner(), static_cast<unsigned>(gettid()));
    words.__kind |= 0x400;
    EXPECT_EQ(owner(), 0u) << "no such kind";
    words.__kind &= ~0x400;
    words.__lock = 17;
    EXPECT_EQ(owner(), 0u) << "no such lock";
  }
}

}  // namespace
}  // namespace tasks::cli
