// SPDX-License-Identifier: Apache-2.0
#include "base/utf8.h"

#include <gtest/gtest.h>

namespace takt {
namespace {

TEST(CleanText, OnlyUtf8IsLeft) {
  EXPECT_EQ(clean_text("plain", 10), "plain");
  EXPECT_EQ(clean_text("\u00e4\u20ac\U0001F600", 20), "\u00e4\u20ac\U0001F600");
  EXPECT_EQ(clean_text("a\xff"
                       "b\xc0\xaf"
                       "c",
                       20),
            "a?b??c");
  EXPECT_EQ(clean_text("\xed\xa0\x80", 20), "???") << "a surrogate";
  EXPECT_EQ(clean_text("\xe0\x80\x80", 20), "???") << "overlong";
  EXPECT_EQ(clean_text("\xf4\x90\x80\x80", 20), "????") << "beyond U+10FFFF";
  EXPECT_EQ(clean_text("x\xe2\x82", 20), "x??") << "cut short";
}

TEST(CleanText, CutBetweenCharacters) {
  EXPECT_EQ(clean_text("abc", 2), "ab");
  EXPECT_EQ(clean_text("a\u20ac", 3), "a");
  EXPECT_EQ(clean_text("a\u20ac", 4), "a\u20ac");
}

TEST(CleanText, WhatIsCleanIsUtf8) {
  for (const std::string_view text : {"", "plain", "\xc3", "\xc3\xa4", "\xff\xfe", "a\xe2\x82"}) {
    EXPECT_TRUE(is_utf8(clean_text(text))) << text;
    EXPECT_EQ(is_utf8(text), clean_text(text) == text) << text;
  }
}

}  // namespace
}  // namespace takt
