// SPDX-License-Identifier: Apache-2.0
// What an operator does about attempts whose jobs are not on record.
#include "rpc/channel.h"
#include "support/eventually.h"
#include "unit/scheduler/scheduler_fixture.h"

namespace takt::scheduler {
namespace {

constexpr const char* kJob = "0a0b0c0d-0000-4000-8000-00000000000a";

class OrphansTest : public SchedulerTest {
 protected:
  static v1::Attempt running(int number = 1) {
    v1::Attempt attempt;
    attempt.set_job_id(kJob);
    attempt.set_number(number);
    attempt.set_state(v1::JOB_STATE_RUNNING);
    return attempt;
  }
  // A worker that held an attempt before the scheduler knew of it.
  std::unique_ptr<test::FakeWorker> make_holder(const std::string& id, const std::string& name,
                                                const v1::Attempt& attempt,
                                                const std::optional<v1::JobSpec>& spec) {
    auto worker =
        std::make_unique<test::FakeWorker>(id, name, folder_.path() + "/" + name + ".sock");
    worker->hold(attempt, spec);
    worker->serve();
    add_worker(*worker);
    return worker;
  }
  std::size_t orphans() {
    v1::ListOrphansResponse response;
    EXPECT_TRUE(operator_->ListOrphans(context().get(), {}, &response).ok());
    return static_cast<std::size_t>(response.orphans_size());
  }
  bool wait_orphans(std::size_t count) {
    return test::eventually([&] { return orphans() == count; });
  }
  grpc::Status adopt(const std::string& job) {
    v1::AdoptOrphanRequest request;
    request.set_job_id(job);
    v1::AdoptOrphanResponse response;
    return operator_->AdoptOrphan(context().get(), request, &response);
  }
};

TEST_F(OrphansTest, RunsOnUntilAnOperatorStopsIt) {
  const auto worker = make_holder(kWorkerOne, "one", running(), std::nullopt);
  ASSERT_TRUE(wait_orphans(1));
  v1::ListOrphansResponse listed;
  ASSERT_TRUE(operator_->ListOrphans(context().get(), {}, &listed).ok());
  EXPECT_EQ(listed.orphans(0).job_id(), kJob);
  EXPECT_EQ(listed.orphans(0).worker_name(), "one");
  v1::StopOrphanRequest request;
  request.set_job_id(kJob);
  request.set_reason("unknown");
  v1::StopOrphanResponse response;
  ASSERT_TRUE(operator_->StopOrphan(context().get(), request, &response).ok());
  ASSERT_TRUE(worker->wait_stops(1));
  EXPECT_EQ(worker->stops()[0].reason(), "unknown");
  ASSERT_TRUE(worker->wait_acknowledged(kJob));
  EXPECT_EQ(operator_->StopOrphan(context().get(), request, &response).error_code(),
            grpc::StatusCode::NOT_FOUND);
}

TEST_F(OrphansTest, AnAdoptedOneIsAJobOnRecordAgain) {
  v1::JobSpec what = spec("nightly");
  what.set_hold(true);
  what.set_one_per_worker(true);
  what.add_dependencies()->set_job_id("0a0b0c0d-0000-4000-8000-00000000000b");
  what.mutable_dependencies(0)->set_condition(v1::DEPENDENCY_CONDITION_SUCCESS);
  const auto worker = make_holder(kWorkerOne, "one", running(3), what);
  ASSERT_TRUE(wait_orphans(1));
  const grpc::Status adopted = adopt(kJob);
  ASSERT_TRUE(adopted.ok()) << adopted.error_message();
  EXPECT_EQ(orphans(), 0U);
  EXPECT_TRUE(adopt(kJob).ok()) << "a call may be repeated";

  restart();  // what was answered is on disk
  const v1::Job job = get("nightly");
  EXPECT_EQ(job.job_id(), kJob);
  EXPECT_EQ(job.state(), v1::JOB_STATE_RUNNING);
  EXPECT_EQ(job.submitted_by(), "user alice");
  EXPECT_EQ(job.spec().argv(0), what.argv(0));
  EXPECT_FALSE(job.spec().hold());
  EXPECT_EQ(job.spec().dependencies_size(), 0);
  ASSERT_EQ(job.spec().constraints_size(), 1) << "on the word of this worker it runs nowhere else";
  EXPECT_EQ(job.spec().constraints(0).values(0), "one");
  ASSERT_EQ(job.attempts_size(), 1);
  EXPECT_EQ(job.attempts(0).number(), 3);
  EXPECT_EQ(job.attempts(0).worker_name(), "one");

  ASSERT_TRUE(worker->wait_sessions(2));
  worker->end(kJob, 7);
  const auto seen = watch_until(kJob, v1::JOB_STATE_FAILED);
  EXPECT_EQ(seen.back().event().end().exit_code(), 7);
  EXPECT_TRUE(worker->wait_acknowledged(kJob));
  EXPECT_TRUE(worker->starts().empty());
  EXPECT_EQ(adopt(kJob).error_code(), grpc::StatusCode::NOT_FOUND);
}

TEST_F(OrphansTest, OfTwoTheLaterOneIsAdoptedAndTheOtherStopped) {
  const auto one = make_holder(kWorkerOne, "one", running(1), spec());
  const auto two = make_holder(kWorkerTwo, "two", running(2), spec());
  ASSERT_TRUE(wait_orphans(2));
  ASSERT_TRUE(adopt(kJob).ok());
  EXPECT_EQ(get(kJob).attempts(0).worker_name(), "two");
  ASSERT_TRUE(one->wait_stops(1));
  EXPECT_EQ(one->stops()[0].attempt(), 1);
  EXPECT_TRUE(one->wait_acknowledged(kJob));
  EXPECT_EQ(get(kJob).state(), v1::JOB_STATE_RUNNING);
  EXPECT_TRUE(two->stops().empty());
}

TEST_F(OrphansTest, OneOfAJobThatWasOnRecordIsNotAdopted) {
  const auto one = make_worker(kWorkerOne, "one");
  const std::string job = submit(spec());
  watch_until(job, v1::JOB_STATE_RUNNING);
  v1::Attempt later = running(2);
  later.set_job_id(job);
  const auto two = make_holder(kWorkerTwo, "two", later, spec());
  ASSERT_TRUE(wait_orphans(1));
  EXPECT_EQ(adopt(job).error_code(), grpc::StatusCode::FAILED_PRECONDITION) << "it runs";
  one->end(job, 0);
  watch_until(job, v1::JOB_STATE_SUCCEEDED);
  ASSERT_TRUE(one->wait_acknowledged(job));
  const grpc::Status late = adopt(job);
  EXPECT_EQ(late.error_code(), grpc::StatusCode::FAILED_PRECONDITION) << "it has ended";
  EXPECT_NE(late.error_message().find("can only be stopped"), std::string::npos);
  EXPECT_EQ(get(job).attempts_size(), 1);
  EXPECT_EQ(one->sessions(), 1) << "the store did not fail";
}

TEST_F(OrphansTest, OneThatHasEndedIsNotAdopted) {
  const auto worker = make_holder(kWorkerOne, "one", running(), spec());
  ASSERT_TRUE(wait_orphans(1));
  worker->forget(kJob);  // it has ended, and its end is on its way
  const grpc::Status adopted = adopt(kJob);
  EXPECT_EQ(adopted.error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_NE(adopted.error_message().find("no worker in reach has an orphan"), std::string::npos);
  v1::Job job;
  EXPECT_EQ(try_get(kJob, job).error_code(), grpc::StatusCode::NOT_FOUND);
}

TEST_F(OrphansTest, AWorkerThatIsGoneBeforeItAnswersLeavesNothingHalfDone) {
  const auto worker = make_holder(kWorkerOne, "one", running(), std::nullopt);
  ASSERT_TRUE(wait_orphans(1));
  // Others repeat the call for as long as their time lasts.
  const auto channel = rpc::make_channel(config_.listen.front(), {.retry = false});
  operator_ = v1::OperatorService::NewStub(*channel);
  grpc::Status adopted;
  std::thread caller([&] { adopted = adopt(kJob); });
  EXPECT_TRUE(worker->wait_describes(1));
  worker->die();
  caller.join();
  EXPECT_EQ(adopted.error_code(), grpc::StatusCode::UNAVAILABLE) << adopted.error_message();
  v1::StopOrphanRequest stop;
  stop.set_job_id(kJob);
  v1::StopOrphanResponse stopped;
  EXPECT_EQ(operator_->StopOrphan(context().get(), stop, &stopped).error_code(),
            grpc::StatusCode::UNAVAILABLE)
      << "a command to a worker out of reach would be lost in silence";
  v1::Job job;
  EXPECT_EQ(try_get(kJob, job).error_code(), grpc::StatusCode::NOT_FOUND);
}

TEST_F(OrphansTest, AWorkerWhoseAnswerIsNoSpecIsNotBelieved) {
  v1::JobSpec nothing;  // has neither argv nor script
  const auto worker = make_holder(kWorkerOne, "one", running(), nothing);
  ASSERT_TRUE(wait_orphans(1));
  EXPECT_EQ(adopt(kJob).error_code(), grpc::StatusCode::DATA_LOSS);
  EXPECT_EQ(orphans(), 1U) << "it is there still, and can be stopped";
}

TEST_F(OrphansTest, BadIdsAreNamed) {
  const grpc::Status adopted = adopt("nightly");
  EXPECT_EQ(adopted.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_NE(adopted.error_message().find("job_id"), std::string::npos);
}

}  // namespace
}  // namespace takt::scheduler
