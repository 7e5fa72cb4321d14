// SPDX-License-Identifier: Apache-2.0
// What operators do to workers: drain, undrain, forget.
#include "rpc/convert.h"
#include "unit/scheduler/scheduler_fixture.h"

namespace takt::scheduler {
namespace {

class DrainTest : public SchedulerTest {
 protected:
  grpc::Status drain(const std::string& worker, v1::DrainWorkerResponse* response,
                     std::optional<microseconds> deadline = {}, bool requeue = false) {
    v1::DrainWorkerRequest request;
    request.set_worker_id(worker);
    request.set_reason("new disk");
    request.set_requeue(requeue);
    if (deadline) *request.mutable_deadline() = rpc::duration_to_proto(*deadline);
    return operator_->DrainWorker(context().get(), request, response);
  }
  grpc::Status undrain(const std::string& worker) {
    v1::UndrainWorkerRequest request;
    request.set_worker_id(worker);
    v1::UndrainWorkerResponse response;
    return operator_->UndrainWorker(context().get(), request, &response);
  }
  grpc::Status forget(const std::string& worker) {
    v1::ForgetWorkerRequest request;
    request.set_worker_id(worker);
    v1::ForgetWorkerResponse response;
    return operator_->ForgetWorker(context().get(), request, &response);
  }
};

TEST_F(DrainTest, ADrainedWorkerKeepsItsJobsAndGetsNoNewOnes) {
  const auto one = make_worker(kWorkerOne, "one");
  const std::string old = submit(spec());
  watch_until(old, v1::JOB_STATE_RUNNING);
  v1::DrainWorkerResponse response;
  ASSERT_TRUE(drain("one", &response).ok());
  EXPECT_EQ(response.worker().state(), v1::WORKER_STATE_DRAINING);
  EXPECT_EQ(response.worker().drain().reason(), "new disk");
  EXPECT_EQ(response.worker().running(), 1);
  const std::string waits = submit(spec());
  const auto two = make_worker(kWorkerTwo, "two");
  watch_until(waits, v1::JOB_STATE_RUNNING);
  EXPECT_EQ(get(waits).attempts(0).worker_name(), "two");
  EXPECT_EQ(get(old).state(), v1::JOB_STATE_RUNNING);
  one->end(old, 0);
  watch_until(old, v1::JOB_STATE_SUCCEEDED);
}

TEST_F(DrainTest, ADrainOutlivesTheSchedulerAndEndsWithUndrain) {
  const auto one = make_worker(kWorkerOne, "one");
  v1::DrainWorkerResponse response;
  ASSERT_TRUE(drain(kWorkerOne, &response).ok());
  const std::string job = submit(spec());
  restart();
  ASSERT_TRUE(wait_worker(kWorkerOne, v1::WORKER_STATE_DRAINING));
  EXPECT_EQ(get(job).state(), v1::JOB_STATE_QUEUED);
  ASSERT_TRUE(undrain("one").ok());
  ASSERT_TRUE(undrain("one").ok()) << "twice is no error";
  watch_until(job, v1::JOB_STATE_RUNNING);
  EXPECT_EQ(workers()[0].state(), v1::WORKER_STATE_READY);
}

TEST_F(DrainTest, AtTheDeadlineWhatIsLeftIsStopped) {
  const auto one = make_worker(kWorkerOne, "one");
  const std::string job = submit(spec());
  watch_until(job, v1::JOB_STATE_RUNNING);
  v1::DrainWorkerResponse response;
  ASSERT_TRUE(drain("one", &response, std::chrono::milliseconds(200)).ok());
  EXPECT_TRUE(response.worker().drain().has_deadline_time());
  ASSERT_TRUE(one->wait_stops(1));
  EXPECT_EQ(one->stops()[0].job_id(), job);
  EXPECT_EQ(one->stops()[0].reason(), "worker one is drained: new disk");
}

TEST_F(DrainTest, AtTheDeadlineWhatIsLeftIsQueuedAgainIfThatWasAskedFor) {
  const auto one = make_worker(kWorkerOne, "one");
  const std::string job = submit(spec());
  watch_until(job, v1::JOB_STATE_RUNNING);
  v1::DrainWorkerResponse response;
  EXPECT_EQ(drain("one", &response, {}, true).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  ASSERT_TRUE(drain("one", &response, std::chrono::milliseconds(200), true).ok());
  ASSERT_TRUE(one->wait_stops(1));
  const auto two = make_worker(kWorkerTwo, "two");
  ASSERT_TRUE(two->wait_starts(1));
  EXPECT_EQ(two->starts()[0].attempt(), 2);
  EXPECT_EQ(get(job).tries(), 0);
  EXPECT_EQ(get(job).stop_requested_by(), "");
}

TEST_F(DrainTest, ADeadlineThatPassedWhileTheSchedulerWasDownCounts) {
  const auto one = make_worker(kWorkerOne, "one");
  const std::string job = submit(spec());
  watch_until(job, v1::JOB_STATE_RUNNING);
  v1::DrainWorkerResponse response;
  one->die();
  ASSERT_TRUE(drain("one", &response, std::chrono::milliseconds(1)).ok());
  restart();
  one->serve();
  ASSERT_TRUE(one->wait_stops(1)) << "also of a worker that was out of reach then";
}

TEST_F(DrainTest, AWorkerThatDrainedItselfIsNotUndrainedByAnOperator) {
  const auto one = make_worker(kWorkerOne, "one");
  const std::string fault = "the host failed to start 5 jobs in a row: spawn: no memory";
  one->say_fault(fault);
  ASSERT_TRUE(wait_worker(kWorkerOne, v1::WORKER_STATE_DRAINING));
  const v1::Worker before = workers()[0];
  const grpc::Status refused = undrain("one");
  EXPECT_EQ(refused.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  for (const std::string& text : {fault, std::string("restart takt-worker")})
    EXPECT_NE(refused.error_message().find(text), std::string::npos) << refused.error_message();
  EXPECT_EQ(workers()[0].drain().SerializeAsString(), before.drain().SerializeAsString());
  // A drain of an operator's takes its place, and ends as any other.
  v1::DrainWorkerResponse drained;
  ASSERT_TRUE(drain("one", &drained).ok());
  ASSERT_TRUE(undrain("one").ok());
  EXPECT_EQ(workers()[0].drain().reason(), fault) << "the host still fails";
  one->say_fault("");
  EXPECT_TRUE(wait_worker(kWorkerOne, v1::WORKER_STATE_READY));
}

TEST_F(DrainTest, UnknownWorkersAreRefusedByName) {
  v1::DrainWorkerResponse response;
  EXPECT_EQ(drain("nobody", &response).error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(drain("", &response).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(undrain(kWorkerTwo).error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(forget("nobody").error_code(), grpc::StatusCode::NOT_FOUND);
}

TEST_F(DrainTest, AForgottenWorkersJobsAreLostAndItIsGone) {
  const auto one = make_worker(kWorkerOne, "one");
  const std::string job = submit(spec());
  watch_until(job, v1::JOB_STATE_RUNNING);
  const grpc::Status in_reach = forget("one");
  EXPECT_EQ(in_reach.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_NE(in_reach.error_message().find("is in reach"), std::string::npos);
  v1::DeregisterWorkerRequest away;
  away.set_worker_id(kWorkerOne);
  v1::DeregisterWorkerResponse gone;
  ASSERT_TRUE(registry_->DeregisterWorker(context().get(), away, &gone).ok());
  ASSERT_TRUE(forget("one").ok());
  const auto seen = watch_until(job, v1::JOB_STATE_FAILED);
  EXPECT_EQ(seen.back().event().end().cause(), v1::END_CAUSE_WORKER_LOST);
  EXPECT_TRUE(workers().empty());
  restart();
  EXPECT_TRUE(workers().empty()) << "also after a restart";
  add_worker(*one);
  EXPECT_EQ(workers().size(), 1U) << "it registers as a new one";
  EXPECT_TRUE(one->wait_stops(1)) << "what was given up does not run on, and is no orphan";
  EXPECT_TRUE(one->wait_acknowledged(job));
}

}  // namespace
}  // namespace takt::scheduler
