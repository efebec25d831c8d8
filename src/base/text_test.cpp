#include "base/text.h"

#include <gtest/gtest.h>

namespace tempera {
namespace {

TEST(Text, Utf8LengthsFollowTheLeadByte) {
  EXPECT_EQ(utf8_sequence_length("a"), 1u);
  EXPECT_EQ(utf8_sequence_length("ü"), 2u);
  EXPECT_EQ(utf8_sequence_length("漢"), 3u);
  EXPECT_EQ(utf8_sequence_length("🎨"), 4u);
}

TEST(Text, IllFormedUtf8IsRefused) {
  EXPECT_TRUE(is_utf8("a cat, 漢字, 🎨"));
  EXPECT_FALSE(is_utf8("\x80"));              // a continuation without a lead
  EXPECT_FALSE(is_utf8("\xc3"));              // cut short
  EXPECT_FALSE(is_utf8("\xc0\xaf"));          // overlong '/'
  EXPECT_FALSE(is_utf8("\xe0\x80\xaf"));      // overlong '/'
  EXPECT_FALSE(is_utf8("\xed\xa0\x80"));      // surrogate U+D800
  EXPECT_FALSE(is_utf8("\xf4\x90\x80\x80"));  // U+110000
  EXPECT_FALSE(is_utf8("\xff"));
}

TEST(Text, QuoteLeavesNoControlByteForTheTerminal) {
  EXPECT_EQ(quote("conv_in.weight"), "'conv_in.weight'");
  EXPECT_EQ(quote("ü\n\x1b[31m"), "'ü\\x0a\\x1b[31m'");
  EXPECT_EQ(quote("\xc2\x9b"
                  "31m"),
            "'\\xc2\\x9b31m'");
  EXPECT_EQ(quote("\xff"), "'\\xff'");
}

TEST(Text, QuoteCutsLongTextBetweenCharacters) {
  EXPECT_EQ(quote("abcdef", 4), "'abcd...'");
  EXPECT_EQ(quote("abcd", 4), "'abcd'");
  EXPECT_EQ(quote("aüü", 4), "'aü...'");
}

TEST(Text, CommasSplitAndEmptyPartsStay) {
  using Parts = std::vector<std::string_view>;
  EXPECT_EQ(split_at_commas("5,9"), (Parts{"5", "9"}));
  EXPECT_EQ(split_at_commas("a,,b,"), (Parts{"a", "", "b", ""}));
  EXPECT_EQ(split_at_commas(""), Parts{""});
}

}  // namespace
}  // namespace tempera
