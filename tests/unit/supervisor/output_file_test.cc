// SPDX-License-Identifier: Apache-2.0
// Where the bytes of a stream go: up to the cap, beyond it, and on a disk that is full.
#include "supervisor/output_file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <cerrno>
#include <map>
#include <random>
#include <string>

#include "base/limits.h"
#include "support/eventually.h"
#include "support/small_disk.h"

namespace takt::supervisor {
namespace {

using attempt::StreamTotals;

constexpr std::size_t kMiB = limits::kMiB;

// Eight digits that say where in the stream they stand, again and again.
std::string pattern(std::size_t from, std::size_t size) {
  std::string bytes;
  char digits[16];
  for (std::size_t at = from / 8 * 8; at < from + size; at += 8) {
    std::snprintf(digits, sizeof digits, "%07zu\n", at / 8 % 10'000'000);
    bytes += digits;
  }
  return bytes.substr(from % 8, size);
}

// What is kept, by where it stands in the stream.
std::map<std::uint64_t, std::string> pieces_in(int folder) {
  std::map<std::uint64_t, std::string> pieces;
  const auto files = attempt::list_output_files(folder);
  EXPECT_TRUE(files.ok());
  for (const std::uint64_t start : files->streams[0])
    pieces[start] = *read_file(folder, attempt::piece_name("stdout", start), 64 * kMiB);
  return pieces;
}

std::uint64_t sum(const StreamTotals& totals) {
  return totals.bytes + totals.truncated_bytes + totals.lost_bytes;
}

// Every piece holds the bytes that stood there; the totals say how many there are.
void expect_true(int folder, const OutputFile& file) {
  std::uint64_t kept = 0;
  std::uint64_t end = 0;
  for (const auto& [start, bytes] : pieces_in(folder)) {
    EXPECT_GE(start, end) << "pieces overlap";
    EXPECT_TRUE(bytes == pattern(start, bytes.size())) << "piece at " << start;
    kept += bytes.size();
    end = start + bytes.size();
  }
  EXPECT_EQ(file.totals().bytes, kept);
  EXPECT_LE(end, sum(file.totals()));
}

class Writer {
 public:
  Writer(int folder, std::uint64_t cap, std::uint64_t free_min = 0)
      : space(folder, free_min), file(folder, "stdout", cap, space) {}
  void write(std::size_t size) {
    file.append(pattern(at, size));
    at += size;
    EXPECT_EQ(sum(file.totals()), at) << "every byte is counted once";
  }
  FreeSpace space;
  OutputFile file;
  std::size_t at = 0;
};

TEST(OutputFile, UpToTheCapItIsOneFile) {
  const test::TempFolder folder;
  Writer writer(folder.fd(), 1000);
  writer.write(499);
  writer.write(1);
  EXPECT_EQ(pieces_in(folder.fd()).size(), 1U);
  writer.write(500);
  EXPECT_EQ(writer.file.totals(), (StreamTotals{.bytes = 1000}));
  expect_true(folder.fd(), writer.file);
}

TEST(OutputFile, OfMoreTheBeginAndTheEndAreKept) {
  const test::TempFolder folder;
  Writer writer(folder.fd(), 8 * kMiB);
  for (int i = 0; i < 640; ++i) writer.write(64 * 1024 - 3);
  expect_true(folder.fd(), writer.file);
  const auto pieces = pieces_in(folder.fd());
  EXPECT_EQ(pieces.begin()->second.size(), 6 * kMiB);
  std::uint64_t tail = 0;
  for (const auto& [start, bytes] : pieces)
    if (start > 0) tail += bytes.size();
  EXPECT_GE(tail, kMiB) << "the last MiB";
  EXPECT_LE(tail, 2 * kMiB);
  EXPECT_EQ(pieces.rbegin()->first + pieces.rbegin()->second.size(), writer.at) << "up to the end";
  EXPECT_EQ(writer.file.totals().truncated_bytes, writer.at - 6 * kMiB - tail);
}

TEST(OutputFile, ASmallCapIsACapToo) {
  for (const std::uint64_t cap : {0U, 1U, 3U, 4U, 5U, 100U, 1000U, 100'000U}) {
    const test::TempFolder folder;
    Writer writer(folder.fd(), cap);
    writer.write(1);
    writer.write(70'000);
    writer.write(65'536);
    writer.write(2);
    writer.write(30'000);
    EXPECT_LE(writer.file.totals().bytes, cap);
    EXPECT_GE(writer.file.totals().bytes, cap / 4 * 3) << "and it is used";
    EXPECT_EQ(writer.file.totals().lost_bytes, 0U);
    expect_true(folder.fd(), writer.file);
    if (cap < 4) continue;
    const auto last = *pieces_in(folder.fd()).rbegin();
    EXPECT_EQ(last.first + last.second.size(), writer.at);
  }
}

TEST(OutputFile, AnyCapAndAnySizesOfWrites) {
  std::mt19937 random(3);
  for (int round = 0; round < 60; ++round) {
    const test::TempFolder folder;
    Writer writer(folder.fd(), random() % 300'000);
    const std::size_t most = 1 + random() % 65'536;
    for (int i = 0; i < 40; ++i) writer.write(1 + random() % most);
    EXPECT_EQ(writer.file.totals().lost_bytes, 0U);
    expect_true(folder.fd(), writer.file);
  }
}

TEST(OutputFile, AFullDiskLosesBytesAndTakesLaterOnesAgain) {
  test::SmallDisk disk(4 * kMiB);
  Writer writer(disk.fd(), 64 * kMiB);
  writer.file.create();
  writer.write(kMiB);
  disk.fill();
  writer.write(3 * kMiB);
  EXPECT_EQ(writer.file.totals().error_number, ENOSPC);
  const std::uint64_t lost = writer.file.totals().lost_bytes;
  EXPECT_GT(lost, 2 * kMiB);
  disk.empty();
  // After a failure it waits a moment, so as not to press a full disk.
  ASSERT_TRUE(test::eventually([&] {
    const std::uint64_t before = writer.file.totals().bytes;
    writer.write(1000);
    return writer.file.totals().bytes > before;
  }));
  writer.write(kMiB);
  const auto pieces = pieces_in(disk.fd());
  ASSERT_EQ(pieces.size(), 2U) << "what comes behind the gap stands in a file of its own";
  EXPECT_EQ(pieces.rbegin()->first + pieces.rbegin()->second.size(), writer.at);
  expect_true(disk.fd(), writer.file);
}

TEST(OutputFile, ADiskThatIsFullAgainAndAgainMakesFewFiles) {
  test::SmallDisk disk(4 * kMiB);
  Writer writer(disk.fd(), 64 * kMiB);
  for (int round = 0; round < 30; ++round) {
    disk.fill(16 * 1024);
    writer.write(32 * 1024);
    disk.empty();
    ASSERT_TRUE(test::eventually([&] {
      const std::uint64_t before = writer.file.totals().bytes;
      writer.write(100);
      return writer.file.totals().bytes > before;
    }));
  }
  EXPECT_LE(pieces_in(disk.fd()).size(), limits::kOutputPiecesMax);
  expect_true(disk.fd(), writer.file);
  const auto last = *pieces_in(disk.fd()).rbegin();
  EXPECT_EQ(last.first + last.second.size(), writer.at) << "the end is there";
}

TEST(OutputFile, GivesItsEndForSomethingThatMattersMore) {
  test::SmallDisk disk(kMiB);
  Writer writer(disk.fd(), 64 * kMiB);
  writer.write(2 * kMiB);
  EXPECT_EQ(disk.free_bytes(), 0U);
  EXPECT_FALSE(write_file(disk.fd(), "record", "x", 0600).ok());
  EXPECT_TRUE(writer.file.give_back());
  EXPECT_TRUE(write_file(disk.fd(), "record", "x", 0600).ok());
  EXPECT_EQ(sum(writer.file.totals()), writer.at);
  expect_true(disk.fd(), writer.file);
  while (writer.file.totals().bytes > 0) ASSERT_TRUE(writer.file.give_back());
  EXPECT_FALSE(writer.file.give_back()) << "there is nothing left to give";
}

TEST(OutputFile, AFolderThatTakesNoFileIsRecorded) {
  const test::TempFolder folder;
  ASSERT_TRUE(make_directory(folder.fd(), "stdout", 0755).ok());
  FreeSpace space(folder.fd(), 0);
  OutputFile file(folder.fd(), "stdout", 1000, space);
  file.append("12345");
  EXPECT_EQ(file.totals(), (StreamTotals{.lost_bytes = 5, .error_number = EISDIR}));
}

TEST(OutputFile, WithTooLittleFreeNothingIsWrittenUntilThereIsMore) {
  constexpr std::uint64_t kFreeMin = kMiB;
  test::SmallDisk disk(8 * kMiB);
  Writer writer(disk.fd(), 64 * kMiB, kFreeMin);
  writer.file.create();
  for (int i = 0; i < 10 * 16; ++i) writer.write(64 * 1024);
  EXPECT_GE(disk.free_bytes() + 64 * 1024, kFreeMin);
  EXPECT_LT(disk.free_bytes(), 2 * kFreeMin) << "what is above it is used";
  const StreamTotals full = writer.file.totals();
  EXPECT_GE(full.spared_bytes, 2 * kMiB);
  EXPECT_EQ(full.spared_bytes, full.lost_bytes);
  EXPECT_EQ(full.error_number, 0) << "nothing has failed";
  expect_true(disk.fd(), writer.file);
  while (writer.file.totals().bytes > kMiB) ASSERT_TRUE(writer.file.give_back());
  ASSERT_TRUE(test::eventually([&] {
    const std::uint64_t before = writer.file.totals().bytes;
    writer.write(1000);
    return writer.file.totals().bytes > before;
  }));
  EXPECT_EQ(pieces_in(disk.fd()).size(), 2U);
  expect_true(disk.fd(), writer.file);
}

TEST(OutputFile, WithoutAMinimumATwentiethOfTheDiskStaysFree) {
  test::SmallDisk disk(8 * kMiB);
  FreeSpace space(disk.fd(), std::nullopt);
  OutputFile file(disk.fd(), "stdout", 64 * kMiB, space);
  for (int i = 0; i < 10 * 16; ++i) file.append(pattern(0, 64 * 1024));
  EXPECT_GE(disk.free_bytes() + 64 * 1024, disk.size_bytes() / 20);
  EXPECT_LT(disk.free_bytes(), disk.size_bytes() / 10);
}

}  // namespace
}  // namespace takt::supervisor
