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
}

TEST(Text, ThatIsNoUtf8LosesOnlyThoseBytes) {
  EXPECT_EQ(clean("f\xfcr"), "f?r");
  EXPECT_EQ(clean("\xe2\x82"), "??");
  EXPECT_EQ(clean("\xc3"), "?");
  EXPECT_EQ(clean(std::string_view("a\0b", 3)), "a?b");
}

}  // namespace
}  // namespace tasks::cli
