// SPDX-License-Identifier: Apache-2.0
// What a running job is held to, and what is told of it meanwhile: limits, time, pauses, usage.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <string>

#include "attempt/records.h"
#include "base/fs.h"
#include "base/limits.h"
#include "component/fleet.h"
#include "component/frozen_disk.h"

namespace takt::component {
namespace {

class Promises : public Fleet {
 protected:
  grpc::Status pause(const std::string& job) {
    const auto call = context();
    v1::PauseJobRequest request;
    request.set_job_id(job);
    v1::PauseJobResponse response;
    return jobs_->PauseJob(call.get(), request, &response);
  }
  grpc::Status resume(const std::string& job) {
    const auto call = context();
    v1::ResumeJobRequest request;
    request.set_job_id(job);
    v1::ResumeJobResponse response;
    return jobs_->ResumeJob(call.get(), request, &response);
  }
  // A job that counts in `file` as fast as it can be seen, and is up.
  std::string start_counting(const std::string& file) {
    const std::string job =
        submit(sh("i=0; while :; do i=$((i+1)); echo $i > " + shared(file) + "; done"));
    EXPECT_TRUE(eventually([&] { return !read_shared(file).empty(); }));
    EXPECT_TRUE(wait_state(job, v1::JOB_STATE_RUNNING));
    return job;
  }
  bool moves(const std::string& file) {
    const std::string before = read_shared(file);
    return eventually([&] { return read_shared(file) != before; });
  }
  // What the worker has noted of its scheduler last; nothing yet: empty.
  static std::string contact(const WorkerProcess& worker) {
    const auto state = open_directory(AT_FDCWD, worker.state());
    const auto names = list_directory(state.value().get());
    for (const std::string& name : names.value())
      if (name.starts_with("contact."))
        return read_file(state->get(), name, limits::kRecordMaxBytes).value();
    return "";
  }
  attempt::SupervisorRecord notes(const WorkerProcess& worker, const std::string& job) {
    const auto folder = open_directory(AT_FDCWD, worker.state() + "/jobs/" + job + "/1");
    return attempt::read_supervisor_record(folder.value().get()).value();
  }
};

// --- pause and resume ---

TEST_F(Promises, APausedJobStandsStillAndRunsOn) {
  add_worker("one");
  const std::string job = start_counting("count");
  ASSERT_TRUE(pause(job).ok());
  EXPECT_EQ(get(job).state(), v1::JOB_STATE_PAUSED) << "it is so when the answer comes";
  const std::string frozen = read_shared("count");
  EXPECT_TRUE(pause(job).ok()) << "paused already";
  EXPECT_EQ(read_shared("count"), frozen);
  ASSERT_TRUE(resume(job).ok());
  EXPECT_EQ(get(job).state(), v1::JOB_STATE_RUNNING);
  EXPECT_TRUE(moves("count"));
  EXPECT_TRUE(resume(job).ok()) << "running already";
  stop(job, "");
  ended(job);
}

TEST_F(Promises, APausedJobCanBeStopped) {
  add_worker("one");
  const std::string job = submit(sh("while :; do sleep 0.01; done"));
  ASSERT_TRUE(wait_state(job, v1::JOB_STATE_RUNNING));
  ASSERT_TRUE(pause(job).ok());
  stop(job, "enough");
  const v1::Job found = ended(job);
  EXPECT_EQ(found.state(), v1::JOB_STATE_STOPPED);
  EXPECT_EQ(found.end().reason(), "enough");
}

TEST_F(Promises, APauseOutlivesTheWorkerAndTheScheduler) {
  WorkerProcess& worker = add_worker("one");
  const std::string job = start_counting("count");
  ASSERT_TRUE(pause(job).ok());
  worker.kill();
  scheduler_->kill();
  scheduler_->start();
  worker.start();
  ASSERT_TRUE(wait_worker("one", v1::WORKER_STATE_READY));
  EXPECT_EQ(get(job).state(), v1::JOB_STATE_PAUSED);
  ASSERT_TRUE(resume(job).ok());
  EXPECT_TRUE(moves("count"));
  stop(job, "");
  ended(job);
}

TEST_F(Promises, WhatDoesNotRunIsNotPaused) {
  const std::string queued = submit(sh("true"));
  EXPECT_EQ(pause(queued).error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_EQ(pause("7d1f").error_code(), grpc::StatusCode::NOT_FOUND);
  add_worker("one");
  ended(queued);
  const grpc::Status over = pause(queued);
  EXPECT_EQ(over.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_NE(over.error_message().find("has ended"), std::string::npos) << over.error_message();
  EXPECT_EQ(resume(queued).error_code(), grpc::StatusCode::FAILED_PRECONDITION);
}

TEST_F(Promises, AWorkerOutOfReachIsSaidSo) {
  WorkerProcess& worker = add_worker("one");
  const std::string job = start_counting("count");
  worker.kill();
  ASSERT_TRUE(eventually([&] { return pause(job).error_code() == grpc::StatusCode::UNAVAILABLE; }));
  EXPECT_TRUE(moves("count")) << "the job goes on as it is";
  worker.start();
  ASSERT_TRUE(wait_worker("one", v1::WORKER_STATE_READY));
  ASSERT_TRUE(eventually([&] { return pause(job).ok(); }));
  stop(job, "");
  ended(job);
}

// --- the time limit ---

TEST_F(Promises, AJobThatRunsTooLongIsEndedAndSaysSo) {
  WorkerProcess& worker = add_worker("one");
  v1::JobSpec spec = sh("sleep 1000 & exec sleep 1000");
  spec.mutable_run_time_limit()->set_nanos(300'000'000);
  const v1::Job found = ended(submit(spec));
  EXPECT_EQ(found.state(), v1::JOB_STATE_FAILED);
  EXPECT_EQ(found.end().cause(), v1::END_CAUSE_TIMED_OUT);
  EXPECT_EQ(found.end().run_time_limit().nanos(), 300'000'000);
  EXPECT_EQ(found.end().signal(), SIGTERM);
  EXPECT_GE(found.attempts(0).usage().wall().nanos(), 300'000'000);
  EXPECT_FALSE(worker.populated());
}

TEST_F(Promises, TheTimeLimitHoldsWhileTheWorkerIsDown) {
  WorkerProcess& worker = add_worker("one");
  v1::JobSpec spec = sh("exec sleep 1000");
  spec.mutable_run_time_limit()->set_seconds(1);
  const std::string job = submit(spec);
  ASSERT_TRUE(wait_state(job, v1::JOB_STATE_RUNNING));
  worker.kill();
  EXPECT_TRUE(eventually([&] { return !worker.populated(); })) << "its supervisor saw to it";
  worker.start();
  EXPECT_EQ(ended(job).end().cause(), v1::END_CAUSE_TIMED_OUT);
}

TEST_F(Promises, ASupervisorThatDoesNotKeepTheLimitIsOverruled) {
  WorkerProcess& worker = add_worker("one");
  v1::JobSpec spec = sh("echo up; exec sleep 1000");
  spec.mutable_run_time_limit()->set_seconds(10);  // it is to be stopped before
  spec.mutable_stop()->mutable_grace();
  const std::string job = submit(spec);
  ASSERT_TRUE(wait_state(job, v1::JOB_STATE_RUNNING));
  ASSERT_EQ(::kill(notes(worker, job).pid, SIGSTOP), 0);
  const v1::Job found = ended(job);
  EXPECT_EQ(found.end().cause(), v1::END_CAUSE_TIMED_OUT) << found.end().message();
  EXPECT_TRUE(found.end().killed());
  EXPECT_EQ(found.end().note(), "cleanup lost");
}

// --- leases ---

TEST_F(Promises, AJobWithALeaseIsEndedWhereItRunsWhenNoSchedulerIsThere) {
  WorkerProcess& worker = add_worker("one");
  v1::JobSpec spec = sh("exec sleep 1000");
  const std::string other = submit(spec);
  spec.mutable_lease()->set_seconds(10);
  const std::string job = submit(spec);
  ASSERT_TRUE(wait_state(job, v1::JOB_STATE_RUNNING));
  ASSERT_TRUE(wait_state(other, v1::JOB_STATE_RUNNING));
  const std::string noted = contact(worker);
  ASSERT_TRUE(eventually([&] { return contact(worker) != noted; })) << "each heartbeat is noted";
  scheduler_->kill();
  const std::string record = worker.state() + "/jobs/" + job + "/1/exit";
  EXPECT_TRUE(eventually([&] { return ::access(record.c_str(), F_OK) == 0; }));
  scheduler_->start();
  const v1::Job found = ended(job);
  EXPECT_EQ(found.end().cause(), v1::END_CAUSE_WORKER_LOST);
  EXPECT_EQ(found.end().message(),
            "worker lost: nothing was heard from its scheduler within its lease of 10s");
  EXPECT_EQ(get(other).state(), v1::JOB_STATE_RUNNING) << "without a lease it runs on";
  stop(other, "enough");
  EXPECT_EQ(ended(other).state(), v1::JOB_STATE_STOPPED);
}

TEST_F(Promises, AJobOfNoSchedulerCanHaveNoLease) {
  v1::WorkerServiceStartJobRequest request;
  *request.mutable_spec() = sh("true");
  request.mutable_spec()->mutable_lease()->set_seconds(10);
  v1::WorkerServiceStartJobResponse response;
  const grpc::Status refused =
      add_worker("one").stub().StartJob(context().get(), request, &response);
  EXPECT_EQ(refused.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_NE(refused.error_message().find("spec.lease"), std::string::npos);
}

// --- limits ---

TEST_F(Promises, ALimitHoldsOrTheStartIsRefusedByName) {
  WorkerProcess& worker = add_worker("one");
  const auto call = context();
  v1::ListWorkersResponse workers;
  ASSERT_TRUE(operator_->ListWorkers(call.get(), {}, &workers).ok());
  const auto& controllers = workers.workers(0).capacity().controllers();
  struct Case {
    const char* controller;
    const char* field;
    void (v1::Resources::*set)(std::int64_t);
    std::int64_t value;
  };
  for (const Case& c :
       {Case{"memory", "spec.resources.memory_bytes", &v1::Resources::set_memory_bytes,
             std::int64_t{64} << 20},
        Case{"pids", "spec.resources.tasks", &v1::Resources::set_tasks, 16},
        Case{"cpu", "spec.resources.cpu_millicores", &v1::Resources::set_cpu_millicores, 500}}) {
    v1::JobSpec spec = sh("true");
    (spec.mutable_resources()->*c.set)(c.value);
    const v1::Job found = ended(submit(spec));
    if (std::find(controllers.begin(), controllers.end(), c.controller) != controllers.end()) {
      EXPECT_EQ(found.state(), v1::JOB_STATE_SUCCEEDED) << found.end().message();
      continue;
    }
    EXPECT_EQ(found.end().cause(), v1::END_CAUSE_START_FAILED) << c.controller;
    EXPECT_EQ(found.end().failed_step(), "limits");
    EXPECT_EQ(found.end().field(), c.field);
    EXPECT_NE(found.end().message().find("no " + std::string(c.controller) + " controller"),
              std::string::npos)
        << found.end().message();
    EXPECT_FALSE(found.attempts(0).has_start_time()) << "no line of it has run";
  }
  EXPECT_FALSE(worker.populated());
}

TEST_F(Promises, UmaskNicenessAndPrivilegesAreTheJobsOwn) {
  add_worker("one");
  v1::JobSpec spec = sh("umask; nice; grep NoNewPrivs /proc/self/status");
  spec.set_umask(027);
  spec.set_nice(7);
  spec.set_allow_new_privileges(true);
  EXPECT_EQ(follow(submit(spec)).out, "0027\n7\nNoNewPrivs:\t0\n");
}

// --- what is told of a running job ---

TEST_F(Promises, WhatARunningJobUsesIsToldMeanwhile) {
  add_worker("one");
  const std::string job = start_counting("count");
  ASSERT_TRUE(eventually([&] {
    const v1::Job found = get(job);
    return found.attempts(0).usage().has_cpu_user() && found.attempts(0).usage().has_wall();
  }));
  stop(job, "");
  const v1::Job found = ended(job);
  EXPECT_FALSE(found.attempts(0).usage().has_memory_bytes()) << "that was for its life";
  EXPECT_TRUE(found.attempts(0).usage().has_wall());
}

TEST_F(Promises, WhatIsLeftOfAnEndingJobIsNamed) {
  WorkerProcess& worker = add_worker("one");
  v1::JobSpec spec =
      sh("trap '' TERM; echo up > " + shared("up") + "; while :; do sleep 0.01; done");
  spec.mutable_stop()->mutable_grace()->set_seconds(3600);
  const std::string job = submit(spec);
  ASSERT_TRUE(wait_state(job, v1::JOB_STATE_RUNNING));
  ASSERT_TRUE(eventually([&] { return read_shared("up") == "up\n"; }));
  stop(job, "");
  v1::Attempt left;
  ASSERT_TRUE(eventually([&] {
    grpc::ClientContext call;
    v1::QueryJobRequest request;
    request.set_job_id(job);
    v1::QueryJobResponse response;
    EXPECT_TRUE(worker.stub().QueryJob(&call, request, &response).ok());
    left = response.attempt();
    return left.remaining_size() > 0;
  }));
  EXPECT_EQ(left.state(), v1::JOB_STATE_ENDING);
  EXPECT_EQ(left.remaining(0).name(), "sh");
  EXPECT_FALSE(left.remaining(0).state().empty());
  ASSERT_TRUE(eventually([&] { return get(job).attempts(0).remaining_size() > 0; }))
      << "the scheduler hears of it, too";
  ASSERT_EQ(::kill(left.leader_pid(), SIGKILL), 0);
  EXPECT_EQ(ended(job).attempts(0).remaining_size(), 0);
}

// The kernel cuts the name of a program after 15 bytes, here within a character.
TEST_F(Promises, AProcessNameThatIsNotUtf8KeepsNoWorkerOutOfReach) {
  add_worker("one");
  const std::string program = shared("aaaaaaaaaaaaaa\xc3\xa9");
  v1::JobSpec spec = sh("ln -s /bin/sh " + program + "; trap '' TERM; exec " + program +
                        " -c 'echo up > " + shared("up") + "; while :; do sleep 0.01; done'");
  spec.mutable_stop()->mutable_grace()->set_seconds(3600);
  const std::string job = submit(spec);
  ASSERT_TRUE(eventually([&] { return read_shared("up") == "up\n"; }));
  stop(job, "");
  ASSERT_TRUE(eventually([&] { return get(job).attempts(0).remaining_size() > 0; }))
      << "the scheduler cannot read what the worker reports";
  const v1::Job found = get(job);
  EXPECT_EQ(found.attempts(0).remaining(0).name(), "aaaaaaaaaaaaaa?");
  EXPECT_FALSE(found.has_unreachable_since_time());
  ASSERT_EQ(::kill(found.attempts(0).leader_pid(), SIGKILL), 0);
  EXPECT_EQ(ended(job).state(), v1::JOB_STATE_STOPPED);
}

TEST_F(Promises, AProcessThatCannotBeKilledIsNamedAndTheWorkerGoesOn) {
  WorkerProcess& worker = add_worker("one");
  const test::TempFolder folder;
  ASSERT_EQ(::chmod(folder.path().c_str(), 0755), 0);
  FrozenDisk disk(folder.path());
  v1::JobSpec spec = sh("echo > " + shared("up") + "; echo > " + disk.path() + "/file");
  spec.mutable_stop()->mutable_grace();
  disk.freeze();
  const std::string job = submit(spec);
  ASSERT_TRUE(eventually([&] { return read_shared("up") == "\n"; }));
  stop(job, "hangs");
  ASSERT_TRUE(
      eventually([&] { return worker.log().find("processes do not go: ") != std::string::npos; }));
  EXPECT_EQ(ended(submit(sh("true"))).state(), v1::JOB_STATE_SUCCEEDED) << "the worker goes on";
  v1::Job found = get(job);
  EXPECT_EQ(found.state(), v1::JOB_STATE_ENDING);
  ASSERT_EQ(found.attempts(0).remaining_size(), 1);
  const v1::Process& process = found.attempts(0).remaining(0);
  EXPECT_EQ(process.name(), "sh");
  EXPECT_EQ(process.state(), "D");
  EXPECT_NE(process.wait_channel(), "");
  EXPECT_GE(process.waited().seconds(), 12);
  disk.thaw();
  found = ended(job);
  EXPECT_EQ(found.state(), v1::JOB_STATE_STOPPED);
  EXPECT_EQ(found.end().reason(), "hangs");
  EXPECT_TRUE(found.end().killed());
}

}  // namespace
}  // namespace takt::component
