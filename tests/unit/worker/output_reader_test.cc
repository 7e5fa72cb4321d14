// SPDX-License-Identifier: Apache-2.0
// What the supervisor has written is read back: every byte that was kept, once, in the order in
// which it came, from any place, while it is written, and whatever became of the timeline.
#include <gtest/gtest.h>
#include <unistd.h>

#include <string>

#include "base/limits.h"
#include "unit/worker/written_job.h"

namespace takt::worker {
namespace {

using Job = WrittenJob;

std::string read_from(const Job& job, const OutputWish& wish) {
  OutputReader reader(job.folder(), wish);
  EXPECT_TRUE(reader.begin().ok());
  return said(read_all(reader));
}

std::string tail(const Job& job, int lines, std::array<bool, 2> streams = {true, true}) {
  return read_from(job, {.streams = streams, .from = {}, .since = {}, .tail_lines = lines});
}

TEST(OutputReader, BothStreamsComeInTheirOrder) {
  Job job;
  job.out("1\n");
  job.err("2\n");
  job.out("3\n4\n");
  job.err("5\n");
  EXPECT_EQ(read_from(job, {}), "o:1\ne:2\no:3\n4\ne:5\n") << "the last of them is no entry yet";
  job.finish();
  EXPECT_EQ(read_from(job, {}), "o:1\ne:2\no:3\n4\ne:5\n");
  EXPECT_EQ(read_from(job, {.streams = {true, false}}), "o:1\n3\n4\n");
  EXPECT_EQ(read_from(job, {.streams = {false, true}}), "e:2\n5\n");
}

TEST(OutputReader, GoesOnFromAnyPlace) {
  Job job;
  job.out("1\n");
  job.err("2\n");
  job.out("3\n");
  job.err("4\n");
  job.finish();
  EXPECT_EQ(read_from(job, {.from = {2, 0}}), "e:2\no:3\ne:4\n");
  EXPECT_EQ(read_from(job, {.from = {3, 2}}), "o:\ne:4\n");
  EXPECT_EQ(read_from(job, {.from = {0, 3}}), "o:1\n3\ne:\n") << "as if the rest had been read";
  EXPECT_EQ(read_from(job, {.from = {4, 4}}), "");
  EXPECT_EQ(read_from(job, {.from = {400, 0}}), "e:2\n4\n");
}

TEST(OutputReader, PiecesHaveTheirTimes) {
  Job job;
  job.out("1\n");
  job.pass(seconds(1));
  job.out("2\n");
  job.pass(seconds(1));
  job.err("3\n");
  job.set_file_times(job.now + seconds(5));
  OutputReader reader(job.folder(), {.follow = true});
  ASSERT_TRUE(reader.begin().ok());
  const auto pieces = read_all(reader);
  ASSERT_EQ(pieces.size(), 3U);
  EXPECT_EQ(pieces[0].time, kNoon);
  EXPECT_EQ(pieces[1].time, kNoon + seconds(1));
  EXPECT_EQ(pieces[2].time, kNoon + seconds(7)) << "no entry yet: that of the last write";
}

TEST(OutputReader, OneStreamAloneIsNotCutIntoLines) {
  Job job;
  for (int i = 0; i < 1000; ++i) {
    job.out("out\n");
    job.err("err\n");
  }
  job.finish();
  OutputReader reader(job.folder(), {.streams = {true, false}});
  ASSERT_TRUE(reader.begin().ok());
  EXPECT_EQ(read_all(reader).size(), 1U);
}

TEST(OutputReader, WithoutATimelineTheStreamsComeOneAfterTheOther) {
  Job job;
  job.out("1\n");
  job.err("2\n");
  job.out("3\n");
  job.finish();
  ASSERT_TRUE(remove_file(job.folder().get(), "timeline").ok());
  EXPECT_EQ(read_from(job, {}), "o:1\n3\ne:2\n");
}

TEST(OutputReader, ALostBlockCostsOrderAndTimesOfItsOwnBytesOnly) {
  Job job;
  for (int i = 0; i < 6000; ++i) {
    job.out("o");
    job.err("e");
  }
  job.finish();
  const UniqueFd folder = job.folder();
  const auto file = open_at(folder.get(), "timeline", O_WRONLY);
  ASSERT_TRUE(file.ok());
  const std::string zeroes(attempt::kTimelineBlockBytes, '\0');
  ASSERT_EQ(::pwrite(file->get(), zeroes.data(), zeroes.size(), attempt::kTimelineBlockBytes),
            static_cast<ssize_t>(zeroes.size()));
  OutputReader reader(job.folder(), {});
  ASSERT_TRUE(reader.begin().ok());
  std::size_t unknown = 0;
  std::array<std::string, 2> text;
  for (const OutputPiece& piece : read_all(reader)) {
    if (!piece.time) unknown += piece.data.size();
    text[index_of(piece.stream)] += piece.data;
  }
  EXPECT_EQ(text, job.written);
  EXPECT_EQ(unknown, 2032U) << "the entries of one block";
}

TEST(OutputReader, WhoDoesNotFollowGetsWhatIsThereAtTheBegin) {
  Job job;
  job.out("1\n");
  job.err("2\n");
  OutputReader reader(job.folder(), {});
  ASSERT_TRUE(reader.begin().ok());
  job.out("3\n");
  job.err("4\n");
  EXPECT_EQ(said(read_all(reader)), "o:1\ne:2\n");
}

TEST(OutputReader, WhatWasNotKeptIsSkippedAndToldOf) {
  Job job(4000);
  job.out(std::string(10'000, 'x') + "the end");
  job.err("fine");
  job.finish();
  OutputReader reader(job.folder(), {.from = {100, 0}});
  ASSERT_TRUE(reader.begin().ok());
  const auto pieces = read_all(reader);
  ASSERT_EQ(pieces.size(), 4U);
  EXPECT_EQ(pieces[0].offset, 100U);
  EXPECT_EQ(pieces[0].data.size(), 1900U);
  EXPECT_EQ(pieces[0].skipped, 0U);
  EXPECT_EQ(pieces[1].offset, 10'007U - 2000);
  EXPECT_EQ(pieces[1].skipped, 10'007U - 4000);
  EXPECT_EQ(pieces[2].skipped, 0U);
  EXPECT_TRUE(pieces[2].data.ends_with("the end"));
  EXPECT_EQ(pieces[3].data, "fine");
  EXPECT_FALSE(reader.next_missing(job.record()));
}

TEST(OutputReader, WhatIsMissingAtTheEndIsToldOfOnce) {
  Job job;
  job.out("12345678");
  job.finish();
  ASSERT_TRUE(write_file(job.folder().get(), "stdout", "123", 0640).ok());  // as after a power cut
  OutputReader reader(job.folder(), {});
  ASSERT_TRUE(reader.begin().ok());
  EXPECT_EQ(said(read_all(reader)), "o:123");
  const auto missing = reader.next_missing(job.record());
  ASSERT_TRUE(missing);
  EXPECT_EQ(missing->offset, 8U);
  EXPECT_EQ(missing->skipped, 5U);
  EXPECT_EQ(missing->data, "");
  EXPECT_FALSE(reader.next_missing(job.record()));
  OutputReader behind(job.folder(), {.from = {8, 0}});
  EXPECT_FALSE(behind.next_missing(job.record()));
}

TEST(OutputReader, TheLastLinesOfBoth) {
  Job job;
  job.out("1\n2\n");
  job.err("3\n");
  job.out("4\n");
  job.err("5\n6");
  for (int finished = 0; finished < 2; ++finished) {
    EXPECT_EQ(tail(job, 0), "");
    EXPECT_EQ(tail(job, 1), "e:6");
    EXPECT_EQ(tail(job, 2), "e:5\n6");
    EXPECT_EQ(tail(job, 3), "o:4\ne:5\n6");
    EXPECT_EQ(tail(job, 4), "e:3\no:4\ne:5\n6");
    EXPECT_EQ(tail(job, 5), "o:2\ne:3\no:4\ne:5\n6");
    EXPECT_EQ(tail(job, 6), "o:1\n2\ne:3\no:4\ne:5\n6");
    EXPECT_EQ(tail(job, 100), "o:1\n2\ne:3\no:4\ne:5\n6");
    EXPECT_EQ(tail(job, 2, {true, false}), "o:2\n4\n");
    EXPECT_EQ(tail(job, 2, {false, true}), "e:5\n6");
    job.finish();
  }
}

TEST(OutputReader, ALineIsWhereItEnds) {
  Job job;
  job.out("begun");
  job.err("1\n2\n");
  job.out(" and ended\n");
  job.finish();
  EXPECT_EQ(tail(job, 1), "o:begun and ended\n") << "not without its begin";
  EXPECT_EQ(tail(job, 2), "o:begune:2\no: and ended\n");
}

TEST(OutputReader, TheLastLinesAcrossBlocksAndFiles) {
  Job job(100'000);
  for (int i = 0; i < 30'000; ++i) {
    job.out("out " + std::to_string(i) + "\n");
    job.err("err " + std::to_string(i) + "\n");
  }
  job.finish();
  EXPECT_EQ(tail(job, 3), "e:err 29998\no:out 29999\ne:err 29999\n");
  std::string expected = "o:";
  for (int i = 28'000; i < 30'000; ++i) expected += "out " + std::to_string(i) + "\n";
  EXPECT_EQ(tail(job, 2000, {true, false}), expected);
}

TEST(OutputReader, ATailIsBounded) {
  Job job;
  const std::string part(limits::kMiB, 'x');
  for (int i = 0; i < 18; ++i) job.out(part);
  job.finish();
  OutputReader reader(job.folder(), {.tail_lines = 1});
  ASSERT_TRUE(reader.begin().ok());
  EXPECT_EQ(reader.position(), (Offsets{2 * limits::kMiB, 0}));
}

TEST(OutputReader, SinceATime) {
  Job job;
  job.out("1\n");
  job.pass(seconds(10));
  job.err("2\n");
  job.out("3\n");
  job.pass(seconds(10));
  job.out("4\n");
  job.set_file_times(job.now);
  const auto since = [&](milliseconds span) { return read_from(job, {.since = kNoon + span}); };
  for (int finished = 0; finished < 2; ++finished) {
    EXPECT_EQ(since(seconds(-100)), "o:1\ne:2\no:3\n4\n");
    EXPECT_EQ(since(seconds(0)), "o:1\ne:2\no:3\n4\n");
    EXPECT_EQ(since(milliseconds(1)), "e:2\no:3\n4\n");
    EXPECT_EQ(since(seconds(10)), "e:2\no:3\n4\n");
    EXPECT_EQ(since(seconds(11)), "o:4\n");
    EXPECT_EQ(since(seconds(20)), "o:4\n");
    EXPECT_EQ(since(seconds(21)), "");
    job.finish();
  }
  EXPECT_EQ(read_from(job, {.since = kNoon + seconds(10), .tail_lines = 1}), "o:4\n");
  EXPECT_EQ(read_from(job, {.since = kNoon + seconds(20), .tail_lines = 3}), "o:4\n");
}

TEST(OutputReader, SinceATimeInALongTimeline) {
  Job job;
  for (int i = 0; i < 10'000; ++i) {
    job.out(std::to_string(i) + "\n");
    job.pass(seconds(1));
  }
  job.finish();
  OutputReader reader(job.folder(), {.since = kNoon + seconds(7777)});
  ASSERT_TRUE(reader.begin().ok());
  EXPECT_EQ(said(read_all(reader)).substr(0, 12), "o:7777\n7778\n");
}

TEST(OutputReader, OfNothingThereIsNothing) {
  const test::TempFolder folder;
  OutputReader reader(UniqueFd(::fcntl(folder.fd(), F_DUPFD_CLOEXEC, 0)),
                      {.since = kNoon, .tail_lines = 10, .follow = true});
  ASSERT_TRUE(reader.begin().ok());
  EXPECT_TRUE(read_all(reader).empty());
}

}  // namespace
}  // namespace takt::worker
