// The mark over a memory of a few words: what it comes to, by which ways, and whom it tells.

#include "proof/mark.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <map>
#include <utility>
#include <vector>

namespace tasks::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;

constexpr std::uint64_t server = 0x10000, library = 0x12000, heap = 0x20000;

/// The data of an executable and of a library, and a heap; all zeros but for some words.
class few_words final : public memory {
 public:
  explicit few_words(std::map<std::uint64_t, std::uint64_t> words) : words_(std::move(words)) {
    for (const auto& [begin, path] :
         {std::pair(server, "/usr/bin/server"), std::pair(library, "/usr/lib/library.so"), std::pair(heap, "[heap]")}) {
      auto& region = regions_.emplace_back();
      region.begin = begin;
      region.end = begin + page_size;
      region.readable = region.writable = true;
      region.path = path;
    }
  }
  std::size_t read(std::uint64_t address, void* to, std::size_t size) const override {
    std::memset(to, 0, size);
    for (const auto& [at, word] : words_)
      if (at >= address && at + sizeof word <= address + size)
        std::memcpy(static_cast<char*>(to) + (at - address), &word, sizeof word);
    return size;
  }
  [[nodiscard]] const std::vector<memory_region>& regions() const override { return regions_; }
  [[nodiscard]] bool is_still() const noexcept override { return true; }
  [[nodiscard]] int last_error() const noexcept override { return 0; }

 private:
  std::map<std::uint64_t, std::uint64_t> words_;
  std::vector<memory_region> regions_;
};

constexpr std::uint64_t chunk_size = 64;
/// Objects are numbered from 0.
constexpr std::uint64_t in(heap_map::object o) { return heap + o * chunk_size + heap_map::header; }

struct marked {
  explicit marked(std::map<std::uint64_t, std::uint64_t> words) : image(few_words(std::move(words)), nullptr) {
    std::vector<std::uint32_t> starts;
    for (std::uint32_t at = 0; at < page_size; at += chunk_size) starts.push_back(at / 16);
    const std::vector<bool> free(starts.size());
    objects.add_segment({heap, heap + page_size}, std::move(starts), free);
    EXPECT_TRUE(objects.seal());
    marks.emplace(image, objects);
  }
  void add_data() { marks->add_memory(objects.segments()); }
  std::vector<std::pair<marker::watcher, heap_map::object>> run() {
    std::vector<std::pair<marker::watcher, heap_map::object>> told;
    marks->run([&](marker::watcher who, heap_map::object o) { told.emplace_back(who, o); });
    return told;
  }

  memory_image image;
  heap_map objects;
  std::optional<marker> marks;
};

TEST(Mark, ComesToWhatWordsLeadToAndToNothingElse) {
  marked m({{server, in(1)}, {in(1) + 8, in(2) + 40}, {in(3), in(4)}});
  m.add_data();
  m.run();
  for (const heap_map::object o : {1u, 2u}) EXPECT_TRUE(m.marks->is_marked(o)) << o;
  for (const heap_map::object o : {0u, 3u, 4u}) EXPECT_FALSE(m.marks->is_marked(o)) << o;
  EXPECT_EQ(m.marks->marked_by(2).is, origin::kind::object);
  EXPECT_EQ(m.marks->marked_by(2).value, 1u);
  EXPECT_EQ(m.marks->root_of(2).is, origin::kind::memory);
  EXPECT_EQ(m.marks->root_of(2).value, server);
}

TEST(Mark, CountsTheWaysThatAreEquallyShort) {
  marked m({{server, in(1)}, {library, in(2)}, {in(1), in(5)}, {in(2), in(5)}, {in(5), in(6)}});
  m.add_data();
  m.run();
  EXPECT_EQ(m.marks->ways_to(5), 2u);
  EXPECT_EQ(m.marks->ways_to(6), 2u);
  EXPECT_TRUE(m.marks->has_several_roots(5));
  EXPECT_TRUE(m.marks->has_several_roots(6));
  EXPECT_FALSE(m.marks->has_several_roots(1));
}

TEST(Mark, CountsNoLongerWay) {
  marked m({{server, in(5)}, {library, in(2)}, {in(2), in(5)}});
  m.add_data();
  m.run();
  EXPECT_EQ(m.marks->ways_to(5), 1u);
  EXPECT_FALSE(m.marks->has_several_roots(5));
}

TEST(Mark, CountsSeveralWordsOfOneObjectOrOfOneRootAsOneWay) {
  marked m({{server, in(1)},
            {server + 8, in(1)},
            {server + 64, in(1)},
            {library, in(2)},
            {in(1), in(5)},
            {in(1) + 8, in(5) + 8},
            {in(2), in(5)},
            {in(2) + 16, in(5)}});
  m.add_data();
  m.run();
  EXPECT_EQ(m.marks->ways_to(1), 1u);
  EXPECT_EQ(m.marks->ways_to(5), 2u);
}

/// What waits to be followed may be added as a task's own before it was.
TEST(Mark, FollowsWhatIsAddedTwiceOnce) {
  marked m({{in(1), in(5)}, {in(2), in(5)}});
  m.marks->set_apart(2);
  m.marks->add(in(1), {origin::kind::thread, 77});
  m.marks->add(in(2), {origin::kind::thread, 77});
  m.marks->add_apart(2, {origin::kind::task, 7});
  m.run();
  EXPECT_EQ(m.marks->ways_to(5), 2u);
}

TEST(Mark, FollowsWhatWasSetApartForItsOwnerAlone) {
  marked m({{server, in(1)}, {in(1), in(5)}});
  m.marks->set_apart(1);
  m.add_data();
  m.run();
  EXPECT_TRUE(m.marks->is_marked(1));
  EXPECT_FALSE(m.marks->is_marked(5));
  m.marks->add_apart(1, {origin::kind::task, 7});
  m.run();
  EXPECT_TRUE(m.marks->is_marked(5));
  EXPECT_EQ(m.marks->root_of(5).is, origin::kind::task);
  EXPECT_EQ(m.marks->root_of(5).value, 7u);
}

TEST(Mark, FollowsAllInTheEnd) {
  marked m({{server, in(1)}, {in(1), in(5)}, {in(5), in(6)}});
  for (const heap_map::object o : {1u, 5u}) m.marks->set_apart(o);
  m.add_data();
  m.run();
  m.marks->follow_all();
  m.run();
  EXPECT_TRUE(m.marks->is_marked(6));
  EXPECT_EQ(m.marks->root_of(6).value, server);
}

TEST(Mark, TellsEachWatcherOfAnObjectOnce) {
  marked m({{server, in(2)}, {library, in(2)}, {in(2), in(1)}});
  m.marks->watch(1, 30);
  m.marks->watch(2, 20);
  m.marks->watch(2, 10);
  m.marks->watch(3, 40);
  m.add_data();
  EXPECT_THAT(m.run(), ElementsAre(Pair(10, 2), Pair(20, 2), Pair(30, 1)));
  m.marks->add(in(2), {origin::kind::thread, 77});
  EXPECT_THAT(m.run(), ElementsAre());
}

}  // namespace
}  // namespace tasks::cli
