// SPDX-License-Identifier: Apache-2.0
// Whole attempts: every byte of output where it belongs.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <string>

#include "attempt/output_files.h"
#include "attempt/timeline.h"
#include "base/fs.h"
#include "support/eventually.h"
#include "support/small_disk.h"
#include "unit/supervisor/harness.h"

namespace takt::supervisor {
namespace {

using attempt::EndCause;
using attempt::ExitRecord;

class Output : public testing::Test {
 protected:
  test::TestCgroup cgroup_;
  SpawnerProcess spawner_;
};

TEST_F(Output, StreamsStayApart) {
  Attempt attempt(spawner_, cgroup_.get());
  attempt.set_script("echo out; echo err >&2");
  const ExitRecord record = attempt.run();
  EXPECT_EQ(attempt.read("stdout"), "out\n");
  EXPECT_EQ(attempt.read("stderr"), "err\n");
  EXPECT_EQ(record.stdout_totals.bytes, 4U);
  EXPECT_EQ(record.stderr_totals.bytes, 4U);
}

TEST_F(Output, StdoutAlwaysExistsAndStderrFromItsFirstByte) {
  Attempt attempt(spawner_, cgroup_.get());
  attempt.run();
  EXPECT_TRUE(attempt.has("stdout"));
  EXPECT_FALSE(attempt.has("stderr"));
}

TEST_F(Output, TheLastLineNeedsNoNewline) {
  Attempt attempt(spawner_, cgroup_.get());
  attempt.set_script("printf 'a\\nlast'");
  attempt.run();
  EXPECT_EQ(attempt.read("stdout"), "a\nlast");
}

TEST_F(Output, BinaryBytesAreExact) {
  std::string all;
  for (int round = 0; round < 300; ++round)
    for (int byte = 0; byte < 256; ++byte) all += static_cast<char>(byte);
  Attempt attempt(spawner_, cgroup_.get());
  attempt.plan.argv = {"cat"};
  attempt.plan.stdin_data = all;
  attempt.plan.journal = true;
  attempt.plan.journal_socket = "/nonexistent";
  const ExitRecord record = attempt.run();
  EXPECT_EQ(attempt.read("stdout"), all);
  EXPECT_EQ(record.journal_lines_sent, 0U);
  EXPECT_EQ(record.journal_lines_dropped, 301U) << "every line is counted, the last one too";
}

TEST_F(Output, TenMegabytesAreExact) {
  Attempt attempt(spawner_, cgroup_.get());
  attempt.set_script("seq 1 1460000");
  const ExitRecord record = attempt.run();
  const std::string out = attempt.read("stdout");
  EXPECT_GT(out.size(), 10U << 20);
  EXPECT_EQ(record.stdout_totals.bytes, out.size());
  std::size_t at = 0;
  for (int line = 1; line <= 1460000; ++line) {
    const std::string expected = std::to_string(line) + "\n";
    ASSERT_EQ(out.compare(at, expected.size(), expected), 0) << "line " << line;
    at += expected.size();
  }
  EXPECT_EQ(at, out.size());
}

TEST_F(Output, BeyondTheCapBytesAreCountedAndDropped) {
  Attempt attempt(spawner_, cgroup_.get());
  attempt.plan.output_cap_bytes = 1000;
  attempt.set_script("head -c 300000 /dev/zero; printf end; head -c 1000 /dev/zero >&2");
  const ExitRecord record = attempt.run();
  EXPECT_EQ(WEXITSTATUS(*record.wait_status), 0) << "the job does not notice";
  EXPECT_EQ(attempt.read("stdout").size(), 500U) << "half of the cap is for the end";
  EXPECT_GE(record.stdout_totals.bytes, 750U);
  EXPECT_LE(record.stdout_totals.bytes, 1000U);
  EXPECT_EQ(record.stdout_totals.bytes + record.stdout_totals.truncated_bytes, 300003U);
  EXPECT_EQ(record.stderr_totals.bytes, 1000U);
  EXPECT_EQ(record.stderr_totals.truncated_bytes, 0U);
  const auto files = attempt::list_output_files(attempt.folder());
  ASSERT_TRUE(files.ok());
  EXPECT_TRUE(
      attempt.read(attempt::piece_name("stdout", files->streams[0].back())).ends_with("end"));
}

TEST_F(Output, TheTimelineSaysWhichStreamCameFirst) {
  Attempt attempt(spawner_, cgroup_.get());
  // Stopped in between, so that the supervisor has read one before the next comes.
  attempt.set_script("echo one; kill -STOP $$; echo two >&2; kill -STOP $$; echo three");
  attempt.start();
  attempt.wait_for_output("one\n");
  ASSERT_EQ(::kill(attempt.leader(), SIGCONT), 0);
  ASSERT_TRUE(test::eventually([&] { return attempt.has("stderr"); }));
  ASSERT_EQ(::kill(attempt.leader(), SIGCONT), 0);
  attempt.result();
  const std::string block = attempt.read("timeline");
  const auto begin = attempt::decode_timeline_header(block);
  ASSERT_TRUE(begin.ok());
  std::vector<attempt::Offsets> ends;
  for (const auto& mark : attempt::decode_timeline_entries(block, *begin))
    ends.push_back(mark.ends);
  EXPECT_EQ(ends, (std::vector<attempt::Offsets>{{4, 0}, {4, 4}, {10, 4}}));
}

TEST_F(Output, AJobThatWritesOnceHasNoTimeline) {
  Attempt attempt(spawner_, cgroup_.get());
  attempt.set_script("echo hello");
  attempt.run();
  EXPECT_TRUE(attempt.has("stdout"));
  EXPECT_FALSE(attempt.has("timeline"));
}

TEST_F(Output, AFileThatCannotBeMadeIsRecordedAndTheJobGoesOn) {
  Attempt attempt(spawner_, cgroup_.get());
  ASSERT_TRUE(make_directory(attempt.folder(), "stderr", 0755).ok());
  attempt.set_script("echo lost >&2; echo kept; exit 4");
  const ExitRecord record = attempt.run();
  EXPECT_EQ(WEXITSTATUS(*record.wait_status), 4);
  EXPECT_EQ(record.stderr_totals.lost_bytes, 5U);
  EXPECT_EQ(record.stderr_totals.error_number, EISDIR);
  EXPECT_EQ(record.stdout_totals.bytes, 5U);
  EXPECT_EQ(record.stdout_totals.error_number, 0);
}

TEST_F(Output, AFullDiskIsRecordedAndTheJobGoesOn) {
  Attempt attempt(spawner_, cgroup_.get());
  // /dev/full by another name: every write to it fails so.
  ASSERT_EQ(::mknodat(attempt.folder(), "stderr", S_IFCHR | 0600, makedev(1, 7)), 0);
  attempt.set_script("printf 12345678 >&2; echo kept");
  const ExitRecord record = attempt.run();
  EXPECT_EQ(record.cause, EndCause::kExited);
  EXPECT_EQ(record.stderr_totals.lost_bytes, 8U);
  EXPECT_EQ(record.stderr_totals.error_number, ENOSPC);
  EXPECT_EQ(attempt.read("stdout"), "kept\n");
}

TEST_F(Output, ADiskThatIsFullToTheLastByteTakesTheEnd) {
  constexpr std::uint64_t kWritten = 1'000'000;
  test::SmallDisk disk(256 * 1024);
  Attempt attempt(spawner_, cgroup_.get());
  attempt.use_folder(disk.fd());
  attempt.plan.free_min_bytes = 0;
  attempt.set_script("head -c 1000000 /dev/zero; exit 7");
  const ExitRecord record = attempt.run();
  ASSERT_TRUE(record.wait_status);
  EXPECT_EQ(WEXITSTATUS(*record.wait_status), 7);
  EXPECT_EQ(record.stdout_totals.bytes + record.stdout_totals.lost_bytes, kWritten);
  EXPECT_EQ(record.stdout_totals.error_number, ENOSPC);
  EXPECT_EQ(record.stdout_totals.bytes, attempt.read("stdout").size()) << "what it says is there";
}

TEST_F(Output, OutputLeavesPartOfTheDiskFreeAndTheReserveOfRootUntouched) {
  constexpr std::uint64_t kDiskBytes = 32 << 20;
  constexpr std::uint64_t kWritten = 40'000'000;
  test::SmallDisk disk(kDiskBytes, test::SmallDisk::Kind::kExt4WithReserve);
  const std::uint64_t reserve = disk.reserved_bytes();
  ASSERT_GT(reserve, 0U);
  Attempt attempt(spawner_, cgroup_.get());
  attempt.use_folder(disk.fd());
  attempt.set_script("head -c 40000000 /dev/zero; echo end >&2; exit 7");
  const ExitRecord record = attempt.run();
  ASSERT_TRUE(record.wait_status);
  EXPECT_EQ(WEXITSTATUS(*record.wait_status), 7) << "the job does not notice";
  EXPECT_EQ(disk.reserved_bytes(), reserve);
  // What two streams write between two looks may go over it.
  EXPECT_GE(disk.free_bytes() + (64 << 10), disk.size_bytes() / 20);
  EXPECT_EQ(record.stdout_totals.bytes + record.stdout_totals.lost_bytes, kWritten);
  EXPECT_GT(record.stdout_totals.lost_bytes, 0U);
  EXPECT_EQ(record.stdout_totals.spared_bytes, record.stdout_totals.lost_bytes);
  EXPECT_GT(record.stdout_totals.bytes, 0U);
}

TEST_F(Output, AWriterOutsideOfTheJobDoesNotDelayTheEnd) {
  Attempt attempt(spawner_, cgroup_.get());
  attempt.set_script("echo ready; kill -STOP $$; echo last");
  attempt.start();
  attempt.wait_for_output("ready\n");
  // What any process of the same user could do: open the job's stdout, and keep it.
  const std::string stdout_path = "/proc/" + std::to_string(attempt.leader()) + "/fd/1";
  const auto kept = open_at(AT_FDCWD, stdout_path, O_WRONLY);
  ASSERT_TRUE(kept.ok());
  ASSERT_EQ(::kill(attempt.leader(), SIGCONT), 0);
  const ExitRecord record = attempt.result();
  EXPECT_EQ(record.cause, EndCause::kExited);
  EXPECT_EQ(attempt.read("stdout"), "ready\nlast\n");
}

TEST_F(Output, AGrandchildThatHoldsStdoutIsEnded) {
  Attempt attempt(spawner_, cgroup_.get());
  attempt.set_script("sleep 1000 & echo done");
  const ExitRecord record = attempt.run();
  EXPECT_EQ(WEXITSTATUS(*record.wait_status), 0);
  EXPECT_EQ(record.stragglers_killed, 1U);
  EXPECT_FALSE(record.sigkill_needed);
  EXPECT_EQ(attempt.read("stdout"), "done\n");
  attempt.expect_nothing_left();
}

TEST_F(Output, WhatStragglersSayAtTheirEndIsKept) {
  Attempt attempt(spawner_, cgroup_.get());
  attempt.set_script(
      "mkfifo \"$PWD/p\"; sh -c 'trap \"echo bye; exit\" TERM; echo up > p; sleep 1000 & wait' &\n"
      "read up < p");
  attempt.plan.working_directory =
      "/proc/" + std::to_string(::getpid()) + "/fd/" + std::to_string(attempt.folder());
  attempt.run();
  EXPECT_EQ(attempt.read("stdout"), "bye\n");
  attempt.expect_nothing_left();
}

}  // namespace
}  // namespace takt::supervisor
