// Values of this program's own coroutine in a frame that a test may damage.

#include <gmock/gmock.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "coroutines/frame_values.hpp"
#include "coroutines/program.hpp"
#include "coroutines/value_words.hpp"
#include "forged_frames.hpp"

namespace tasks::cli {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

enum class door { closed, open };
struct pair_of {
  int first = 0, second = 0;
};
/// Holds its own kind.
struct tree {
  std::vector<tree> below;
};

using coroutine = forged::coroutine<forged::other_base>;

template <class... T>
void uses(const T&...) {}

coroutine holds(int number, bool flag, door which, std::string text, std::string_view view, std::optional<int> maybe,
                std::vector<int> numbers, tree all, pair_of two, const int* to, char letter) {
  co_await std::suspend_always();
  uses(number, flag, which, text, view, maybe, numbers, all, two, to, letter);
}

coroutine has_many(int a0, int a1, int a2, int a3, int a4, int a5, int a6, int a7, int b0, int b1, int b2, int b3,
                   int b4, int b5, int b6, int b7, int c0, int c1, int c2, int c3, int c4, int c5, int c6, int c7,
                   int d0, int d1, int d2, int d3, int d4, int d5, int d6, int d7, int e0, int e1) {
  co_await std::suspend_always();
  uses(a0, a1, a2, a3, a4, a5, a6, a7, b0, b1, b2, b3, b4, b5, b6, b7, c0, c1, c2, c3, c4, c5, c6, c7, d0, d1, d2, d3,
       d4, d5, d6, d7, e0, e1);
}

/// The frame of a coroutine that was copied to a memory of its own.
class FrameValues : public ::testing::Test {
 protected:
  static constexpr std::uint64_t at = forged_memory::begin + 0x1000;
  /// Memory that holds 0x41 everywhere, whose end is the end of all.
  static constexpr std::uint64_t data = forged_memory::begin + 0x2000, end = forged_memory::begin + 0x4000;

  FrameValues() {
    const std::string filler(end - data, 'A');
    memory_.put(data, filler.data(), filler.size());
    take(holds(7, true, door::open, "text", "view", 5, {1, 2}, {}, {}, nullptr, 'c'));
  }

  void take(coroutine made) {
    std::uint64_t begin = 0;
    std::memcpy(&begin, made.frame.address(), sizeof begin);
    body_ = program().code.body_at(begin);
    ASSERT_NE(body_, nullptr);
    layout_ = &program().layouts.of(*body_);
    ASSERT_TRUE(layout_->is_known);
    memory_.put(at, made.frame.address(), layout_->size);
    made.frame.destroy();
    // A short string holds its own address.
    for (const auto& each : program().layouts.variables_of(*body_))
      if (each.name == "text") put_string(at + each.offset + 16, 4);
  }
  static coroutine_program& program() {
    static modules code(getpid());
    static const auto own = process_memory(getpid());
    static coroutine_program one(*own, code);
    return one;
  }
  [[nodiscard]] std::uint64_t place(std::string_view name) const {
    for (const auto& each : program().layouts.variables_of(*body_))
      if (each.name == name) return at + each.offset;
    ADD_FAILURE() << name << " is not in the frame";
    return at;
  }
  /// libstdc++'s: {address, length, room for 15 bytes or the capacity}.
  void put_string(std::uint64_t address, std::uint64_t length) {
    memory_.put(place("text"), address);
    memory_.put(place("text") + 8, length);
  }
  void put_vector(std::string_view name, std::uint64_t first, std::uint64_t last, std::uint64_t room) {
    memory_.put(place(name), first);
    memory_.put(place(name) + 8, last);
    memory_.put(place(name) + 16, room);
  }
  std::vector<frame_value> all(std::uint64_t frame = at) { return frame_values(program(), memory_).of(frame); }
  /// "<type>" where no value is known.
  std::string shown(std::string_view name) {
    for (const auto& each : all())
      if (each.name == name) return each.value.value_or("<" + each.type + ">");
    return "";
  }

  forged_memory memory_{4};
  const coroutine_body* body_ = nullptr;
  const frame_layout* layout_ = nullptr;
};

TEST_F(FrameValues, AreThoseThatTheCoroutineWasGiven) {
  EXPECT_EQ(shown("number"), "7");
  EXPECT_EQ(shown("flag"), "true");
  EXPECT_EQ(shown("which"), "open");
  EXPECT_EQ(shown("text"), "\"text\"");
  EXPECT_EQ(shown("maybe"), "5");
  EXPECT_EQ(shown("all"), "[]");
  EXPECT_EQ(shown("two"), "<pair_of>");
  EXPECT_EQ(shown("to"), "nullptr");
  EXPECT_EQ(shown("letter"), "'c'");
}

TEST_F(FrameValues, OfADamagedStringAreItsType) {
  for (const auto& [address, length] : std::vector<std::pair<std::uint64_t, std::uint64_t>>{
           {0, 4},                                        // nowhere
           {~std::uint64_t{0}, 4},                        // at the end of all addresses
           {end - 2, 4},                                  // over the end of memory
           {place("text") + 16, 16},                      // longer than the room that it has
           {place("text") + 16, ~std::uint64_t{0}}}) {    // than all memory
    memory_.put(place("text") + 16, std::uint64_t{100});  // its capacity, where it is on the heap
    put_string(address, length);
    EXPECT_EQ(shown("text"), "<std::string>") << std::hex << address << ' ' << length;
  }
  memory_.put(place("text") + 16, std::uint64_t{10});
  put_string(data, 11);  // longer than its capacity
  EXPECT_EQ(shown("text"), "<std::string>");
  memory_.put(place("text") + 16, ~std::uint64_t{0});
  put_string(data, 11);  // a capacity that is none
  EXPECT_EQ(shown("text"), "<std::string>");
}

TEST_F(FrameValues, OfALongStringAreItsBegin) {
  memory_.put(place("text") + 16, std::uint64_t{1} << 30);
  put_string(data, std::uint64_t{1} << 30);
  EXPECT_EQ(shown("text"), '"' + std::string(longest_text, 'A') + "…\"");
}

TEST_F(FrameValues, OfADamagedViewAreItsType) {
  memory_.put(place("view"), std::uint64_t{1} << 60);  // its length
  memory_.put(place("view") + 8, data);
  EXPECT_EQ(shown("view"), "<std::string_view>");
  memory_.put(place("view"), std::uint64_t{4});
  memory_.put(place("view") + 8, end);
  EXPECT_EQ(shown("view"), "<std::string_view>");
}

TEST_F(FrameValues, OfADamagedVectorAreItsType) {
  for (const auto& [first, last, room] :
       std::vector<std::array<std::uint64_t, 3>>{{data + 8, data, data + 8},          // ends before it begins
                                                 {data, data + 16, data + 8},         // has more than its room
                                                 {data, data + 3, data + 8},          // a part of an element
                                                 {end, end + 8, end + 8},             // beyond memory
                                                 {0, 8, 8},                           // nowhere
                                                 {data, end + 0x1000, end + 0x1000},  // not all of it
                                                 {16, std::uint64_t{1} << 62, std::uint64_t{1} << 62}}) {
    put_vector("numbers", first, last, room);
    EXPECT_EQ(shown("numbers"), "<std::vector<int>>") << std::hex << first << ' ' << last << ' ' << room;
  }
}

TEST_F(FrameValues, OfAVectorAreItsFirstElements) {
  put_vector("numbers", data, data + 4 * 1000, end);
  const std::string number = "1094795585";  // 0x41414141
  EXPECT_EQ(shown("numbers"), "[" + number + ", " + number + ", " + number + ", " + number + ", …] of 1000");
}

TEST_F(FrameValues, OfWhatHoldsItselfEnd) {
  // A tree whose only branch is itself.
  put_vector("all", place("all"), place("all") + 24, place("all") + 24);
  EXPECT_EQ(shown("all"), "[[…] of 1]");
  // Each of thousands has as many.
  const auto count = (end - data) / 24;
  for (std::uint64_t i = 0; i < count; ++i) {
    memory_.put(data + 24 * i, data);
    memory_.put(data + 24 * i + 8, data + 24 * count);
    memory_.put(data + 24 * i + 16, data + 24 * count);
  }
  put_vector("all", data, data + 24 * count, data + 24 * count);
  EXPECT_LE(shown("all").size(), longest_value + std::string_view("…").size());
}

TEST_F(FrameValues, ThatNoProgramHasAreTypes) {
  memory_.put(place("flag"), "\2", 1);
  EXPECT_EQ(shown("flag"), "<bool>");
  memory_.put(place("which"), "\11\0\0\0", 4);
  EXPECT_EQ(shown("which"), "9");
  memory_.put(place("maybe") + 4, "\7", 1);  // neither there nor not
  EXPECT_EQ(shown("maybe"), "<std::optional<int>>");
}

TEST_F(FrameValues, AreNotThoseOfWhatIsNoFrame) {
  EXPECT_THAT(all(at + 8), IsEmpty());
  EXPECT_THAT(all(0), IsEmpty());
  EXPECT_THAT(all(~std::uint64_t{0} - 3), IsEmpty());
  EXPECT_THAT(all(end - 4), IsEmpty());
  memory_.put(at + 8, std::uint64_t{0x4711});  // nothing destroys such a frame
  EXPECT_THAT(all(), IsEmpty());
}

TEST_F(FrameValues, AreNotThoseOfAFrameThatHasEnded) {
  memory_.put(at, std::uint64_t{0});
  EXPECT_THAT(all(), IsEmpty());
}

TEST_F(FrameValues, AreNotThoseOfAFrameThatIsBeingDestroyed) {
  if (!body_->is_gnu) GTEST_SKIP() << "clang does not say so";
  const std::uint64_t index = 3;
  memory_.put(at + layout_->index, &index, layout_->index_size);
  EXPECT_THAT(all(), IsEmpty());
}

TEST_F(FrameValues, OfAFrameOverTheEndOfMemoryAreThoseThatAreThere) {
  std::vector<unsigned char> bytes(layout_->size);
  ASSERT_EQ(memory_.read(at, bytes.data(), bytes.size()), bytes.size());
  const auto last = end - (layout_->size - 8);
  memory_.put(last, bytes.data(), bytes.size() - 8);
  for (const auto& each : frame_values(program(), memory_).of(last)) EXPECT_FALSE(each.name.empty());
}

TEST_F(FrameValues, AreNoMoreThanAReaderReads) {
  take(has_many(0, 1, 2, 3, 4, 5, 6, 7, 0, 1, 2, 3, 4, 5, 6, 7, 0, 1, 2, 3, 4, 5, 6, 7, 0, 1, 2, 3, 4, 5, 6, 7, 0, 1));
  EXPECT_THAT(all(), SizeIs(frame_values::most_of_frame));
  EXPECT_EQ(shown("a5"), "5");
}

TEST(Quoted, HasNothingThatDrivesATerminal) {
  EXPECT_EQ(quoted("a\x1b[31m\n\t", '"'), R"("a\x1b[31m\n\t")");
  EXPECT_EQ(quoted(R"(say "so" \)", '"'), R"("say \"so\" \\")");
  EXPECT_EQ(quoted("\xc3\xa4 \xc3( \xff", '"'), "\"\xc3\xa4 \\xc3( \\xff\"");
  EXPECT_EQ(quoted("\xe2\x80\xae\xc2\x9b\xef\xbb\xbf", '"'), R"("\xe2\x80\xae\xc2\x9b\xef\xbb\xbf")");
  EXPECT_EQ(quoted("'", '\''), R"('\'')");
}

TEST(Quoted, IsNotCutWithinACharacter) {
  EXPECT_EQ(quoted("a\xf0\x9f\x98", '"', true), "\"a…\"");
  EXPECT_EQ(quoted("a\xc3\xa4", '"', true), "\"a\xc3\xa4…\"");
}

}  // namespace
}  // namespace tasks::cli
