// SPDX-License-Identifier: Apache-2.0
#include "attempt/records.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <random>
#include <string>

#include "attempt/folder.h"
#include "base/fs.h"
#include "base/limits.h"
#include "unit/base/temp_folder.h"

namespace takt::attempt {
namespace {

using namespace std::string_literals;

const std::string kNasty = "100% sure\nexit=0\nversion=9\r\0=\x7f \xc3\xa4"s;

SupervisorRecord supervisor_record() {
  return {.pid = 4711,
          .start_ticks = 123456789012,
          .boot_id = "0f0b2c1e-8d3f-4f0e-9a57-0c1f7f7f2b61",
          .launcher = Launcher::kCgroup,
          .unit = "takt-job-x.1.scope",
          .cgroup_path = "/takt/" + kNasty,
          .cgroup_inode = 77};
}

ExitRecord exit_record() {
  return {.cause = EndCause::kStopped,
          .wait_status = 15,
          .stop_by = "uid 1000",
          .stop_reason = kNasty,
          .stopped_from_outside = true,
          .oom_scope = "host",
          .oom_kills = 4,
          .memory_limit_bytes = 1ULL << 30,
          .run_time_limit = microseconds(9),
          .sigkill_needed = true,
          .start_time = from_unix_us(1'700'000'000'000'000),
          .end_time = from_unix_us(1'700'000'001'000'000),
          .duration = microseconds(1'000'000),
          .cpu_user = microseconds(12),
          .cpu_system = microseconds(0),
          .memory_peak_bytes = 1ULL << 40,
          .tasks_peak = 3,
          .io_read_bytes = 4,
          .io_write_bytes = 5,
          .stdout_totals = {.bytes = 10,
                            .truncated_bytes = 2,
                            .lost_bytes = 3,
                            .spared_bytes = 1,
                            .error_number = 28},
          .stderr_totals = {.bytes = 1},
          .stragglers_killed = 2,
          .journal_lines_sent = 100,
          .journal_lines_dropped = 7,
          .note = "a note"};
}

TEST(Records, ComeBackTheSame) {
  EXPECT_EQ(decode_supervisor_record(encode(supervisor_record())).value(), supervisor_record());
  EXPECT_EQ(decode_exit_record(encode(exit_record())).value(), exit_record());
  const StopRecord stop{.cause = StopCause::kHostShutdown,
                        .by = "worker",
                        .reason = kNasty,
                        .grace = microseconds(5)};
  EXPECT_EQ(decode_stop_record(encode(stop)).value(), stop);
}

TEST(Records, NoMoreIsSparedThanLost) {
  // A record that was damaged or forged; written again, it must not tell another story.
  const std::string text = encode(exit_record()) + "stdout_spared_bytes=9\nstderr_spared_bytes=9\n";
  const ExitRecord record = decode_exit_record(text).value();
  EXPECT_EQ(record.stdout_totals.spared_bytes, 3);
  EXPECT_EQ(record.stderr_totals.spared_bytes, 0);
  EXPECT_EQ(decode_exit_record(encode(record)).value(), record);
}

TEST(Records, UnknownStaysUnknown) {
  ExitRecord record;
  record.wait_status = 0;
  const ExitRecord back = decode_exit_record(encode(record)).value();
  EXPECT_EQ(back, record);
  EXPECT_FALSE(back.cpu_user.has_value());
  EXPECT_FALSE(back.memory_peak_bytes.has_value());
  EXPECT_FALSE(decode_stop_record(encode(StopRecord{}))->grace.has_value());
}

TEST(Records, AStartThatFailedHasItsStep) {
  const ExitRecord record{.cause = EndCause::kStartFailed,
                          .failed_step = "chdir",
                          .failed_errno = 2,
                          .failed_field = "working_directory"};
  EXPECT_EQ(decode_exit_record(encode(record)).value(), record);
}

TEST(Records, AnyCutIsDataLoss) {
  for (const std::string& text :
       {encode(exit_record()), encode(StopRecord{.by = "x"}), encode(supervisor_record())}) {
    for (std::size_t size = 0; size < text.size(); ++size) {
      const std::string_view torn = std::string_view(text).substr(0, size);
      EXPECT_FALSE(decode_exit_record(torn).ok());
      EXPECT_FALSE(decode_stop_record(torn).ok());
      EXPECT_FALSE(decode_supervisor_record(torn).ok());
    }
  }
}

TEST(Records, UnknownKeysAreIgnoredAndUnknownVersionsAreNot) {
  EXPECT_EQ(decode_exit_record("future=1\nnot a pair\n" + encode(exit_record())).value(),
            exit_record());
  std::string text = encode(exit_record());
  text.replace(text.find("version=1"), 9, "version=2");
  EXPECT_EQ(decode_exit_record(text).error().code, ErrorCode::kDataLoss);
}

TEST(Records, BadValuesAreDataLoss) {
  for (const std::string bad : {"start_us=x", "duration_us=", "wait_status=1 2", "stdout_bytes=-1",
                                "cause=melted", "wait_status=99999999999999"}) {
    const std::string text = encode(exit_record()) + bad + "\n";  // the last of equal keys counts
    const auto record = decode_exit_record(text);
    ASSERT_FALSE(record.ok()) << bad;
    EXPECT_EQ(record.error().code, ErrorCode::kDataLoss);
  }
}

TEST(Records, AnExitWithoutItsStatusIsDataLoss) {
  EXPECT_FALSE(decode_exit_record(encode(ExitRecord{.cause = EndCause::kExited})).ok())
      << "must not be taken for exit code 0";
}

TEST(Records, HostileTextNeverCrashes) {
  const std::string text = encode(exit_record());
  std::mt19937 random(1);  // NOLINT: the same bytes each time
  for (int round = 0; round < 20000; ++round) {
    std::string changed = text;
    for (int change = 0; change < 4; ++change)
      changed[random() % changed.size()] = static_cast<char>(random());
    const auto record = decode_exit_record(changed);
    if (!record) continue;
    EXPECT_TRUE(decode_exit_record(encode(*record)).ok());
  }
}

TEST(SupervisorRecord, KnowsItsLeadersEnd) {
  const std::string text =
      encode(supervisor_record()) + leader_line(9 | 0x80, from_unix_us(1'700'000'000'000'000));
  const SupervisorRecord record = decode_supervisor_record(text).value();
  EXPECT_EQ(record.leader_status, 0x89);
  EXPECT_EQ(record.leader_end_time, from_unix_us(1'700'000'000'000'000));
  EXPECT_EQ(decode_supervisor_record(encode(record)).value(), record);
}

TEST(SupervisorRecord, KnowsWhenAndAsWhatTheCommandWasStarted) {
  EXPECT_EQ(supervisor_record().leader_pid, 0);
  const WallTime time = from_unix_us(1'700'000'000'000'000);
  const std::string text = encode(supervisor_record()) + go_lines(time, BootTime(microseconds(7))) +
                           leader_pid_line(4711);
  const SupervisorRecord record = decode_supervisor_record(text).value();
  EXPECT_EQ(record.go_time, time);
  EXPECT_EQ(record.go_boot_time, BootTime(microseconds(7)));
  EXPECT_EQ(record.leader_pid, 4711);
  EXPECT_EQ(decode_supervisor_record(encode(record)).value(), record);
}

TEST(SupervisorRecord, KnowsWhyTheJobIsBeingEndedAndHowLongItStood) {
  EXPECT_FALSE(supervisor_record().ending_cause);
  const std::string text = encode(supervisor_record()) + paused_line(microseconds(5)) +
                           paused_line(microseconds(12)) + ending_line(EndCause::kTimedOut);
  const SupervisorRecord record = decode_supervisor_record(text).value();
  EXPECT_EQ(record.paused, microseconds(12)) << "the last line counts";
  EXPECT_EQ(record.ending_cause, EndCause::kTimedOut);
  EXPECT_EQ(decode_supervisor_record(encode(record)).value(), record);
  EXPECT_FALSE(
      decode_supervisor_record(encode(supervisor_record()) + "ending=flood\n").value().ending_cause)
      << "a cause of a newer version is no evidence";
}

TEST(SupervisorRecord, ATornLeaderLineIsNotThere) {
  const std::string line = leader_line(256, from_unix_us(1'700'000'000'000'000));
  for (std::size_t size = 0; size < line.size(); ++size) {
    const auto record =
        decode_supervisor_record(encode(supervisor_record()) + line.substr(0, size));
    ASSERT_TRUE(record.ok());
    EXPECT_FALSE(record->leader_status.has_value()) << size;
  }
}

TEST(StopRecord, AnUnknownCauseIsStillAStop) {
  const auto record = decode_stop_record("version=1\ncause=flood\nby=x\ncomplete=yes\n");
  ASSERT_TRUE(record.ok());
  EXPECT_EQ(record->cause, StopCause::kStop);
}

TEST(StopRecord, AGraceIsWithinBounds) {
  EXPECT_FALSE(decode_stop_record("version=1\ngrace_us=-1\ncomplete=yes\n").ok());
  EXPECT_EQ(decode_stop_record("version=1\ngrace_us=999999999999999\ncomplete=yes\n")->grace,
            microseconds(limits::kStopGraceMax));
}

TEST(RecordFiles, AreWrittenWholeAndReadBack) {
  const test::TempFolder folder;
  EXPECT_EQ(read_exit_record(folder.fd()).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(read_stop_record(folder.fd()).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(read_supervisor_record(folder.fd()).error().code, ErrorCode::kNotFound);
  ASSERT_TRUE(write_record(folder.fd(), exit_record()).ok());
  ASSERT_TRUE(write_record(folder.fd(), supervisor_record()).ok());
  ASSERT_TRUE(write_record(folder.fd(), StopRecord{.by = "me"}).ok());
  EXPECT_EQ(read_exit_record(folder.fd()).value(), exit_record());
  EXPECT_EQ(read_supervisor_record(folder.fd()).value(), supervisor_record());
  EXPECT_EQ(read_stop_record(folder.fd())->by, "me");
  EXPECT_EQ(list_directory(folder.fd())->size(), 3U) << "no temporary file is left";
}

TEST(RecordFiles, AnOverlongOneIsRefused) {
  const test::TempFolder folder;
  ASSERT_TRUE(write_file(folder.fd(), kExitFile, std::string(100000, 'x'), 0600).ok());
  EXPECT_FALSE(read_exit_record(folder.fd()).ok());
}

// A record that is too long could not be read again, and its attempt would seem to have lost its
// supervisor.
TEST(Records, TextsOfAnyLengthLeaveARecordThatCanBeRead) {
  const test::TempFolder folder;
  const std::string text(200'000, '\n');
  ExitRecord record;
  record.cause = EndCause::kStartFailed;
  for (std::string* one : {&record.failed_step, &record.failed_field, &record.stop_by,
                           &record.stop_reason, &record.note})
    *one = text;
  record.note = "caf\xc3" + text;
  ASSERT_TRUE(write_record(folder.fd(), record).ok());
  const auto read = read_exit_record(folder.fd());
  ASSERT_TRUE(read.ok()) << read.error().message;
  EXPECT_EQ(read->note.substr(0, 5), "caf?\n");
  EXPECT_EQ(read->note.size(), limits::kRecordTextMaxBytes);
}

}  // namespace
}  // namespace takt::attempt
