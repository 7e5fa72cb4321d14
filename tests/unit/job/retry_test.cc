// SPDX-License-Identifier: Apache-2.0
// Whether and when a job is tried again.
#include "job/retry.h"

#include <gtest/gtest.h>

#include <set>

#include "base/limits.h"
#include "job/job.h"

namespace takt {
namespace {

JobEnd end_of(EndCause cause, int code = 1) {
  JobEnd end;
  end.cause = cause;
  if (cause == EndCause::kExited) end.exit_code = code;
  return end;
}

RetryPolicy three() {
  RetryPolicy policy;
  policy.max_attempts = 3;
  return policy;
}

TEST(TriesAgain, AfterEveryFailureOfItsOwnUnlessItSaysWhich) {
  for (const EndCause cause :
       {EndCause::kExited, EndCause::kSignaled, EndCause::kOomKilled, EndCause::kTimedOut,
        EndCause::kStartFailed, EndCause::kSupervisorLost})
    EXPECT_TRUE(tries_again(three(), end_of(cause), 1)) << cause_name(cause);
  for (const EndCause cause :
       {EndCause::kStopped, EndCause::kQueueTimedOut, EndCause::kDependencyFailed,
        EndCause::kRejected, EndCause::kPartsEnded, EndCause::kWorkerLost, EndCause::kHostShutdown})
    EXPECT_FALSE(tries_again(three(), end_of(cause), 1)) << cause_name(cause);
  EXPECT_FALSE(tries_again(three(), end_of(EndCause::kExited, 0), 1)) << "it went well";
}

TEST(TriesAgain, AsLongAsThereAreAttempts) {
  EXPECT_TRUE(tries_again(three(), end_of(EndCause::kExited), 2));
  EXPECT_FALSE(tries_again(three(), end_of(EndCause::kExited), 3));
  EXPECT_FALSE(tries_again(RetryPolicy(), end_of(EndCause::kExited), 1));
}

TEST(TriesAgain, OnlyAfterTheEndsThatAreNamed) {
  RetryPolicy policy = three();
  policy.on = {EndCause::kOomKilled, EndCause::kExited};
  EXPECT_TRUE(tries_again(policy, end_of(EndCause::kOomKilled), 1));
  EXPECT_TRUE(tries_again(policy, end_of(EndCause::kExited, 7), 1));
  EXPECT_FALSE(tries_again(policy, end_of(EndCause::kSignaled), 1));
  policy.exit_codes = {75};
  EXPECT_FALSE(tries_again(policy, end_of(EndCause::kExited, 7), 1));
  EXPECT_TRUE(tries_again(policy, end_of(EndCause::kExited, 75), 1));
  EXPECT_TRUE(tries_again(policy, end_of(EndCause::kOomKilled), 1));
  policy.on.clear();
  EXPECT_TRUE(tries_again(policy, end_of(EndCause::kExited, 75), 1));
  EXPECT_FALSE(tries_again(policy, end_of(EndCause::kOomKilled), 1)) << "codes alone are all";
}

TEST(TriesAgain, AfterALossOnlyWhereThatIsAskedFor) {
  RetryPolicy policy = three();
  policy.on_lost = true;
  EXPECT_TRUE(tries_again(policy, end_of(EndCause::kWorkerLost), 1));
  EXPECT_TRUE(tries_again(policy, end_of(EndCause::kHostShutdown), 1));
  EXPECT_TRUE(tries_again(policy, end_of(EndCause::kExited), 1)) << "beside all else";
}

TEST(BackoffOf, DoublesUpToAnHourLessUpToAQuarter) {
  RetryPolicy policy = three();
  const Uuid job = Uuid::random();
  EXPECT_EQ(backoff_of(policy, job, 1), microseconds(0));
  policy.backoff = std::chrono::seconds(8);
  microseconds whole = policy.backoff;
  for (int tries = 1; tries < 20; ++tries) {
    const microseconds wait = backoff_of(policy, job, tries);
    EXPECT_LE(wait, whole) << tries;
    EXPECT_GE(wait, whole * 3 / 4) << tries;
    whole = std::min<microseconds>(whole * 2, limits::kBackoffMax);
  }
  std::set<microseconds> different;
  for (int i = 0; i < 20; ++i) different.insert(backoff_of(policy, Uuid::random(), 1));
  EXPECT_GT(different.size(), 10U) << "those that failed together do not come back together";
  EXPECT_EQ(backoff_of(policy, job, 3), backoff_of(policy, job, 3)) << "and each as before";
}

TEST(ValidateRetry, NamesTheField) {
  const auto field = [](const RetryPolicy& policy) {
    const auto good = validate_retry(policy);
    return good.ok() ? "" : good.error().field;
  };
  EXPECT_EQ(field(three()), "");
  RetryPolicy policy = three();
  policy.max_attempts = 0;
  EXPECT_EQ(field(policy), "spec.retry.max_attempts");
  policy = three();
  policy.on = {EndCause::kStopped};
  EXPECT_EQ(field(policy), "spec.retry.on");
  policy.on = {EndCause::kWorkerLost};
  EXPECT_EQ(field(policy), "spec.retry.on");
  policy.on_lost = true;
  EXPECT_EQ(field(policy), "");
  policy = three();
  policy.exit_codes = {0};
  EXPECT_EQ(field(policy), "spec.retry.exit_codes");
  policy.exit_codes = {1};
  policy.on = {EndCause::kSignaled};
  EXPECT_EQ(field(policy), "spec.retry.exit_codes");
  policy = three();
  policy.backoff = std::chrono::hours(2);
  EXPECT_EQ(field(policy), "spec.retry.backoff");
}

// A job with a policy through its attempts.
class Retried : public testing::Test {
 protected:
  Retried() {
    job_.id = Uuid::random();
    RetryPolicy policy;
    policy.max_attempts = 2;
    policy.backoff = std::chrono::seconds(60);
    policy.on_lost = true;
    job_.retry = std::make_shared<const RetryPolicy>(policy);
  }
  void place() { EXPECT_TRUE(apply(job_, Placed{Uuid::random(), "w", "boot"}, now_)); }
  void report(const JobEnd& end) {
    Attempt report = *job_.current_attempt();
    report.end = end;
    report.end_time = now_;
    EXPECT_TRUE(apply(job_, Reported{report}, now_));
  }
  Job job_;
  const WallTime now_ = from_unix_us(1'000'000'000);
};

TEST_F(Retried, AFailureBringsItBackAfterItsBackoff) {
  place();
  report(end_of(EndCause::kExited, 3));
  EXPECT_EQ(job_.state, JobState::kQueued);
  EXPECT_FALSE(job_.end.has_value());
  EXPECT_EQ(job_.tries, 1);
  ASSERT_TRUE(job_.not_before.has_value());
  EXPECT_GE(*job_.not_before, now_ + std::chrono::seconds(45));
  EXPECT_EQ(job_.attempts.back().state, JobState::kFailed);
  place();
  EXPECT_EQ(job_.current_attempt()->id.number, 2);
  report(end_of(EndCause::kExited, 4));
  EXPECT_EQ(job_.state, JobState::kFailed);
  EXPECT_EQ(job_.end->exit_code, 4);
  EXPECT_EQ(job_.tries, 2);
}

TEST_F(Retried, ARefusedStartIsNoTry) {
  place();
  EXPECT_TRUE(apply(job_, StartRefused{1, "no"}, now_));
  EXPECT_EQ(job_.tries, 0);
  place();
  report(end_of(EndCause::kExited, 3));
  EXPECT_EQ(job_.state, JobState::kQueued);
  EXPECT_EQ(job_.tries, 1);
}

TEST_F(Retried, AStopThatQueuesAgainIsDoneWhenTheStartIsRefused) {
  place();
  EXPECT_TRUE(apply(job_, StopRequested{{"root", "drained", {}, true}}, now_));
  EXPECT_TRUE(apply(job_, StartRefused{1, "no"}, now_));
  EXPECT_EQ(job_.state, JobState::kQueued);
  EXPECT_FALSE(job_.stop_requested);
}

TEST_F(Retried, WhatIsStoppedIsNotTriedAgainWhateverItsEnd) {
  place();
  EXPECT_TRUE(apply(job_, StopRequested{{"user alice", "", {}}}, now_));
  report(end_of(EndCause::kExited, 3));
  EXPECT_EQ(job_.state, JobState::kFailed);
}

TEST_F(Retried, AStopWhileItWaitsEndsIt) {
  place();
  report(end_of(EndCause::kExited, 3));
  EXPECT_TRUE(apply(job_, StopRequested{{"user alice", "", {}}}, now_));
  EXPECT_EQ(job_.state, JobState::kStopped);
}

TEST_F(Retried, ALostAttemptIsNotTriedAgainBeforeItIsSurelyOver) {
  place();
  const WallTime until = now_ + std::chrono::hours(1);
  EXPECT_TRUE(apply(job_, Ended{end_of(EndCause::kWorkerLost), until}, now_));
  EXPECT_EQ(job_.state, JobState::kQueued);
  EXPECT_EQ(job_.not_before, until);
}

TEST_F(Retried, ALateReportOfAGivenUpAttemptChangesNothing) {
  place();
  const Attempt first = *job_.current_attempt();
  EXPECT_TRUE(apply(job_, Ended{end_of(EndCause::kWorkerLost), std::nullopt}, now_));
  Attempt late = first;
  late.end = end_of(EndCause::kExited, 0);
  EXPECT_FALSE(apply(job_, Reported{late}, now_));
  place();
  EXPECT_FALSE(apply(job_, Reported{late}, now_)) << "nor once the next one is there";
  EXPECT_EQ(job_.state, JobState::kStarting);
}

TEST_F(Retried, ARequeuedJobIsQueuedAgainAndThatIsNoAttempt) {
  place();
  EXPECT_TRUE(apply(job_, StopRequested{{"root", "drained", {}, true}}, now_));
  EXPECT_FALSE(apply(job_, StopRequested{{"root", "drained", {}, true}}, now_));
  report(end_of(EndCause::kStopped));
  EXPECT_EQ(job_.state, JobState::kQueued);
  EXPECT_EQ(job_.tries, 0);
  EXPECT_FALSE(job_.stop_requested.has_value());
}

TEST_F(Retried, AStopForGoodTakesThePlaceOfARequeue) {
  place();
  EXPECT_TRUE(apply(job_, StopRequested{{"root", "drained", {}, true}}, now_));
  EXPECT_TRUE(apply(job_, StopRequested{{"alice", "enough", {}, false}}, now_));
  EXPECT_FALSE(apply(job_, StopRequested{{"root", "drained", {}, true}}, now_));
  report(end_of(EndCause::kStopped));
  EXPECT_EQ(job_.state, JobState::kStopped);
}

TEST_F(Retried, WhatEndedBeforeItWasToBeRequeuedHasEnded) {
  place();
  EXPECT_TRUE(apply(job_, StopRequested{{"root", "drained", {}, true}}, now_));
  report(end_of(EndCause::kExited, 0));
  EXPECT_EQ(job_.state, JobState::kSucceeded);
}

TEST(ApplyAdopted, AQueuedJobTakesAnAttemptThatIsNewerThanAllOnRecord) {
  Job job;
  Attempt found;
  found.id = {job.id, 3};
  found.state = JobState::kRunning;
  EXPECT_TRUE(apply(job, Adopted{found}, {}));
  EXPECT_EQ(job.state, JobState::kRunning);
  EXPECT_FALSE(apply(job, Adopted{found}, {})) << "it does not wait any more";
}

// How a queued job waits.
TEST(ApplyWaiting, AnOperatorsHoldTakesThePlaceOfAUsersAndNotTheOtherWayRound) {
  Job job;
  EXPECT_TRUE(apply(job, Held{{"user alice", false}}, {}));
  EXPECT_FALSE(apply(job, Held{{"user bob", false}}, {})) << "it is held";
  EXPECT_TRUE(apply(job, Held{{"user root", true}}, {}));
  EXPECT_FALSE(apply(job, Held{{"user alice", false}}, {}));
  EXPECT_EQ(job.hold, (Hold{"user root", true}));
  EXPECT_TRUE(apply(job, Released{}, {}));
  EXPECT_FALSE(apply(job, Released{}, {}));
}

TEST(ApplyWaiting, OnlyAQueuedJobIsHeldReleasedOrMoved) {
  Job job;
  EXPECT_TRUE(apply(job, Prioritized{7}, {}));
  EXPECT_FALSE(apply(job, Prioritized{7}, {})) << "nothing changes";
  EXPECT_TRUE(apply(job, Placed{Uuid::random(), "w", "boot"}, {}));
  EXPECT_FALSE(apply(job, Held{{"user root", true}}, {}));
  EXPECT_FALSE(apply(job, Released{}, {}));
  EXPECT_FALSE(apply(job, Prioritized{8}, {}));
  EXPECT_EQ(job.priority, 7);
}

}  // namespace
}  // namespace takt
