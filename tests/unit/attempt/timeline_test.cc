// SPDX-License-Identifier: Apache-2.0
// What is written of times comes back, and no bytes at all do harm.
#include "attempt/timeline.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

namespace takt::attempt {
namespace {

const WallTime kNoon = from_unix_us(1'795'000'000'000'000);

// A block of these entries: so many bytes, so many milliseconds after the one before.
struct Entry {
  Stream stream;
  std::uint64_t bytes;
  std::int64_t us;
};

std::string block_of(TimelineMark last, const std::vector<Entry>& entries) {
  std::string block = encode_timeline_header(last);
  for (const Entry& entry : entries)
    block +=
        encode_timeline_entry(last, entry.stream, entry.bytes, last.time + microseconds(entry.us));
  return block;
}

const TimelineMark kBegin{.ends = {1000, 70}, .time = kNoon};

TEST(Timeline, ABlockComesBack) {
  const std::string block = block_of(kBegin, {{Stream::kStdout, 1, 0},
                                              {Stream::kStderr, 200, 1000},
                                              {Stream::kStdout, 5'000'000'000, 3'600'000'000}});
  const auto begin = decode_timeline_header(block);
  ASSERT_TRUE(begin.ok()) << begin.error().message;
  EXPECT_EQ(*begin, kBegin);
  const auto marks = decode_timeline_entries(block, *begin);
  ASSERT_EQ(marks.size(), 3U);
  EXPECT_EQ(marks[0], (TimelineMark{{1001, 70}, kNoon}));
  EXPECT_EQ(marks[1], (TimelineMark{{1001, 270}, kNoon + milliseconds(1)}));
  EXPECT_EQ(marks[2],
            (TimelineMark{{5'000'001'001, 270}, kNoon + milliseconds(1) + std::chrono::hours(1)}));
}

TEST(Timeline, AnEntryOfALineTakesFewBytes) {
  TimelineMark last = kBegin;
  EXPECT_EQ(encode_timeline_entry(last, Stream::kStderr, 60, kNoon + milliseconds(99)).size(), 2U);
  EXPECT_EQ(encode_timeline_header(last).size(), kTimelineHeaderBytes);
}

TEST(Timeline, TimesAreRoundedUpAndErrorsDoNotAddUp) {
  TimelineMark last{.ends = {}, .time = kNoon};
  for (int i = 1; i <= 1000; ++i) {
    const WallTime time = kNoon + microseconds(333 * i);
    encode_timeline_entry(last, Stream::kStdout, 1, time);
    EXPECT_GE(last.time, time);
    EXPECT_LT(last.time, time + milliseconds(1));
  }
}

TEST(Timeline, ATornBlockGivesWhatIsWhole) {
  const std::string block =
      block_of(kBegin, {{Stream::kStdout, 300, 200'000}, {Stream::kStderr, 300, 200'000}});
  const std::size_t entry = (block.size() - kTimelineHeaderBytes) / 2;
  for (std::size_t size = 0; size <= block.size(); ++size) {
    // As a file system leaves it: cut off, or zeroes in place of the rest.
    for (const std::string& torn :
         {block.substr(0, size), block.substr(0, size) + std::string(block.size() - size, '\0')}) {
      const auto begin = decode_timeline_header(torn);
      if (size < kTimelineHeaderBytes && torn.size() < kTimelineHeaderBytes) {
        EXPECT_FALSE(begin.ok()) << size;
        continue;
      }
      if (size < kTimelineHeaderBytes) continue;  // zeroes may be numbers
      ASSERT_TRUE(begin.ok());
      EXPECT_EQ(decode_timeline_entries(torn, *begin).size(),
                (size - kTimelineHeaderBytes) / entry);
    }
  }
}

TEST(Timeline, OtherVersionsAndForeignBytesAreRefused) {
  std::string block = block_of(kBegin, {});
  block[4] = 2;
  EXPECT_EQ(decode_timeline_header(block).error().code, ErrorCode::kDataLoss);
  EXPECT_EQ(decode_timeline_header(std::string(4096, '\0')).error().code, ErrorCode::kDataLoss);
  EXPECT_EQ(decode_timeline_header("").error().code, ErrorCode::kDataLoss);
  EXPECT_EQ(decode_timeline_header("TKTL\1\0\0\0" + std::string(24, '\xff')).error().code,
            ErrorCode::kDataLoss);
}

TEST(Timeline, AnyBytesGiveMarksThatGoForward) {
  std::mt19937_64 random(7);
  for (int round = 0; round < 2000; ++round) {
    std::string block = encode_timeline_header(kBegin);
    while (block.size() < 1 + random() % (kTimelineBlockBytes + 100))
      block += static_cast<char>(random() % 4 == 0 ? 0xff : random());
    TimelineMark last = kBegin;
    for (const TimelineMark& mark : decode_timeline_entries(block, kBegin)) {
      EXPECT_GE(mark.ends[0], last.ends[0]);
      EXPECT_GE(mark.ends[1], last.ends[1]);
      EXPECT_GE(mark.time, last.time);
      last = mark;
    }
  }
}

}  // namespace
}  // namespace takt::attempt
