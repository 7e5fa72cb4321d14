// SPDX-License-Identifier: Apache-2.0
// Submitting, stopping, asking: what users see.
#include <SQLiteCpp/SQLiteCpp.h>

#include "rpc/channel.h"
#include "rpc/status.h"
#include "unit/scheduler/scheduler_fixture.h"

namespace takt::scheduler {
namespace {

using OnStart = test::FakeWorker::OnStart;

TEST_F(SchedulerTest, AJobGoesOutRunsAndEndsAndItsEndIsAcknowledged) {
  const auto worker = make_worker(kWorkerOne, "one");
  v1::JobSpec sent = spec("first");
  sent.set_script("#!/bin/sh\nexit 3\n");
  sent.set_stdin_data("input");
  const std::string job = submit(sent);
  watch_until(job, v1::JOB_STATE_RUNNING);
  EXPECT_EQ(get(job).attempts_size(), 1);
  worker->end(job, 3);
  const auto seen = watch_until(job, v1::JOB_STATE_FAILED);
  ASSERT_EQ(seen.size(), 4U) << "queued, starting, running, failed";
  EXPECT_EQ(seen.back().event().end().exit_code(), 3);
  EXPECT_EQ(seen.back().event().worker_id(), kWorkerOne);
  ASSERT_TRUE(worker->wait_acknowledged(job));
  EXPECT_EQ(worker->early_commands(), 0);
  const auto starts = worker->starts();
  ASSERT_EQ(starts.size(), 1U);
  EXPECT_EQ(starts[0].spec().script(), sent.script());
  EXPECT_EQ(starts[0].spec().stdin_data(), "input");
  const v1::Job ended = get("first");
  EXPECT_EQ(ended.job_id(), job);
  EXPECT_EQ(ended.state(), v1::JOB_STATE_FAILED);
  EXPECT_EQ(ended.end().cause(), v1::END_CAUSE_EXITED);
  EXPECT_EQ(ended.attempts(0).worker_name(), "one");
}

TEST_F(SchedulerTest, TheSameRequestIdRunsNothingTwice) {
  const std::string job = submit(spec("a"), "request-1");
  EXPECT_EQ(submit(spec("a"), "request-1"), job);
  v1::SubmitJobResponse response;
  const grpc::Status other = try_submit(spec("b"), "request-1", response);
  EXPECT_EQ(other.error_code(), grpc::StatusCode::ALREADY_EXISTS);
  EXPECT_NE(submit(spec("a"), "request-2"), job);
  restart();
  EXPECT_EQ(submit(spec("a"), "request-1"), job) << "also after a restart";
}

TEST_F(SchedulerTest, ManyAtOnceWithOneRequestIdGetOneJob) {
  std::vector<std::thread> threads;
  std::vector<std::string> ids(16);
  for (std::size_t at = 0; at < ids.size(); ++at)
    threads.emplace_back([&, at] { ids[at] = submit(spec("same"), "together"); });
  for (std::thread& thread : threads) thread.join();
  for (const std::string& id : ids) EXPECT_EQ(id, ids[0]);
}

TEST_F(SchedulerTest, ManySpecsAreTakenAllOrNone) {
  v1::SubmitJobsRequest request;
  *request.add_specs() = spec("x");
  *request.add_specs() = v1::JobSpec();
  v1::SubmitJobsResponse response;
  const grpc::Status refused = jobs_->SubmitJobs(context().get(), request, &response);
  EXPECT_EQ(refused.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(rpc::from_status(refused).field, "specs[1].spec.argv");
  v1::Job job;
  EXPECT_EQ(try_get("x", job).error_code(), grpc::StatusCode::NOT_FOUND);
  *request.mutable_specs(1) = spec("y");
  ASSERT_TRUE(jobs_->SubmitJobs(context().get(), request, &response).ok());
  ASSERT_EQ(response.job_ids_size(), 2);
  EXPECT_EQ(get("y").job_id(), response.job_ids(1));
}

TEST_F(SchedulerTest, BadRequestsNameTheFieldAndWhatIsWrong) {
  v1::SubmitJobResponse response;
  const grpc::Status empty = try_submit(v1::JobSpec(), "", response);
  EXPECT_EQ(empty.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(rpc::from_status(empty).field, "spec.argv");
  v1::JobSpec later = spec();
  later.GetReflection()->MutableUnknownFields(&later)->AddVarint(9999, 1);
  const grpc::Status unknown = try_submit(later, "", response);
  EXPECT_EQ(unknown.error_code(), grpc::StatusCode::UNIMPLEMENTED);
  EXPECT_EQ(rpc::from_status(unknown).field, "spec");
  EXPECT_EQ(try_submit(spec(), std::string(200, 'x'), response).error_code(),
            grpc::StatusCode::INVALID_ARGUMENT);
  v1::Job job;
  EXPECT_EQ(try_get("no id", job).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(try_get("01234567-0000-4000-8000-000000000000", job).error_code(),
            grpc::StatusCode::NOT_FOUND);
  v1::ListJobsRequest list;
  list.set_page_token("nonsense");
  v1::ListJobsResponse listed;
  EXPECT_EQ(jobs_->ListJobs(context().get(), list, &listed).error_code(),
            grpc::StatusCode::INVALID_ARGUMENT);
  v1::RegisterWorkerRequest registration;
  registration.set_worker_id("no uuid");
  v1::RegisterWorkerResponse registered;
  EXPECT_EQ(
      rpc::from_status(registry_->RegisterWorker(context().get(), registration, &registered)).field,
      "worker_id");
}

TEST_F(SchedulerTest, AQueuedJobIsStoppedAtOnce) {
  const std::string job = submit(spec("waits"));
  const auto stopped = stop_job(job.substr(0, 8), "not needed");
  EXPECT_EQ(stopped.job_id(), job);
  EXPECT_EQ(stopped.state(), v1::JOB_STATE_STOPPED);
  EXPECT_EQ(get(job).end().reason(), "not needed");
  EXPECT_EQ(stop_job(job, "again").state(), v1::JOB_STATE_STOPPED);
  EXPECT_EQ(get(job).end().reason(), "not needed");
  const auto worker = make_worker(kWorkerOne, "one");
  const std::string next = submit(spec());
  ASSERT_TRUE(worker->wait_starts(1));
  EXPECT_EQ(worker->starts()[0].job_id(), next) << "the stopped one never goes out";
}

TEST_F(SchedulerTest, ARunningJobIsStoppedByItsWorker) {
  const auto worker = make_worker(kWorkerOne, "one");
  const std::string job = submit(spec());
  watch_until(job, v1::JOB_STATE_RUNNING);
  EXPECT_EQ(stop_job(job, "wrong table").state(), v1::JOB_STATE_RUNNING);
  ASSERT_TRUE(worker->wait_stops(1));
  EXPECT_EQ(worker->stops()[0].reason(), "wrong table");
  EXPECT_FALSE(worker->stops()[0].stopped_by().empty());
  watch_until(job, v1::JOB_STATE_STOPPED);
  EXPECT_FALSE(get(job).stop_requested_by().empty());
}

TEST_F(SchedulerTest, ARefusedStartGoesElsewhere) {
  const auto first = make_worker(kWorkerOne, "one");
  first->on_start(OnStart::kRefuse);
  const std::string job = submit(spec());
  ASSERT_TRUE(first->wait_starts(1));
  const auto second = make_worker(kWorkerTwo, "two");
  ASSERT_TRUE(second->wait_starts(1));
  EXPECT_EQ(second->starts()[0].job_id(), job);
  EXPECT_GT(second->starts()[0].attempt(), first->starts()[0].attempt());
  watch_until(job, v1::JOB_STATE_RUNNING);
  EXPECT_EQ(get(job).attempts(0).end().cause(), v1::END_CAUSE_REJECTED);
}

TEST_F(SchedulerTest, ConstraintsChooseTheWorker) {
  const auto first = make_worker(kWorkerOne, "one");
  const auto second = make_worker(kWorkerTwo, "two");
  v1::JobSpec wanted = spec();
  auto* constraint = wanted.add_constraints();
  constraint->set_key("worker");
  constraint->set_operator_(v1::CONSTRAINT_OPERATOR_EQUAL);
  constraint->add_values("two");
  for (int at = 0; at < 3; ++at) submit(wanted);
  ASSERT_TRUE(second->wait_starts(3));
  EXPECT_TRUE(first->starts().empty());
}

TEST_F(SchedulerTest, AStoreThatFailsRefusesAndThenGoesOn) {
  const auto worker = make_worker(kWorkerOne, "one");
  const std::string before = submit(spec("before"));
  watch_until(before, v1::JOB_STATE_RUNNING);
  const int sessions = worker->sessions();
  {
    SQLite::Database other(config_.state_directory + "/takt.db", SQLite::OPEN_READWRITE, 10000);
    other.exec("BEGIN IMMEDIATE");
    // No retries by the channel: this is about the first answer.
    auto channel = rpc::make_channel(config_.listen.front(), {.retry = false});
    v1::SubmitJobRequest request;
    *request.mutable_spec() = spec("refused");
    v1::SubmitJobResponse response;
    const grpc::Status status =
        v1::JobService::NewStub(*channel)->SubmitJob(context().get(), request, &response);
    EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE) << status.error_message();
    other.exec("ROLLBACK");
  }
  ASSERT_TRUE(worker->wait_sessions(sessions + 1)) << "sessions come back";
  v1::Job job;
  EXPECT_EQ(try_get("refused", job).error_code(), grpc::StatusCode::NOT_FOUND);
  const std::string after = submit(spec("after"));
  watch_until(after, v1::JOB_STATE_RUNNING);
  worker->end(before, 0);
  watch_until(before, v1::JOB_STATE_SUCCEEDED);
}

}  // namespace
}  // namespace takt::scheduler
