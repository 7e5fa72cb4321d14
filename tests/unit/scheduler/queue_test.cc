// SPDX-License-Identifier: Apache-2.0
// How jobs wait: priority, hold, times, limits, and what explains it.
#include "rpc/convert.h"
#include "rpc/status.h"
#include "unit/scheduler/scheduler_fixture.h"

namespace takt::scheduler {
namespace {

class SchedulerQueueTest : public SchedulerTest {
 protected:
  template <class Response, class Request, class Method>
  grpc::Status call(Method method, const Request& request, Response* response = nullptr) {
    Response own;
    const auto its_context = context();
    return (jobs_.get()->*method)(its_context.get(), request, response ? response : &own);
  }
  grpc::Status hold(const std::string& job) {
    v1::HoldJobRequest request;
    request.set_job_id(job);
    return call<v1::HoldJobResponse>(&v1::JobService::Stub::HoldJob, request);
  }
  grpc::Status release(const std::string& job) {
    v1::ReleaseJobRequest request;
    request.set_job_id(job);
    return call<v1::ReleaseJobResponse>(&v1::JobService::Stub::ReleaseJob, request);
  }
  grpc::Status prioritize(const std::string& job, int priority) {
    v1::UpdateJobRequest request;
    request.set_job_id(job);
    request.set_priority(priority);
    return call<v1::UpdateJobResponse>(&v1::JobService::Stub::UpdateJob, request);
  }
  v1::ExplainJobResponse explain(const std::string& job) {
    v1::ExplainJobRequest request;
    request.set_job_id(job);
    v1::ExplainJobResponse response;
    const grpc::Status status = call(&v1::JobService::Stub::ExplainJob, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response;
  }
  v1::PlanJobResponse plan(const v1::JobSpec& spec) {
    v1::PlanJobRequest request;
    *request.mutable_spec() = spec;
    v1::PlanJobResponse response;
    const grpc::Status status = call(&v1::JobService::Stub::PlanJob, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response;
  }
  // "queued starting running paused ending"
  std::string counts() {
    v1::CountJobsResponse count;
    const grpc::Status status =
        call(&v1::JobService::Stub::CountJobs, v1::CountJobsRequest(), &count);
    EXPECT_TRUE(status.ok()) << status.error_message();
    std::string text;
    for (const std::int64_t jobs :
         {count.queued(), count.starting(), count.running(), count.paused(), count.ending()})
      text += (text.empty() ? "" : " ") + std::to_string(jobs);
    return text;
  }
  // The names of the jobs that the worker was sent, in this order.
  static std::vector<std::string> names(test::FakeWorker& worker) {
    std::vector<std::string> sent;
    for (const v1::StartCommand& start : worker.starts()) sent.push_back(start.spec().name());
    return sent;
  }
  static v1::JobSpec spec_with(const std::string& name, int priority) {
    v1::JobSpec made = spec(name);
    made.set_priority(priority);
    return made;
  }
};

TEST_F(SchedulerQueueTest, JobsAreCountedByState) {
  EXPECT_EQ(counts(), "0 0 0 0 0");
  v1::JobSpec held = spec("held");
  held.set_hold(true);
  submit(held);
  const auto worker = make_worker(kWorkerOne, "one");
  const std::string one = submit(spec("one"));
  const std::string two = submit(spec("two"));
  watch_until(one, v1::JOB_STATE_RUNNING);
  watch_until(two, v1::JOB_STATE_RUNNING);
  EXPECT_EQ(counts(), "1 0 2 0 0");
  restart();
  EXPECT_EQ(counts(), "1 0 2 0 0") << "as the store has it";
  worker->end(one, 0);
  watch_until(one, v1::JOB_STATE_SUCCEEDED);
  EXPECT_EQ(counts(), "1 0 1 0 0");
}

TEST_F(SchedulerQueueTest, WhatIsHigherStartsFirst) {
  submit(spec_with("low", -1));
  submit(spec_with("plain", 0));
  const std::string last = submit(spec_with("urgent", 3));
  const std::string raised = submit(spec_with("raised", 0));
  ASSERT_TRUE(prioritize(raised, 9).ok());
  EXPECT_EQ(get(raised).priority(), 9);
  restart();
  const auto worker = make_worker(kWorkerOne, "one");
  ASSERT_TRUE(worker->wait_starts(4));
  EXPECT_EQ(names(*worker), (std::vector<std::string>{"raised", "urgent", "plain", "low"}));
  watch_until(last, v1::JOB_STATE_RUNNING);
  const grpc::Status late = prioritize(last, 1);
  EXPECT_EQ(late.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_NE(late.error_message().find("is running"), std::string::npos) << late.error_message();
}

TEST_F(SchedulerQueueTest, AHeldJobStartsOnceItIsReleasedAlsoAfterARestart) {
  v1::JobSpec held = spec("held");
  held.set_hold(true);
  const std::string job = submit(held);
  const auto worker = make_worker(kWorkerOne, "one");
  const std::string free = submit(spec("free"));
  watch_until(free, v1::JOB_STATE_RUNNING);
  EXPECT_EQ(get(job).state(), v1::JOB_STATE_QUEUED);
  EXPECT_EQ(explain(job).explanation().substr(0, 14), "it is held by ");
  ASSERT_TRUE(release(job).ok());
  EXPECT_TRUE(release(job).ok() || get(job).state() != v1::JOB_STATE_QUEUED)
      << "releasing what is not held is no error";
  watch_until(job, v1::JOB_STATE_RUNNING);
  EXPECT_EQ(hold(job).error_code(), grpc::StatusCode::FAILED_PRECONDITION);
}

TEST_F(SchedulerQueueTest, AHoldOutlivesTheScheduler) {
  const std::string job = submit(spec());
  ASSERT_TRUE(hold(job).ok());
  ASSERT_TRUE(hold(job).ok());
  restart();
  EXPECT_NE(get(job).held_by(), "");
  const auto worker = make_worker(kWorkerOne, "one");
  const std::string other = submit(spec());
  watch_until(other, v1::JOB_STATE_RUNNING);
  EXPECT_EQ(get(job).state(), v1::JOB_STATE_QUEUED);
  ASSERT_TRUE(release(job).ok());
  watch_until(job, v1::JOB_STATE_RUNNING);
}

TEST_F(SchedulerQueueTest, AHeldJobCanBeStopped) {
  const std::string job = submit(spec());
  ASSERT_TRUE(hold(job).ok());
  EXPECT_EQ(stop_job(job, "").state(), v1::JOB_STATE_STOPPED);
}

TEST_F(SchedulerQueueTest, NothingStartsBeforeItsTime) {
  const auto worker = make_worker(kWorkerOne, "one");
  v1::JobSpec later = spec("later");
  const WallTime when = wall_now() + std::chrono::milliseconds(700);
  *later.mutable_not_before_time() = rpc::time_to_proto(when);
  const std::string job = submit(later);
  const std::string now = submit(spec("now"));
  watch_until(now, v1::JOB_STATE_RUNNING);
  EXPECT_EQ(get(job).state(), v1::JOB_STATE_QUEUED);
  EXPECT_EQ(explain(job).explanation().substr(0, 26), "it is not to start before ");
  const auto seen = watch_until(job, v1::JOB_STATE_STARTING);
  EXPECT_GE(rpc::time_from_proto(seen.back().event().event_time()), when);
}

TEST_F(SchedulerQueueTest, WhatHasWaitedTooLongIsGivenUp) {
  v1::JobSpec impatient = spec("impatient");
  *impatient.mutable_queue_time_limit() = rpc::duration_to_proto(std::chrono::milliseconds(300));
  const std::string job = submit(impatient);
  const auto seen = watch_until(job, v1::JOB_STATE_FAILED);
  EXPECT_EQ(seen.back().event().end().cause(), v1::END_CAUSE_QUEUE_TIMED_OUT);
  restart();
  EXPECT_EQ(get(job).end().cause(), v1::END_CAUSE_QUEUE_TIMED_OUT);
}

TEST_F(SchedulerQueueTest, TheTimeInTheQueueGoesOnWhileTheSchedulerIsDown) {
  v1::JobSpec impatient = spec("impatient");
  *impatient.mutable_queue_time_limit() = rpc::duration_to_proto(std::chrono::milliseconds(1));
  v1::JobSpec started = spec("started");
  *started.mutable_queue_time_limit() = rpc::duration_to_proto(std::chrono::hours(1));
  const std::string job = submit(impatient);
  const std::string patient = submit(started);
  restart();
  watch_until(job, v1::JOB_STATE_FAILED);
  EXPECT_EQ(get(patient).state(), v1::JOB_STATE_QUEUED);
}

TEST_F(SchedulerQueueTest, JobsGoWhereTheirAmountsFit) {
  const auto worker = make_worker(kWorkerOne, "one");
  v1::JobSpec large = spec("large");
  large.mutable_resources()->set_cpu_millicores(8'000'000);
  const std::string job = submit(large);
  const std::string small = submit(spec("small"));
  watch_until(small, v1::JOB_STATE_RUNNING);
  EXPECT_EQ(get(job).state(), v1::JOB_STATE_QUEUED);
  const v1::ExplainJobResponse why = explain(job);
  EXPECT_EQ(why.explanation().substr(0, 16), "needs 8000 CPUs;") << why.explanation();
  EXPECT_TRUE(why.never());
  EXPECT_NE(why.advice(), "");
  const std::string behind = submit(large);
  EXPECT_EQ(explain(behind).explanation().substr(0, 45),
            "1 job before it in its line; the first one ne");
}

TEST_F(SchedulerQueueTest, APlanSaysWhereAJobWouldGoAndTakesNothing) {
  EXPECT_EQ(plan(spec()).waiting().explanation(), "no worker has registered");
  const auto worker = make_worker(kWorkerOne, "one");
  const v1::PlanJobResponse here = plan(spec("planned"));
  EXPECT_EQ(here.worker_id(), kWorkerOne);
  EXPECT_EQ(here.worker_name(), "one");
  EXPECT_FALSE(here.has_waiting());
  v1::JobSpec large = spec();
  large.mutable_resources()->set_memory_bytes(std::int64_t{1} << 50);
  EXPECT_EQ(plan(large).worker_id(), "");
  EXPECT_TRUE(plan(large).waiting().never());
  v1::Job job;
  EXPECT_EQ(try_get("planned", job).error_code(), grpc::StatusCode::NOT_FOUND);
  v1::PlanJobRequest bad;
  EXPECT_EQ(call<v1::PlanJobResponse>(&v1::JobService::Stub::PlanJob, bad).error_code(),
            grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_F(SchedulerQueueTest, EveryStateIsExplained) {
  const auto worker = make_worker(kWorkerOne, "one");
  const std::string job = submit(spec());
  watch_until(job, v1::JOB_STATE_RUNNING);
  EXPECT_EQ(explain(job).explanation(), "is running on one");
  worker->end(job, 3);
  watch_until(job, v1::JOB_STATE_FAILED);
  EXPECT_EQ(explain(job).explanation(), "has ended: exited with code 3");
  EXPECT_EQ(hold(job).error_code(), grpc::StatusCode::FAILED_PRECONDITION);
}

TEST_F(SchedulerQueueTest, ARefusalIsExplained) {
  const auto worker = make_worker(kWorkerOne, "one");
  worker->on_start(test::FakeWorker::OnStart::kRefuse);
  const std::string job = submit(spec());
  ASSERT_TRUE(worker->wait_starts(1));
  watch_until(job, v1::JOB_STATE_QUEUED, get(job).revision() - 1);
  const v1::ExplainJobResponse why = explain(job);
  EXPECT_EQ(why.explanation().substr(0, 37), "one has room, but refused a start of ")
      << why.explanation();
  EXPECT_FALSE(why.never());
}

class FullQueueTest : public SchedulerQueueTest {
 protected:
  void SetUp() override {
    config_.jobs_max = 1;
    SchedulerQueueTest::SetUp();
  }
};

TEST_F(FullQueueTest, MoreThanThereMayBeInAllIsRefused) {
  submit(spec());
  v1::SubmitJobResponse response;
  const grpc::Status more = try_submit(spec(), "", response);
  EXPECT_EQ(more.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_NE(more.error_message().find("the queue is full: 1"), std::string::npos);
}

}  // namespace
}  // namespace takt::scheduler
