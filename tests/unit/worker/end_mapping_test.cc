// SPDX-License-Identifier: Apache-2.0
// From records of ends to what is told: nothing is made up, nothing known is dropped.
#include "worker/end_mapping.h"

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cerrno>
#include <csignal>

#include "unit/job/specs.h"

namespace takt::worker {
namespace {

using attempt::ExitRecord;
using attempt::SupervisorRecord;
using Cause = attempt::EndCause;

const WallTime kStart = from_unix_us(1'000'000);
const WallTime kEnd = from_unix_us(5'000'000);

ExitRecord record(Cause cause, std::optional<int> wait_status = {}) {
  ExitRecord made;
  made.cause = cause;
  made.wait_status = wait_status;
  made.start_time = kStart;
  made.end_time = kEnd;
  return made;
}

Attempt mapped(const ExitRecord& from, const JobSpec& spec = test::small_spec()) {
  Attempt attempt;
  set_end(attempt, from, spec);
  return attempt;
}

TEST(SetEnd, OfAnExit) {
  const Attempt attempt = mapped(record(Cause::kExited, W_EXITCODE(3, 0)));
  EXPECT_EQ(attempt.state, JobState::kFailed);
  EXPECT_EQ(attempt.end->cause, EndCause::kExited);
  EXPECT_EQ(attempt.end->exit_code, 3);
  EXPECT_FALSE(attempt.end->signal);
  EXPECT_EQ(attempt.start_time, kStart);
  EXPECT_EQ(attempt.end_time, kEnd);
  EXPECT_EQ(mapped(record(Cause::kExited, 0)).state, JobState::kSucceeded);
}

TEST(SetEnd, OfASignal) {
  const Attempt attempt = mapped(record(Cause::kSignaled, W_EXITCODE(0, SIGSEGV) | WCOREFLAG));
  EXPECT_EQ(attempt.state, JobState::kFailed);
  EXPECT_EQ(attempt.end->cause, EndCause::kSignaled);
  EXPECT_EQ(attempt.end->signal, SIGSEGV);
  EXPECT_TRUE(attempt.end->core_dumped);
  EXPECT_FALSE(attempt.end->exit_code);
}

TEST(SetEnd, OfAStopKeepsTheLeadersStatusBesideIt) {
  ExitRecord stopped = record(Cause::kStopped, W_EXITCODE(0, 0));
  stopped.stop_by = "user alice";
  stopped.stop_reason = "wrong table";
  stopped.sigkill_needed = true;
  const Attempt attempt = mapped(stopped);
  EXPECT_EQ(attempt.state, JobState::kStopped);
  EXPECT_EQ(attempt.end->exit_code, 0);
  EXPECT_EQ(attempt.end->stopped_by, "user alice");
  EXPECT_EQ(attempt.end->reason, "wrong table");
  EXPECT_TRUE(attempt.end->killed);
}

TEST(SetEnd, OfAStopBeforeItRanHasNoStart) {
  const Attempt attempt = mapped(record(Cause::kStopped));
  EXPECT_EQ(attempt.state, JobState::kStopped);
  EXPECT_FALSE(attempt.start_time);
  EXPECT_EQ(attempt.end_time, kEnd);
}

TEST(SetEnd, OfAShutdownOfTheHost) {
  const Attempt attempt = mapped(record(Cause::kHostShutdown, W_EXITCODE(0, SIGTERM)));
  EXPECT_EQ(attempt.state, JobState::kFailed);
  EXPECT_EQ(attempt.end->cause, EndCause::kHostShutdown);
  EXPECT_EQ(attempt.end->signal, SIGTERM);
}

ExitRecord start_failed(const std::string& step, int error_number, const std::string& field) {
  ExitRecord failed = record(Cause::kStartFailed);
  failed.failed_step = step;
  failed.failed_errno = error_number;
  failed.failed_field = field;
  return failed;
}

TEST(SetEnd, OfAFailedStartNamesStepErrnoFieldAndWhatItWasAbout) {
  JobSpec spec = test::small_spec();
  spec.argv = {"uptimed"};
  spec.working_directory = "/gone";
  const Attempt exec = mapped(start_failed("exec", ENOENT, "argv"), spec);
  EXPECT_EQ(exec.state, JobState::kFailed);
  EXPECT_FALSE(exec.start_time) << "nothing ran";
  EXPECT_EQ(exec.end->field, "spec.argv");
  EXPECT_EQ(end_message(*exec.end),
            "could not be started: exec: \"uptimed\": No such file or directory");
  const Attempt chdir = mapped(start_failed("chdir", EACCES, "working_directory"), spec);
  EXPECT_EQ(chdir.end->field, "spec.working_directory");
  EXPECT_EQ(end_message(*chdir.end), "could not be started: chdir: \"/gone\": Permission denied");
  const Attempt clone = mapped(start_failed("clone", EAGAIN, ""), spec);
  EXPECT_EQ(clone.end->field, "");
  EXPECT_EQ(end_message(*clone.end),
            "could not be started: clone: Resource temporarily unavailable");
}

TEST(SetEnd, OfAStartThatTheWorkerRefusedSaysWhy) {
  ExitRecord refused = start_failed("user", 0, "user");
  refused.stop_reason = "there is no user \"x\" on this worker";
  const Attempt attempt = mapped(refused);
  EXPECT_EQ(end_message(*attempt.end),
            "could not be started: user: there is no user \"x\" on this worker");
  EXPECT_EQ(attempt.end->reason, "") << "nobody stopped it";
}

TEST(SetEnd, OfLostOnesTellsNoStatusAndNoTotals) {
  for (const Cause cause : {Cause::kSupervisorLost, Cause::kWorkerLost}) {
    ExitRecord lost = record(cause);
    lost.stdout_totals.bytes = 5;
    const Attempt attempt = mapped(lost);
    EXPECT_EQ(attempt.state, JobState::kFailed);
    EXPECT_EQ(attempt.end->cause,
              cause == Cause::kWorkerLost ? EndCause::kWorkerLost : EndCause::kSupervisorLost);
    EXPECT_FALSE(attempt.end->exit_code || attempt.end->signal);
    EXPECT_EQ(attempt.start_time, kStart) << "it may have run";
    EXPECT_EQ(attempt.usage, Usage()) << "unknown is absent, never 0";
  }
}

TEST(SetEnd, TellsWhatWasUsed) {
  ExitRecord used = record(Cause::kExited, 0);
  used.cpu_user = microseconds(1);
  used.cpu_system = microseconds(2);
  used.memory_peak_bytes = 3;
  used.tasks_peak = 4;
  used.io_read_bytes = 5;
  used.io_write_bytes = 6;
  used.stdout_totals = {.bytes = 70, .truncated_bytes = 7, .lost_bytes = 2, .error_number = 28};
  used.stderr_totals = {.bytes = 80};
  used.stragglers_killed = 9;
  used.journal_lines_dropped = 10;
  used.duration = microseconds(11);
  Usage expected;
  expected.wall = microseconds(11);
  expected.cpu_user = microseconds(1);
  expected.cpu_system = microseconds(2);
  expected.memory_peak_bytes = 3;
  expected.tasks_peak = 4;
  expected.io_read_bytes = 5;
  expected.io_write_bytes = 6;
  expected.stdout_bytes = 79;
  expected.stdout_truncated_bytes = 9;
  expected.stderr_bytes = 80;
  expected.stderr_truncated_bytes = 0;
  expected.stragglers = 9;
  expected.journal_dropped_lines = 10;
  EXPECT_EQ(mapped(used).usage, expected);
}

TEST(SetEnd, WhatTheKernelDoesNotTellIsAbsent) {
  const Usage usage = mapped(record(Cause::kExited, 0)).usage;
  EXPECT_FALSE(usage.cpu_user || usage.cpu_system || usage.memory_peak_bytes || usage.tasks_peak ||
               usage.io_read_bytes || usage.io_write_bytes);
  EXPECT_EQ(usage.stdout_bytes, 0) << "counted, and there was none";
}

TEST(SetEnd, OutputThatCouldNotBeWrittenIsTold) {
  ExitRecord full = record(Cause::kExited, 0);
  full.note = "so far";
  full.stdout_totals = {
      .bytes = 10, .truncated_bytes = 5, .lost_bytes = 2048, .error_number = ENOSPC};
  full.stderr_totals = {.bytes = 1};
  const Attempt attempt = mapped(full);
  EXPECT_EQ(attempt.end->note,
            "so far; 2.0K of stdout could not be written: No space left on device");
  EXPECT_EQ(attempt.usage.stdout_bytes, 2063);
  EXPECT_EQ(attempt.usage.stdout_truncated_bytes, 2053);
  EXPECT_EQ(attempt.usage.stderr_truncated_bytes, 0);
}

TEST(SetEnd, OutputThatWasNotKeptForTheSakeOfTheDiskIsReported) {
  ExitRecord spared = record(Cause::kExited, 0);
  spared.stdout_totals = {.bytes = 1, .lost_bytes = 2048, .spared_bytes = 2048};
  EXPECT_EQ(mapped(spared).end->note,
            "2.0K of stdout were not kept: less than free_min (worker.conf) was free on the disk");
  spared.stdout_totals = {.lost_bytes = 3072, .spared_bytes = 2048, .error_number = ENOSPC};
  EXPECT_EQ(mapped(spared).end->note,
            "1.0K of stdout could not be written: No space left on device; 2.0K of stdout were not "
            "kept: less than free_min (worker.conf) was free on the disk");
}

TEST(LostRecord, OfALeaderWhoseEndWasSeenGivesThatStatusAndSaysSo) {
  for (const bool same_boot : {true, false}) {
    SupervisorRecord supervisor;
    supervisor.go_time = kStart;
    supervisor.leader_status = W_EXITCODE(7, 0);
    supervisor.leader_end_time = kEnd;
    const ExitRecord lost = lost_record({supervisor, {}, same_boot}, {}, from_unix_us(9'000'000));
    EXPECT_EQ(lost.cause, Cause::kExited);
    EXPECT_EQ(lost.duration, kEnd - kStart);
    const Attempt attempt = mapped(lost);
    EXPECT_EQ(attempt.end->exit_code, 7);
    EXPECT_EQ(attempt.end->note, "cleanup lost");
    EXPECT_EQ(attempt.end_time, kEnd);
    Usage known;
    known.wall = kEnd - kStart;
    EXPECT_EQ(attempt.usage, known);
    supervisor.leader_status = W_EXITCODE(0, SIGKILL);
    EXPECT_EQ(lost_record({supervisor, {}, same_boot}, {}, kEnd).cause, Cause::kSignaled);
  }
}

TEST(LostRecord, WithoutAStatusIsLostByBoot) {
  SupervisorRecord supervisor;
  supervisor.go_time = kStart;
  EXPECT_EQ(lost_record({supervisor, {}, true}, {}, kEnd).cause, Cause::kSupervisorLost);
  EXPECT_EQ(lost_record({supervisor, {}, false}, {}, kEnd).cause, Cause::kWorkerLost);
  const ExitRecord lost = lost_record({supervisor, {}, true}, {}, kEnd);
  EXPECT_EQ(lost.start_time, kStart);
  EXPECT_EQ(lost.end_time, kEnd);
  EXPECT_FALSE(lost.wait_status);
}

TEST(LostRecord, OfAJobThatWasBeingEndedTellsWhy) {
  SupervisorRecord supervisor;
  supervisor.go_time = kStart;
  supervisor.ending_cause = Cause::kStopped;
  const attempt::StopRecord stop{.by = "user alice", .reason = "wrong table"};
  Attempt attempt = mapped(lost_record({supervisor, stop, true}, {}, kEnd));
  EXPECT_EQ(attempt.state, JobState::kStopped);
  EXPECT_EQ(attempt.end->stopped_by, "user alice");
  EXPECT_EQ(attempt.end->reason, "wrong table");
  EXPECT_TRUE(attempt.end->killed);
  EXPECT_FALSE(attempt.end->exit_code || attempt.end->signal);
  EXPECT_EQ(attempt.start_time, kStart);
  EXPECT_EQ(attempt.usage, Usage());

  supervisor.ending_cause = Cause::kTimedOut;
  supervisor.leader_status = W_EXITCODE(7, 0);
  JobSpec spec;
  spec.run_time_limit = std::chrono::seconds(5);
  attempt = mapped(lost_record({supervisor, {}, true}, spec, kEnd));
  EXPECT_EQ(attempt.end->cause, EndCause::kTimedOut);
  EXPECT_EQ(attempt.end->run_time_limit, std::chrono::seconds(5));
  EXPECT_EQ(attempt.end->exit_code, 7) << "kept beside the cause";
  EXPECT_FALSE(attempt.end->killed);
}

TEST(SetEnd, OfAKillForMemoryTellsWhoseLimitItWas) {
  ExitRecord killed = record(Cause::kOomKilled);
  killed.wait_status = W_EXITCODE(0, SIGKILL);
  killed.oom_scope = "job";
  killed.oom_kills = 3;
  killed.memory_limit_bytes = 4096;
  killed.memory_peak_bytes = 4000;
  EXPECT_EQ(
      mapped(killed).end->oom,
      (OomKill{.scope = OomScope::kJob, .limit_bytes = 4096, .peak_bytes = 4000, .kills = 3}));
  killed.oom_scope = "host";
  EXPECT_EQ(mapped(killed).end->oom,
            (OomKill{.scope = OomScope::kHost, .limit_bytes = {}, .peak_bytes = 4000, .kills = 3}));
  killed.oom_scope = "systemd_oomd";
  killed.oom_kills.reset();
  EXPECT_EQ(mapped(killed).end->oom->scope, OomScope::kSystemdOomd);
}

}  // namespace
}  // namespace takt::worker
