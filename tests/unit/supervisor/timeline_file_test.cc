// SPDX-License-Identifier: Apache-2.0
// What is written of when bytes came: little, in time, never more than its share.
#include "supervisor/timeline_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <string>
#include <vector>

#include "base/limits.h"
#include "support/eventually.h"
#include "support/small_disk.h"

namespace takt::supervisor {
namespace {

using attempt::Stream;
using attempt::TimelineMark;

const WallTime kNoon = from_unix_us(1'795'000'000'000'000);
constexpr std::uint64_t kCap = 1 << 30;

// All marks of a file, as a reader finds them.
std::vector<TimelineMark> marks_in(int folder, const char* name = "timeline") {
  const std::string bytes = *read_file(folder, name, 64 * limits::kMiB);
  std::vector<TimelineMark> marks;
  for (std::size_t at = 0; at < bytes.size(); at += attempt::kTimelineBlockBytes) {
    const std::string block = bytes.substr(at, attempt::kTimelineBlockBytes);
    const auto begin = attempt::decode_timeline_header(block);
    if (!begin) continue;
    for (const TimelineMark& mark : attempt::decode_timeline_entries(block, *begin))
      marks.push_back(mark);
  }
  return marks;
}

bool there(int folder, const std::string& name) {
  struct stat status {};
  return ::fstatat(folder, name.c_str(), &status, 0) == 0;
}

class Timeline : public testing::Test {
 protected:
  test::TempFolder folder_;
  FreeSpace space_{folder_.fd(), 0};
  TimelineFile file_{folder_.fd(), kCap, space_};
};

TEST_F(Timeline, AJobThatWritesOnceGetsNoFile) {
  file_.add(Stream::kStdout, 10, kNoon);
  file_.add(Stream::kStdout, 20, kNoon + milliseconds(99));
  file_.finish();
  EXPECT_FALSE(there(folder_.fd(), "timeline"));
}

TEST_F(Timeline, TheOrderOfTheStreamsIsThere) {
  file_.add(Stream::kStdout, 4, kNoon);
  EXPECT_FALSE(there(folder_.fd(), "timeline")) << "not yet needed";
  file_.add(Stream::kStderr, 5, kNoon + milliseconds(1));
  file_.add(Stream::kStdout, 6, kNoon + milliseconds(1));
  EXPECT_EQ(marks_in(folder_.fd()).size(), 2U) << "all but what is going on";
  file_.finish();
  EXPECT_EQ(
      marks_in(folder_.fd()),
      (std::vector<TimelineMark>{
          {{4, 0}, kNoon}, {{4, 5}, kNoon + milliseconds(1)}, {{10, 5}, kNoon + milliseconds(1)}}));
}

TEST_F(Timeline, WhatComesOnOneStreamAtAboutOneTimeIsOneEntry) {
  for (int i = 0; i <= 300; ++i) file_.add(Stream::kStdout, 1, kNoon + milliseconds(i));
  file_.finish();
  EXPECT_EQ(marks_in(folder_.fd()),
            (std::vector<TimelineMark>{{{101, 0}, kNoon + milliseconds(100)},
                                       {{202, 0}, kNoon + milliseconds(201)},
                                       {{301, 0}, kNoon + milliseconds(300)}}));
}

TEST_F(Timeline, AClockThatIsSetBackBeginsAnew) {
  file_.add(Stream::kStdout, 1, kNoon);
  file_.add(Stream::kStdout, 2, kNoon - std::chrono::hours(1));
  file_.add(Stream::kStderr, 3, kNoon - std::chrono::hours(1));
  file_.finish();
  EXPECT_EQ(marks_in(folder_.fd()),
            (std::vector<TimelineMark>{{{1, 0}, kNoon},
                                       {{3, 0}, kNoon - std::chrono::hours(1)},
                                       {{3, 3}, kNoon - std::chrono::hours(1)}}));
}

TEST_F(Timeline, ManyBlocksGoOnWithoutAGap) {
  for (int i = 0; i < 20'000; ++i)
    file_.add(i % 2 == 0 ? Stream::kStdout : Stream::kStderr, 100, kNoon + milliseconds(i));
  file_.finish();
  const auto marks = marks_in(folder_.fd());
  ASSERT_EQ(marks.size(), 20'000U);
  for (std::uint64_t i = 0; i < marks.size(); ++i) {
    EXPECT_EQ(marks[i].ends[0], 100 * (i / 2 + 1));
    EXPECT_EQ(marks[i].ends[1], 100 * ((i + 1) / 2));
    EXPECT_EQ(marks[i].time, kNoon + milliseconds(i));
  }
}

TEST_F(Timeline, PastItsShareTheMiddleIsDropped) {
  TimelineFile small(folder_.fd(), 1000, space_);  // the least there is: 64 KiB, then 8 KiB each
  constexpr int kEntries = 200'000;
  for (int i = 0; i < kEntries; ++i)
    small.add(i % 2 == 0 ? Stream::kStdout : Stream::kStderr, 1, kNoon);
  small.finish();
  const auto files = attempt::list_output_files(folder_.fd());
  ASSERT_TRUE(files.ok());
  ASSERT_EQ(files->timeline.size(), 3U) << "the begin, and two for the end";
  std::uint64_t size = 0;
  for (const std::uint64_t number : files->timeline)
    size += read_file(folder_.fd(), attempt::piece_name("timeline", number), 1 << 20)->size();
  EXPECT_LE(size, 80U * 1024);
  EXPECT_EQ(marks_in(folder_.fd()).front(), (TimelineMark{{1, 0}, kNoon}));
  const std::string last = attempt::piece_name("timeline", files->timeline.back());
  EXPECT_EQ(marks_in(folder_.fd(), last.c_str()).back(),
            (TimelineMark{{kEntries / 2, kEntries / 2}, kNoon}));
}

TEST(TimelineOnAFullDisk, GoesOnWhereThereIsRoomAgain) {
  test::SmallDisk disk(64 * limits::kKiB);
  FreeSpace space(disk.fd(), 0);
  TimelineFile file(disk.fd(), kCap, space);
  const auto both = [&file](int times) {
    for (int i = 0; i < times; ++i) {
      file.add(Stream::kStdout, 1, kNoon);
      file.add(Stream::kStderr, 1, kNoon);
    }
  };
  both(10);
  disk.fill();
  both(5000);
  disk.empty();
  const std::size_t before = marks_in(disk.fd()).size();
  std::uint64_t written = 5010;
  // What is free is looked at once a second.
  ASSERT_TRUE(test::eventually([&] {
    both(10);
    written += 10;
    return marks_in(disk.fd()).size() > before;
  }));
  file.finish();
  const auto marks = marks_in(disk.fd());
  EXPECT_LT(marks.size(), 10'000U) << "some are lost";
  EXPECT_EQ(marks.front(), (TimelineMark{{1, 0}, kNoon}));
  EXPECT_EQ(marks.back(), (TimelineMark{{written, written}, kNoon}))
      << "and it is known where we are";
}

TEST(TimelineOnAFullDisk, WithTooLittleFreeNothingIsWritten) {
  test::SmallDisk disk(512 * limits::kKiB);
  FreeSpace space(disk.fd(), 256 * limits::kKiB);
  TimelineFile file(disk.fd(), kCap, space);
  for (int i = 0; i < 500'000; ++i) {
    file.add(Stream::kStdout, 1, kNoon);
    file.add(Stream::kStderr, 1, kNoon);
  }
  file.finish();
  EXPECT_GE(disk.free_bytes() + 8 * limits::kKiB, 256 * limits::kKiB);
}

}  // namespace
}  // namespace takt::supervisor
