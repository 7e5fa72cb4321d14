// SPDX-License-Identifier: Apache-2.0
// Jobs that are tried again: after failures, after losses, and when somebody asks for it.
#include "rpc/convert.h"
#include "rpc/status.h"
#include "unit/scheduler/scheduler_fixture.h"

namespace takt::scheduler {
namespace {

class RetryTest : public SchedulerTest {
 protected:
  static v1::JobSpec tried(int attempts) {
    v1::JobSpec made = spec("tried");
    made.mutable_retry()->set_max_attempts(attempts);
    return made;
  }
  grpc::Status retry(const std::string& job, v1::RetryJobResponse* response,
                     std::int64_t memory_bytes = 0) {
    v1::RetryJobRequest request;
    request.set_job_id(job);
    if (memory_bytes != 0) request.mutable_resources()->set_memory_bytes(memory_bytes);
    return jobs_->RetryJob(context().get(), request, response);
  }
};

TEST_F(RetryTest, AFailedAttemptIsTriedAgainUntilOneGoesWell) {
  const auto worker = make_worker(kWorkerOne, "one");
  const std::string job = submit(tried(3));
  ASSERT_TRUE(worker->wait_starts(1));
  worker->end(job, 3);
  ASSERT_TRUE(worker->wait_starts(2));
  EXPECT_EQ(worker->starts()[1].attempt(), 2);
  EXPECT_FALSE(worker->starts()[1].spec().has_retry()) << "that is the scheduler's business";
  ASSERT_TRUE(worker->wait_acknowledged(job));
  worker->end(job, 0);
  watch_until(job, v1::JOB_STATE_SUCCEEDED);
  const v1::Job done = get(job);
  EXPECT_EQ(done.attempts_size(), 2);
  EXPECT_EQ(done.attempts(0).end().exit_code(), 3);
  EXPECT_EQ(done.tries(), 2);
}

TEST_F(RetryTest, AttemptsAreCountedOverARestart) {
  const auto worker = make_worker(kWorkerOne, "one");
  v1::JobSpec twice = tried(2);
  *twice.mutable_retry()->mutable_backoff() =
      rpc::duration_to_proto(std::chrono::milliseconds(400));
  const std::string job = submit(twice);
  ASSERT_TRUE(worker->wait_starts(1));
  worker->end(job, 3);
  ASSERT_TRUE(worker->wait_acknowledged(job));
  const v1::Job waits = get(job);
  EXPECT_EQ(waits.state(), v1::JOB_STATE_QUEUED);
  EXPECT_TRUE(waits.has_not_before_time());
  restart();
  ASSERT_TRUE(worker->wait_starts(2));
  worker->end(job, 4);
  watch_until(job, v1::JOB_STATE_FAILED);
  EXPECT_EQ(get(job).end().exit_code(), 4);
}

TEST_F(RetryTest, ALostWorkersJobsAreTriedAgainIfTheyAskForIt) {
  const auto one = make_worker(kWorkerOne, "one");
  v1::JobSpec lost = tried(2);
  lost.mutable_retry()->set_on_lost(true);
  const std::string job = submit(lost);
  const std::string plain = submit(spec("plain"));
  ASSERT_TRUE(one->wait_starts(2));
  EXPECT_EQ(one->starts()[0].spec().lease().seconds(), 600) << "the default";
  watch_until(job, v1::JOB_STATE_RUNNING);
  watch_until(plain, v1::JOB_STATE_RUNNING);
  one->die();
  one->forget(job);
  one->forget(plain);
  one->set_boot("another");
  one->serve();
  ASSERT_TRUE(one->wait_starts(3));
  EXPECT_EQ(one->starts()[2].job_id(), job);
  EXPECT_EQ(one->starts()[2].attempt(), 2);
  const auto seen = watch_until(plain, v1::JOB_STATE_FAILED);
  EXPECT_EQ(seen.back().event().end().cause(), v1::END_CAUSE_WORKER_LOST);
}

TEST_F(RetryTest, AForgottenWorkersLeaseJobWaitsUntilItsLeaseIsOver) {
  const auto one = make_worker(kWorkerOne, "one");
  v1::JobSpec lost = tried(2);
  lost.mutable_retry()->set_on_lost(true);
  const std::string job = submit(lost);
  watch_until(job, v1::JOB_STATE_RUNNING);
  ASSERT_NO_FATAL_FAILURE(leave_and_forget_one());
  const v1::Job waits = get(job);
  EXPECT_EQ(waits.state(), v1::JOB_STATE_QUEUED);
  EXPECT_GT(rpc::time_from_proto(waits.not_before_time()), wall_now() + std::chrono::minutes(9))
      << "it may run there until then";
}

TEST_F(RetryTest, ALeaseBeginsWhenItsWorkerIsHeardAgain) {
  test::FakeWorker one(kWorkerOne, "one", folder_.path() + "/one.sock");
  v1::RegisterWorkerResponse registered;
  ASSERT_TRUE(registry_->RegisterWorker(context().get(), one.registration(), &registered).ok());
  const WallTime heard = wall_now();  // or later: nobody has answered so far
  one.serve();
  v1::JobSpec lost = tried(2);
  lost.mutable_retry()->set_on_lost(true);
  const std::string job = submit(lost);
  watch_until(job, v1::JOB_STATE_RUNNING);
  ASSERT_NO_FATAL_FAILURE(leave_and_forget_one());
  const auto most = limits::kLeaseDefault + limits::kStopGraceDefault + limits::kBackstop;
  EXPECT_GE(rpc::time_from_proto(get(job).not_before_time()),
            heard + most + most / 50 + limits::kLeaseSlack);
}

TEST_F(RetryTest, RetryMakesANewJobOfAnEndedOne) {
  const auto worker = make_worker(kWorkerOne, "one");
  v1::JobSpec first = spec("first");
  first.set_script("#!/bin/sh\nexit 3\n");
  first.mutable_resources()->set_memory_bytes(1 << 30);
  const std::string job = submit(first);
  ASSERT_TRUE(worker->wait_starts(1));
  v1::RetryJobResponse response;
  const grpc::Status early = retry(job, &response);
  EXPECT_EQ(early.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_NE(early.error_message().find("has not ended"), std::string::npos);
  worker->end(job, 3);
  watch_until(job, v1::JOB_STATE_FAILED);
  ASSERT_TRUE(retry(job.substr(0, 13), &response, std::int64_t{2} << 30).ok());
  EXPECT_NE(response.job_id(), job);
  ASSERT_TRUE(worker->wait_starts(2));
  const v1::JobSpec again = worker->starts()[1].spec();
  EXPECT_EQ(again.script(), first.script());
  EXPECT_EQ(again.resources().memory_bytes(), std::int64_t{2} << 30);
  EXPECT_EQ(get(response.job_id()).retry_of(), job);
  EXPECT_EQ(get(job).state(), v1::JOB_STATE_FAILED) << "it stays as it is";
  EXPECT_EQ(retry("01234567-0000-4000-8000-000000000000", &response).error_code(),
            grpc::StatusCode::NOT_FOUND);
}

// Half a minute: the shortest lease, and the time in which what it ends is surely over.
TEST_F(RetryTest, ALeaseThatIsOverGivesTheJobToAnotherWorker) {
  const auto one = make_worker(kWorkerOne, "one");
  v1::JobSpec lost = tried(2);
  lost.mutable_retry()->set_on_lost(true);
  lost.mutable_lease()->set_seconds(10);
  lost.mutable_stop()->mutable_grace();
  const std::string job = submit(lost);
  const std::string plain = submit(spec("plain"));
  const std::string slow = submit(lost);
  for (const std::string& each : {job, plain, slow}) watch_until(each, v1::JOB_STATE_RUNNING);
  const WallTime cut = wall_now();
  one->die();
  v1::StopJobRequest stop;
  stop.set_job_id(slow);
  stop.mutable_grace()->set_seconds(600);
  v1::StopJobResponse stopped;
  ASSERT_TRUE(jobs_->StopJob(context().get(), stop, &stopped).ok());
  const auto two = make_worker(kWorkerTwo, "two");
  const auto seen = watch_until(job, v1::JOB_STATE_QUEUED, get(job).revision());
  EXPECT_GE(rpc::time_from_proto(seen.back().event().event_time()), cut + limits::kLeaseMin);
  ASSERT_TRUE(two->wait_starts(1));
  EXPECT_EQ(two->starts()[0].job_id(), job);
  EXPECT_EQ(get(job).attempts(0).end().cause(), v1::END_CAUSE_WORKER_LOST);
  EXPECT_EQ(get(plain).state(), v1::JOB_STATE_RUNNING) << "it has no lease";
  EXPECT_FALSE(get(slow).has_end()) << "it may have got its stop, and has all of that grace";
  one->serve();
  ASSERT_TRUE(one->wait_stops(2)) << "what was given up and runs all the same is stopped";
  const auto stops = one->stops();
  EXPECT_TRUE(std::any_of(stops.begin(), stops.end(), [&](const v1::StopCommand& sent) {
    return sent.job_id() == job && sent.attempt() == 1;
  }));
}

TEST_F(RetryTest, AWorkerThatIsNotHeardOfForLongIsLost) {
  stop();
  config_.unreachable_after = std::chrono::seconds(10);
  config_.lost_after = std::chrono::seconds(10);
  start();
  const auto one = make_worker(kWorkerOne, "one");
  const std::string plain = submit(spec());
  watch_until(plain, v1::JOB_STATE_RUNNING);
  one->die();
  ASSERT_TRUE(wait_worker(kWorkerOne, v1::WORKER_STATE_LOST));
  EXPECT_EQ(get(plain).state(), v1::JOB_STATE_RUNNING) << "no lease, no loss";
  one->serve();
  ASSERT_TRUE(wait_worker(kWorkerOne, v1::WORKER_STATE_READY));
  one->end(plain, 0);
  watch_until(plain, v1::JOB_STATE_SUCCEEDED);
}

}  // namespace
}  // namespace takt::scheduler
