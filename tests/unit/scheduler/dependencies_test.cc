// SPDX-License-Identifier: Apache-2.0
// Jobs that wait for others.
#include "rpc/convert.h"
#include "rpc/status.h"
#include "unit/scheduler/scheduler_fixture.h"

namespace takt::scheduler {
namespace {

class DependenciesTest : public SchedulerTest {
 protected:
  static v1::JobSpec after(const std::string& job, v1::DependencyCondition condition) {
    v1::JobSpec made = spec("after");
    v1::Dependency* dependency = made.add_dependencies();
    dependency->set_job_id(job);
    dependency->set_condition(condition);
    return made;
  }
  static constexpr auto kSuccess = v1::DEPENDENCY_CONDITION_SUCCESS;
  static constexpr auto kEnd = v1::DEPENDENCY_CONDITION_END;
  static constexpr auto kFailure = v1::DEPENDENCY_CONDITION_FAILURE;
};

TEST_F(DependenciesTest, AJobStartsOnceWhatItWaitsForHasEndedSo) {
  const auto worker = make_worker(kWorkerOne, "one");
  const std::string first = submit(spec("first"));
  ASSERT_TRUE(worker->wait_starts(1));
  const std::string success = submit(after(first, kSuccess));
  const std::string failure = submit(after(first, kFailure));
  v1::ExplainJobRequest request;
  request.set_job_id(success);
  v1::ExplainJobResponse why;
  ASSERT_TRUE(jobs_->ExplainJob(context().get(), request, &why).ok());
  EXPECT_NE(why.explanation().find("waits for job " + first + " to succeed"), std::string::npos)
      << why.explanation();
  worker->end(first, 0);
  ASSERT_TRUE(worker->wait_starts(2));
  EXPECT_EQ(worker->starts()[1].job_id(), success);
  const auto seen = watch_until(failure, v1::JOB_STATE_FAILED);
  EXPECT_EQ(seen.back().event().end().cause(), v1::END_CAUSE_DEPENDENCY_FAILED);
  EXPECT_NE(get(failure).end().message().find(first + " exited with code 0"), std::string::npos)
      << get(failure).end().message();
}

TEST_F(DependenciesTest, WhatHasEndedAlreadyCountsAtOnceAlsoOverARestart) {
  const auto worker = make_worker(kWorkerOne, "one");
  const std::string first = submit(spec("first"));
  ASSERT_TRUE(worker->wait_starts(1));
  worker->end(first, 3);
  watch_until(first, v1::JOB_STATE_FAILED);
  ASSERT_TRUE(worker->wait_acknowledged(first));
  restart();
  ASSERT_TRUE(wait_worker(kWorkerOne, v1::WORKER_STATE_READY));
  watch_until(submit(after(first, kSuccess)), v1::JOB_STATE_FAILED);
  watch_until(submit(after(first, kFailure)), v1::JOB_STATE_RUNNING);
  watch_until(submit(after(first, kEnd)), v1::JOB_STATE_RUNNING);
}

TEST_F(DependenciesTest, AJobWaitsOnAfterARestart) {
  const std::string first = submit(spec("first"));
  const std::string second = submit(after(first, kEnd));
  restart();
  const auto worker = make_worker(kWorkerOne, "one");
  const std::string other = submit(spec("other"));
  watch_until(other, v1::JOB_STATE_RUNNING);
  EXPECT_EQ(get(second).state(), v1::JOB_STATE_QUEUED);
  stop_job(first, "no more");
  watch_until(second, v1::JOB_STATE_RUNNING);
}

TEST_F(DependenciesTest, AChainOfAnyLengthFailsAtOnce) {
  const std::string first = submit(spec("first"));
  std::string last = first;
  for (int at = 0; at < 200; ++at) last = submit(after(last, kSuccess));
  stop_job(first, "");
  const auto seen = watch_until(last, v1::JOB_STATE_FAILED);
  EXPECT_EQ(seen.back().event().end().cause(), v1::END_CAUSE_DEPENDENCY_FAILED);
}

TEST_F(DependenciesTest, AWholeIsWaitedForAndWaits) {
  const auto worker = make_worker(kWorkerOne, "one");
  v1::JobSpec two = spec("two");
  two.mutable_array()->set_count(2);
  const std::string whole = submit(two);
  ASSERT_TRUE(worker->wait_starts(2));
  v1::JobSpec later = after(whole, kSuccess);
  later.mutable_array()->set_count(3);
  const std::string next = submit(later);
  worker->end(worker->starts()[0].job_id(), 0);
  EXPECT_EQ(get(next).parts().queued(), 3);
  worker->end(worker->starts()[1].job_id(), 0);
  ASSERT_TRUE(worker->wait_starts(5));
  for (std::size_t at = 2; at < 5; ++at) worker->end(worker->starts()[at].job_id(), 1);
  watch_until(next, v1::JOB_STATE_FAILED);
  v1::JobSpec never = after(next, kSuccess);
  never.mutable_array()->set_count(4);
  const std::string doomed = submit(never);
  watch_until(doomed, v1::JOB_STATE_FAILED);
  EXPECT_EQ(get(doomed).end().cause(), v1::END_CAUSE_DEPENDENCY_FAILED);
  EXPECT_EQ(get(doomed).parts().failed(), 4);
}

TEST_F(DependenciesTest, WhatIsNotThereIsRefused) {
  v1::SubmitJobResponse response;
  const grpc::Status unknown = try_submit(after(kWorkerOne, kEnd), "", response);
  EXPECT_EQ(unknown.error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_NE(unknown.error_message().find(kWorkerOne), std::string::npos);
  const grpc::Status bad = try_submit(after("6f0b", kEnd), "", response);
  EXPECT_EQ(bad.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  const grpc::Status unsaid =
      try_submit(after(kWorkerOne, v1::DEPENDENCY_CONDITION_UNSPECIFIED), "", response);
  EXPECT_EQ(unsaid.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
}

}  // namespace
}  // namespace takt::scheduler
