// SPDX-License-Identifier: Apache-2.0
#include "supervisor/line_splitter.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace takt::supervisor {
namespace {

using Lines = std::vector<std::string>;

// Feeds `text` in pieces of `step` bytes.
Lines split(const std::string& text, std::size_t max, std::size_t step) {
  Lines lines;
  const auto emit = [&](std::string_view line) { lines.emplace_back(line); };
  LineSplitter splitter(max);
  for (std::size_t at = 0; at < text.size(); at += step) splitter.feed(text.substr(at, step), emit);
  splitter.finish(emit);
  return lines;
}

TEST(LineSplitter, CutsTheSameHoweverTheBytesCome) {
  for (std::size_t step = 1; step < 12; ++step) {
    EXPECT_EQ(split("one\n\ntwo\nlast", 100, step), (Lines{"one", "", "two", "last"})) << step;
    EXPECT_EQ(split("one\n", 100, step), Lines{"one"}) << step;
    EXPECT_EQ(split("", 100, step), Lines{}) << step;
  }
}

TEST(LineSplitter, LongLinesComeInPieces) {
  for (std::size_t step = 1; step < 12; ++step) {
    EXPECT_EQ(split("abcdefg\nh", 3, step), (Lines{"abc", "def", "g", "h"})) << step;
    EXPECT_EQ(split("abc\ndef\n", 3, step), (Lines{"abc", "def"})) << "exactly the bound, " << step;
    EXPECT_EQ(split("abcdef\n", 3, step), (Lines{"abc", "def"})) << step;
  }
}

TEST(LineSplitter, KeepsNulBytes) {
  const std::string text("a\0b\nc", 5);
  EXPECT_EQ(split(text, 10, 5), (Lines{std::string("a\0b", 3), "c"}));
}

}  // namespace
}  // namespace takt::supervisor
