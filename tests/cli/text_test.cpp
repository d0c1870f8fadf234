// Text out of targets, before it comes to a terminal.

#include "base/text.hpp"

#include <gtest/gtest.h>

namespace tasks::cli {
namespace {

TEST(Text, StaysAsItIsWhereItIsText) {
  for (const char* text : {"", "conn 42", "lab::worker(std::shared_ptr<pool>)", "größe", "日本語 → ⇄ …", "🦊"})
    EXPECT_EQ(clean(text), text);
}

TEST(Text, HasNoControls) {
  EXPECT_EQ(clean("a\x1b[31mb\nc\td\x7f"), "a?[31mb?c?d?");
  // As one byte, and as UTF-8: terminals take either for ESC [.
  EXPECT_EQ(clean("a\x9b"
                  "2J"),
            "a?2J");
  EXPECT_EQ(clean("a\xc2\x9b"
                  "2J\xc2\x80\xc2\x9f\xc2\xa0"),
            "a?2J??\xc2\xa0");
}

TEST(Text, HidesNothingOfWhatStandsBesideIt) {
  EXPECT_EQ(clean("exe\u202efdp.\u2066x\u200b\ufeff"), "exe?fdp.?x??");
  EXPECT_EQ(clean("a\U000e0041"), "a?");
  EXPECT_EQ(clean("a\u061cb\u00adc"), "a?b?c");
  // Letters that nobody sees.
  EXPECT_EQ(clean("a\u034fb\u115fc\u1160\u17b4\u180e\u180fd\u3164\uffa0e\ufe0f"), "a?b?c????d??e?");
  EXPECT_EQ(clean("\u0350\u115e\u1161\u17b3\u180a\u1810\u3165\uff9f\ufe10"),
            "\u0350\u115e\u1161\u17b3\u180a\u1810\u3165\uff9f\ufe10");
}

TEST(Text, ThatIsNoUtf8LosesOnlyThoseBytes) {
  EXPECT_EQ(clean("f\xfcr"), "f?r");
  EXPECT_EQ(clean("\xe2\x82"), "??");
  EXPECT_EQ(clean("\xc3"), "?");
  EXPECT_EQ(clean(std::string_view("a\0b", 3)), "a?b");
}

}  // namespace
}  // namespace tasks::cli
