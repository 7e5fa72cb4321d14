// SPDX-License-Identifier: Apache-2.0
// Old workers join our scheduler: jobscheduler.Scheduler from outside.
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "component/fleet.h"
#include "jobscheduler/job_scheduler.grpc.pb.h"
#include "rpc/channel.h"
#include "support/old_worker.h"

namespace takt::component {
namespace {

namespace old = ::jobscheduler;
using OnStart = test::OldWorker::OnStart;

class OldWorkers : public Fleet {
 protected:
  void SetUp() override {
    Fleet::SetUp();
    auto channel = rpc::make_channel(door_);
    ASSERT_TRUE(channel.ok());
    stub_ = old::Scheduler::NewStub(*channel);
  }
  std::string scheduler_extra() override {
    return "[workers]\nunreachable_after = 10s\n[compat]\nlisten = " + door_ +
           "\ninsecure = yes\nslots = 4\n";
  }

  grpc::Status try_register(const std::string& address, std::string& id) {
    old::RegisterWorkerRequest request;
    request.set_address(address);
    old::RegisterWorkerResponse response;
    const grpc::Status status = stub_->RegisterWorker(context().get(), request, &response);
    EXPECT_EQ(response.success(), status.ok());
    id = response.workerid();
    return status;
  }
  // Registers the old worker, and waits until it is given jobs.
  std::string join() {
    std::string id;
    const grpc::Status status = try_register(old_.address(), id);
    EXPECT_TRUE(status.ok()) << status.error_message();
    EXPECT_TRUE(wait_worker(name_, v1::WORKER_STATE_READY));
    return id;
  }
  bool deregister(const std::string& id) {
    old::DeregisterWorkerRequest request;
    request.set_workerid(id);
    old::DeregisterWorkerResponse response;
    const grpc::Status status = stub_->DeregisterWorker(context().get(), request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response.success();
  }
  static v1::JobSpec command(const std::string& program, const std::string& path) {
    v1::JobSpec spec;
    spec.add_argv(program);
    spec.add_argv(path);
    return spec;
  }
  // A job that runs on the old worker; its id there.
  std::string submit_running(std::string& job) {
    const std::size_t before = old_.starts().size();
    job = submit(command("sh", "job.sh"));
    EXPECT_TRUE(old_.wait_starts(before + 1));
    EXPECT_TRUE(wait_state(job, v1::JOB_STATE_RUNNING));
    return old_.starts().at(before).id;
  }
  v1::Job ended_with(const std::string& text) {
    std::string job;
    old_.end(submit_running(job), text);
    return ended(job);
  }

  const std::string door_ = test::free_address();
  test::OldWorker old_;
  const std::string name_ = "jobscheduler@" + old_.address();
  std::unique_ptr<old::Scheduler::Stub> stub_;
};

TEST_F(OldWorkers, OneJoinsAndIsShownAsWhatItIs) {
  const std::string id = join();
  v1::ListWorkersResponse response;
  ASSERT_TRUE(operator_->ListWorkers(context().get(), {}, &response).ok());
  ASSERT_EQ(response.workers_size(), 1);
  const v1::Worker& worker = response.workers(0);
  EXPECT_EQ(worker.worker_id(), id);
  EXPECT_EQ(worker.version(), "jobscheduler");
  EXPECT_EQ(worker.labels().at("takt.compat"), "jobscheduler");
  EXPECT_EQ(worker.capacity().slots(), 4);
  EXPECT_EQ(join(), id) << "the same address is the same worker";
}

TEST_F(OldWorkers, ItRunsACommandWithAPathAndItsEndIsAsItTells) {
  join();
  v1::Job job = ended_with("");
  EXPECT_EQ(old_.starts().at(0).command, "sh");
  EXPECT_EQ(old_.starts().at(0).path, "job.sh");
  EXPECT_EQ(job.state(), v1::JOB_STATE_SUCCEEDED);
  EXPECT_EQ(job.end().exit_code(), 0);
  EXPECT_NE(job.end().note().find("known only as far as the old worker"), std::string::npos);
  EXPECT_EQ(job.attempts(0).worker_name(), name_);
  const Output output = follow(job.job_id());
  EXPECT_TRUE(output.status.ok()) << output.status.error_message();
  EXPECT_TRUE(output.complete);
  EXPECT_EQ(output.out + output.err, "");
  job = ended_with("exit status 3");
  EXPECT_EQ(job.state(), v1::JOB_STATE_FAILED);
  EXPECT_EQ(job.end().cause(), v1::END_CAUSE_EXITED);
  EXPECT_EQ(job.end().exit_code(), 3);
  job = ended_with("signal: segmentation fault (core dumped)");
  EXPECT_EQ(job.end().cause(), v1::END_CAUSE_SIGNALED);
  EXPECT_EQ(job.end().signal(), 11);
  EXPECT_TRUE(job.end().core_dumped());
  job = ended_with("who knows");
  EXPECT_EQ(job.state(), v1::JOB_STATE_FAILED);
  EXPECT_EQ(job.end().message(), "ended with an error: who knows");
}

TEST_F(OldWorkers, AFollowerHearsOfTheEnd) {
  join();
  std::string job;
  const std::string id = submit_running(job);
  v1::ReadOutputRequest request;
  request.set_job_id(job);
  request.set_follow(true);
  const auto with_deadline = context();
  const auto reader = jobs_->ReadOutput(with_deadline.get(), request);
  old_.end(id, "");
  const Output output = read_all_output(*reader, v1::ReadOutputResponse());
  EXPECT_TRUE(output.status.ok()) << output.status.error_message();
  EXPECT_TRUE(output.complete);
}

TEST_F(OldWorkers, AStopIsTheOldStop) {
  join();
  std::string job;
  submit_running(job);
  stop(job, "enough");
  v1::Job found = ended(job);
  EXPECT_EQ(found.state(), v1::JOB_STATE_STOPPED);
  EXPECT_EQ(found.end().reason(), "enough");
  EXPECT_EQ(found.end().signal(), 9);
  EXPECT_EQ(old_.stops(), 1U);
  // One that had just exited by itself was not stopped.
  old_.on_stop("exit status 7");
  submit_running(job);
  stop(job, "too late");
  found = ended(job);
  EXPECT_EQ(found.end().cause(), v1::END_CAUSE_EXITED);
  EXPECT_EQ(found.end().exit_code(), 7);
}

TEST_F(OldWorkers, ItsJobsCannotBePausedAndTheAnswerSaysSo) {
  join();
  std::string job;
  const std::string there = submit_running(job);
  v1::PauseJobRequest request;
  request.set_job_id(job);
  v1::PauseJobResponse response;
  const grpc::Status refused = jobs_->PauseJob(context().get(), request, &response);
  EXPECT_EQ(refused.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_EQ(get(job).state(), v1::JOB_STATE_RUNNING);
  old_.end(there, "");
  EXPECT_EQ(ended(job).state(), v1::JOB_STATE_SUCCEEDED);
}

TEST_F(OldWorkers, WhatCannotStartFails) {
  join();
  old_.on_start(OnStart::kRefuse);
  const v1::Job job = ended(submit(command("nothing", "job.sh")));
  EXPECT_EQ(job.end().cause(), v1::END_CAUSE_START_FAILED);
  EXPECT_NE(job.end().message().find("executable file not found"), std::string::npos);
  EXPECT_EQ(old_.starts().size(), 1U);
}

TEST_F(OldWorkers, WhatItCannotRunGoesElsewhere) {
  join();
  const std::string job = submit(sh("echo hello"));
  ASSERT_TRUE(eventually([&] { return get(job).attempts_size() == 1; }));
  ASSERT_TRUE(wait_state(job, v1::JOB_STATE_QUEUED));
  add_worker("one");
  EXPECT_EQ(follow(job).out, "hello\n");
  EXPECT_EQ(ended(job).attempts(1).worker_name(), "one");
  EXPECT_TRUE(old_.starts().empty());
}

// The start may have arrived: it is not tried again.
TEST_F(OldWorkers, AStartWithoutAnAnswerIsAnEnd) {
  join();
  old_.on_start(OnStart::kHang);
  const v1::Job job = ended(submit(command("sh", "job.sh")));
  EXPECT_EQ(job.end().cause(), v1::END_CAUSE_WORKER_LOST);
  EXPECT_NE(job.end().message().find("whether the command ran is not known"), std::string::npos);
  EXPECT_EQ(job.attempts_size(), 1);
  EXPECT_EQ(old_.starts().size(), 1U);
}

TEST_F(OldWorkers, OneThatDiesIsUnreachableAndItsJobsAreLostWhenItComesBackWithoutThem) {
  join();
  std::string job;
  submit_running(job);
  old_.die();
  ASSERT_TRUE(wait_worker(name_, v1::WORKER_STATE_UNREACHABLE));
  EXPECT_EQ(get(job).state(), v1::JOB_STATE_RUNNING) << "nobody knows";
  const std::string waiting = submit(command("sh", "later.sh"));
  old_.serve();
  join();
  EXPECT_EQ(ended(job).end().cause(), v1::END_CAUSE_WORKER_LOST);
  EXPECT_NE(ended(job).end().message().find("does not know the job any more"), std::string::npos);
  ASSERT_TRUE(old_.wait_starts(2));
  EXPECT_EQ(old_.starts().at(1).path, "later.sh");
  old_.end(old_.starts().at(1).id, "");
  EXPECT_EQ(ended(waiting).state(), v1::JOB_STATE_SUCCEEDED);
  EXPECT_EQ(old_.starts().size(), 2U) << "nothing ran twice";
}

TEST_F(OldWorkers, ASchedulerThatRestartsRunsNothingTwice) {
  const std::string id = join();
  std::string first;
  std::string second;
  const std::string old_first = submit_running(first);
  const std::string old_second = submit_running(second);
  scheduler_->kill();
  old_.end(old_first, "exit status 3");
  scheduler_->start();
  EXPECT_EQ(ended(first).end().exit_code(), 3) << "it ended meanwhile";
  EXPECT_EQ(get(second).state(), v1::JOB_STATE_RUNNING);
  scheduler_->stop();
  scheduler_->start();
  old_.end(old_second, "");
  EXPECT_EQ(ended(second).state(), v1::JOB_STATE_SUCCEEDED);
  EXPECT_EQ(ended(second).attempts_size(), 1);
  EXPECT_EQ(old_.starts().size(), 2U);
  EXPECT_EQ(join(), id);
}

TEST_F(OldWorkers, ASchedulerKilledWithinAStartDoesNotTryItAgain) {
  join();
  old_.on_start(OnStart::kHang);
  const std::string job = submit(command("sh", "job.sh"));
  ASSERT_TRUE(old_.wait_starts(1));
  scheduler_->kill();
  old_.on_start(OnStart::kRun);
  scheduler_->start();
  const v1::Job found = ended(job);
  EXPECT_EQ(found.end().cause(), v1::END_CAUSE_WORKER_LOST);
  EXPECT_NE(found.end().message().find("is not known"), std::string::npos);
  EXPECT_EQ(old_.starts().size(), 1U);
}

TEST_F(OldWorkers, AStopIsKeptOverARestart) {
  join();
  std::string job;
  submit_running(job);
  scheduler_->kill();
  scheduler_->start();
  stop(job, "after all");
  const v1::Job found = ended(job);
  EXPECT_EQ(found.state(), v1::JOB_STATE_STOPPED);
  EXPECT_EQ(found.end().reason(), "after all");
}

TEST_F(OldWorkers, OneThatDeregistersIsAwayUntilItComesAgain) {
  const std::string id = join();
  EXPECT_TRUE(deregister(id));
  EXPECT_TRUE(wait_worker(name_, v1::WORKER_STATE_AWAY));
  const std::string job = submit(command("sh", "job.sh"));
  scheduler_->stop();
  scheduler_->start();
  EXPECT_TRUE(wait_worker(name_, v1::WORKER_STATE_AWAY));
  EXPECT_EQ(get(job).state(), v1::JOB_STATE_QUEUED);
  EXPECT_FALSE(deregister("7d1f3a52-9a0c-4c38-8a54-2f2f6f1f0c11"));
  EXPECT_FALSE(deregister("nonsense"));
  EXPECT_EQ(join(), id);
  ASSERT_TRUE(old_.wait_starts(1));
  old_.end(old_.starts().at(0).id, "");
  EXPECT_EQ(ended(job).state(), v1::JOB_STATE_SUCCEEDED);
}

TEST_F(OldWorkers, AddressesThatCannotBeAreRefused) {
  for (const char* address :
       {"", "nonsense", "unix:/run/x.sock", ":7000", "host:0", "host:99999"}) {
    std::string id;
    const grpc::Status status = try_register(address, id);
    EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT) << address;
    EXPECT_NE(status.error_message().find("address"), std::string::npos);
  }
}

// Nobody answers there: it is known, gets no jobs, and does not hurt.
TEST_F(OldWorkers, OneThatIsNotThereGetsNothing) {
  old_.die();
  std::string id;
  ASSERT_TRUE(try_register(old_.address(), id).ok());
  const std::string job = submit(command("sh", "job.sh"));
  EXPECT_TRUE(wait_worker(name_, v1::WORKER_STATE_UNREACHABLE));
  EXPECT_EQ(get(job).state(), v1::JOB_STATE_QUEUED);
  old_.serve();
  EXPECT_TRUE(wait_worker(name_, v1::WORKER_STATE_READY));
  ASSERT_TRUE(old_.wait_starts(1));
  old_.end(old_.starts().at(0).id, "");
  EXPECT_EQ(ended(job).state(), v1::JOB_STATE_SUCCEEDED);
}

}  // namespace
}  // namespace takt::component
