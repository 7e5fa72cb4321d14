// SPDX-License-Identifier: Apache-2.0
// The table of states: what each event does in each state; late, doubled and foreign events.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/limits.h"
#include "job/job.h"
#include "unit/job/specs.h"

namespace takt {
namespace {

const WallTime kNow = from_unix_us(1'000'000'000);
const WallTime kLater = from_unix_us(2'000'000'000);

constexpr JobState kAllStates[] = {JobState::kQueued, JobState::kStarting, JobState::kRunning,
                                   JobState::kPaused, JobState::kEnding,   JobState::kSucceeded,
                                   JobState::kFailed, JobState::kStopped};

Placed placed() {
  static const Uuid worker = Uuid::random();
  return {.worker_id = worker, .worker_name = "db-1", .boot_id = "boot"};
}

Reported reported(const Job& job, JobState state, int attempt = 0) {
  Reported event;
  event.attempt.id = {job.id, attempt != 0 ? attempt : static_cast<int>(job.attempts.size())};
  event.attempt.state = state;
  event.attempt.leader_pid = 42;
  event.attempt.unit = "takt-job.scope";
  event.attempt.worker_name = "another name";
  event.attempt.boot_id = "another boot";
  if (state == JobState::kSucceeded)
    event.attempt.end = JobEnd{.cause = EndCause::kExited, .exit_code = 0};
  if (state == JobState::kFailed)
    event.attempt.end = JobEnd{.cause = EndCause::kExited, .exit_code = 1};
  if (state == JobState::kStopped) event.attempt.end = JobEnd{.cause = EndCause::kStopped};
  if (event.attempt.end) event.attempt.end_time = kLater;
  return event;
}

// A job in the given state, with one attempt unless it is queued.
Job job_in(JobState state) {
  Job job;
  job.id = Uuid::random();
  job.spec = std::make_shared<const JobSpec>(test::small_spec());
  if (state == JobState::kQueued) return job;
  EXPECT_TRUE(apply(job, placed(), kNow));
  if (state == JobState::kStarting) return job;
  EXPECT_TRUE(apply(job, reported(job, state), kNow));
  EXPECT_EQ(job.state, state);
  return job;
}

std::string fingerprint(const Job& job) {
  std::string text(state_name(job.state));
  if (job.end) text += " end: " + end_message(*job.end);
  if (job.end_time) text += " at " + std::to_string(to_unix_us(*job.end_time));
  if (job.stop_requested) text += " stop by " + job.stop_requested->by;
  for (const Attempt& attempt : job.attempts) {
    text += "; " + std::to_string(attempt.id.number) + " " + std::string(state_name(attempt.state));
    text += " on " + attempt.worker_name + " pid " + std::to_string(attempt.leader_pid);
    if (attempt.end) text += " end: " + end_message(*attempt.end);
  }
  return text;
}

// The event changes nothing, and says so.
void expect_ignored(Job job, const JobEvent& event, const std::string& what) {
  const std::string before = fingerprint(job);
  EXPECT_FALSE(apply(job, event, kLater)) << what;
  EXPECT_EQ(fingerprint(job), before) << what;
}

TEST(ApplyPlaced, MakesAnAttemptOfAQueuedJobOnly) {
  Job job = job_in(JobState::kQueued);
  ASSERT_TRUE(apply(job, placed(), kNow));
  EXPECT_EQ(job.state, JobState::kStarting);
  ASSERT_EQ(job.attempts.size(), 1U);
  EXPECT_EQ(job.attempts[0].id, (AttemptId{job.id, 1}));
  EXPECT_EQ(job.attempts[0].state, JobState::kStarting);
  EXPECT_EQ(job.attempts[0].worker_name, "db-1");
  EXPECT_EQ(job.attempts[0].boot_id, "boot");
  for (const JobState state : kAllStates)
    if (state != JobState::kQueued)
      expect_ignored(job_in(state), placed(), std::string(state_name(state)));
}

TEST(ApplyStartRefused, QueuesAStartingJobAgainAndOnlyThat) {
  for (const JobState state : kAllStates) {
    if (state == JobState::kStarting) continue;
    expect_ignored(job_in(state), StartRefused{1, "it is full"}, std::string(state_name(state)));
  }
  Job job = job_in(JobState::kStarting);
  expect_ignored(job, StartRefused{2, "it is full"}, "an attempt that is not there");
  ASSERT_TRUE(apply(job, StartRefused{1, "it is full"}, kNow));
  EXPECT_EQ(job.state, JobState::kQueued);
  EXPECT_FALSE(job.end);
  EXPECT_EQ(job.attempts[0].state, JobState::kFailed);
  EXPECT_EQ(job.attempts[0].end->cause, EndCause::kRejected);
  EXPECT_EQ(job.attempts[0].end->detail, "the worker did not take it: it is full");
  expect_ignored(job, StartRefused{1, "it is full"}, "twice");
}

TEST(ApplyStartRefused, TheNextAttemptTakesANewNumberAndLateNewsOfTheOldOneAreIgnored) {
  Job job = job_in(JobState::kStarting);
  ASSERT_TRUE(apply(job, StartRefused{1, "it is full"}, kNow));
  for (const JobState late : {JobState::kRunning, JobState::kSucceeded})
    expect_ignored(job, reported(job, late, 1), "queued again");
  ASSERT_TRUE(apply(job, placed(), kNow));
  EXPECT_EQ(job.attempts.back().id.number, 2);
  for (const JobState late : {JobState::kStarting, JobState::kRunning, JobState::kFailed})
    expect_ignored(job, reported(job, late, 1), "the older attempt");
  expect_ignored(job, StartRefused{1, "it is full"}, "the older attempt");
}

TEST(ApplyStartRefused, AJobThatHostsFailToStartIsGivenBackABoundedNumberOfTimes) {
  Job job = job_in(JobState::kQueued);
  const auto give_back = [&](const std::string& step) {
    ASSERT_TRUE(apply(job, placed(), kNow));
    ASSERT_TRUE(apply(job, StartRefused{job.attempts.back().id.number, "no space", step}, kNow));
  };
  for (int i = 0; i < limits::kGiveBacksMax; ++i) {
    give_back("cgroup");
    ASSERT_EQ(job.state, JobState::kQueued) << i;
    EXPECT_EQ(job.attempts.back().end->cause, EndCause::kRejected);
    EXPECT_EQ(job.attempts.back().end->failed_step, "cgroup");
  }
  give_back("");
  EXPECT_EQ(job.state, JobState::kQueued) << "a worker that is full may refuse it for ever";
  give_back("cgroup");
  EXPECT_EQ(job.state, JobState::kFailed);
  EXPECT_EQ(job.end->cause, EndCause::kStartFailed);
  EXPECT_EQ(job.end->failed_step, "cgroup");
  EXPECT_EQ(job.end->detail, "no space");
}

TEST(ApplyStartRefused, OnlyStartsThatAHostFailedCountAsGivenBack) {
  Job job = job_in(JobState::kQueued);
  const auto refuse = [&](const std::string& step) {
    ASSERT_TRUE(apply(job, placed(), kNow));
    ASSERT_TRUE(apply(job, StartRefused{job.attempts.back().id.number, "no", step}, kNow));
    job.attempts.erase(job.attempts.begin(), job.attempts.end() - 1);  // the store has them
  };
  for (int i = 0; i < 2 * limits::kGiveBacksMax; ++i) refuse("");
  for (int i = 0; i < limits::kGiveBacksMax; ++i) {
    refuse("spawn");
    ASSERT_EQ(job.state, JobState::kQueued) << i;
  }
  refuse("spawn");
  EXPECT_EQ(job.state, JobState::kFailed);
}

TEST(ApplyReported, MovesForwardOnly) {
  for (const JobState from : kAllStates) {
    if (from == JobState::kQueued || has_ended(from)) continue;
    for (const JobState to : kAllStates) {
      if (to == JobState::kQueued) continue;
      Job job = job_in(from);
      const std::string what = std::string(state_name(from)) + " to " + std::string(state_name(to));
      const bool thawed = from == JobState::kPaused && to == JobState::kRunning;
      if (to < from && !thawed) {
        expect_ignored(job, reported(job, to), what);
        continue;
      }
      apply(job, reported(job, to), kNow);
      EXPECT_EQ(job.state, to) << what;
      EXPECT_EQ(job.attempts.back().state, to) << what;
      EXPECT_EQ(job.end.has_value(), has_ended(to)) << what;
    }
  }
}

TEST(ApplyReported, TwiceIsOnce) {
  for (const JobState state : kAllStates) {
    if (state == JobState::kQueued) continue;
    Job job = job_in(JobState::kStarting);
    ASSERT_TRUE(apply(job, reported(job, state), kNow)) << state_name(state);
    expect_ignored(job, reported(job, state), std::string(state_name(state)));
  }
}

TEST(ApplyReported, TakesTheWorkersNewsButNotWhereItWasSent) {
  Job job = job_in(JobState::kStarting);
  ASSERT_TRUE(apply(job, reported(job, JobState::kRunning), kNow));
  const Attempt& attempt = job.attempts.back();
  EXPECT_EQ(attempt.worker_name, "db-1");
  EXPECT_EQ(attempt.boot_id, "boot");
  EXPECT_EQ(attempt.worker_id, placed().worker_id);
  EXPECT_EQ(attempt.leader_pid, 42);
  EXPECT_EQ(attempt.unit, "takt-job.scope");
}

TEST(ApplyReported, OfNoAttemptOfThisJobIsIgnored) {
  for (const JobState state : kAllStates) {
    Job job = job_in(state);
    expect_ignored(job, reported(job, JobState::kRunning, 7), "an attempt to come");
    Reported foreign = reported(job, JobState::kRunning, 1);
    foreign.attempt.id.job_id = Uuid::random();
    expect_ignored(job, foreign, "another job's");
  }
}

TEST(ApplyReported, AnEndHasTheWorkersTimeOrElseNow) {
  Job job = job_in(JobState::kRunning);
  ASSERT_TRUE(apply(job, reported(job, JobState::kFailed), kLater + seconds(9)));
  EXPECT_EQ(job.end_time, kLater);
  Job other = job_in(JobState::kRunning);
  Reported timeless = reported(other, JobState::kFailed);
  timeless.attempt.end_time.reset();
  ASSERT_TRUE(apply(other, timeless, kNow));
  EXPECT_EQ(other.end_time, kNow);
}

TEST(ApplyReported, AWorkersWrongClockMovesNoTimeOfOurs) {
  RetryPolicy policy;
  policy.max_attempts = 2;
  policy.backoff = seconds(60);
  for (const bool again : {false, true}) {
    for (const WallTime said : {kWallTimeMin, kWallTimeMax}) {
      Job job = job_in(JobState::kRunning);
      job.submit_time = kNow - seconds(5);
      if (again) job.retry = std::make_shared<const RetryPolicy>(policy);
      Reported event = reported(job, JobState::kFailed);
      event.attempt.end_time = said;
      ASSERT_TRUE(apply(job, event, kNow));
      EXPECT_EQ(job.attempts.back().end_time, said) << "it is what the worker said";
      if (again) {
        EXPECT_LE(job.not_before, kNow + policy.backoff);
      } else {
        EXPECT_EQ(job.end_time, said == kWallTimeMin ? job.submit_time : kNow);
      }
    }
  }
}

TEST(ApplyReported, TheStateFollowsFromTheEndWhateverTheReportSays) {
  Job job = job_in(JobState::kRunning);
  Reported confused = reported(job, JobState::kSucceeded);
  confused.attempt.end = JobEnd{.cause = EndCause::kExited, .exit_code = 9};
  ASSERT_TRUE(apply(job, confused, kNow));
  EXPECT_EQ(job.state, JobState::kFailed);
  EXPECT_EQ(job.attempts.back().state, JobState::kFailed);
}

TEST(ApplyStopRequested, EndsAQueuedJobAndIsNotedOnALiveOne) {
  const StopRequested stop{{.by = "user alice", .reason = "wrong", .grace = {}}};
  Job queued = job_in(JobState::kQueued);
  ASSERT_TRUE(apply(queued, stop, kNow));
  EXPECT_EQ(queued.state, JobState::kStopped);
  EXPECT_EQ(end_message(*queued.end), "stopped by user alice: wrong");
  EXPECT_EQ(queued.end_time, kNow);
  for (const JobState state :
       {JobState::kStarting, JobState::kRunning, JobState::kPaused, JobState::kEnding}) {
    Job job = job_in(state);
    ASSERT_TRUE(apply(job, stop, kNow)) << state_name(state);
    EXPECT_EQ(job.state, state);
    EXPECT_EQ(job.stop_requested->by, "user alice");
    expect_ignored(job, StopRequested{{.by = "user bob", .reason = "", .grace = {}}}, "a second");
  }
}

TEST(ApplyStopRequested, AJobWhoseStartWasRefusedIsNotQueuedForAnotherRun) {
  Job job = job_in(JobState::kStarting);
  const StopRequested stop{{.by = "user alice", .reason = "wrong", .grace = {}}};
  ASSERT_TRUE(apply(job, stop, kNow));
  ASSERT_TRUE(apply(job, StartRefused{1, "it is full"}, kNow));
  // What stopped it once stops it again: the stop is repeated on the queued job.
  apply(job, stop, kNow);
  EXPECT_EQ(job.state, JobState::kStopped);
  EXPECT_EQ(job.end->stopped_by, "user alice");
  expect_ignored(job, placed(), "stopped");
}

TEST(ApplyEnded, EndsWhateverHasNotEnded) {
  const Ended lost{JobEnd{.cause = EndCause::kWorkerLost}};
  for (const JobState state : kAllStates) {
    Job job = job_in(state);
    if (has_ended(state)) {
      expect_ignored(job, lost, std::string(state_name(state)));
      continue;
    }
    ASSERT_TRUE(apply(job, lost, kNow)) << state_name(state);
    EXPECT_EQ(job.state, JobState::kFailed);
    EXPECT_EQ(job.end->cause, EndCause::kWorkerLost);
    EXPECT_EQ(job.end_time, kNow);
    if (!job.attempts.empty()) {
      EXPECT_EQ(job.attempts.back().end->cause, EndCause::kWorkerLost);
    }
    expect_ignored(job, lost, "twice");
  }
}

TEST(ApplyEnded, LeavesAnAttemptThatHasEndedAsItIs) {
  Job job = job_in(JobState::kStarting);
  ASSERT_TRUE(apply(job, StartRefused{1, "it is full"}, kNow));
  ASSERT_TRUE(apply(job, Ended{JobEnd{.cause = EndCause::kQueueTimedOut}}, kNow));
  EXPECT_EQ(job.end->cause, EndCause::kQueueTimedOut);
  EXPECT_EQ(job.attempts[0].end->cause, EndCause::kRejected);
}

TEST(Apply, AnEndedJobNeverChanges) {
  for (const JobState state : {JobState::kSucceeded, JobState::kFailed, JobState::kStopped}) {
    const Job job = job_in(state);
    std::vector<JobEvent> events{placed(), StartRefused{1, "it is full"},
                                 StopRequested{{.by = "b", .reason = "", .grace = {}}},
                                 Ended{JobEnd{.cause = EndCause::kWorkerLost}}};
    for (const JobState other : kAllStates)
      if (other != JobState::kQueued) events.emplace_back(reported(job, other));
    for (const JobEvent& event : events)
      expect_ignored(job, event, "event " + std::to_string(event.index()));
  }
}

}  // namespace
}  // namespace takt
