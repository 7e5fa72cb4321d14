// SPDX-License-Identifier: Apache-2.0
// The old conductor drives our worker: jobscheduler.Worker from outside.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <memory>
#include <string>

#include "base/fs.h"
#include "component/fleet.h"
#include "jobscheduler/job_scheduler.grpc.pb.h"
#include "rpc/channel.h"
#include "support/old_worker.h"

namespace takt::component {
namespace {

namespace old = ::jobscheduler;
using grpc::StatusCode;

class OldConductor : public Fleet {
 protected:
  void SetUp() override {
    Fleet::SetUp();
    ASSERT_TRUE(make_directories(scripts_ + "/sub", 0755).ok());
    worker_ = &add_worker("one", {.extra = "[compat]\nlisten = " + address_ +
                                           "\ninsecure = yes\nscripts = " + scripts_ + "\n"});
    auto channel = rpc::make_channel(address_);
    ASSERT_TRUE(channel.ok());
    stub_ = old::Worker::NewStub(*channel);
  }

  void script(const std::string& path, const std::string& text) const {
    ASSERT_TRUE(write_file(AT_FDCWD, scripts_ + "/" + path, text + "\n", 0644).ok());
  }
  grpc::Status try_start(const std::string& command, const std::string& path, std::string& job) {
    old::StartJobRequest request;
    request.set_command(command);
    request.set_path(path);
    old::StartJobResponse response;
    const grpc::Status status = stub_->StartJob(context().get(), request, &response);
    job = response.jobid();
    return status;
  }
  std::string start(const std::string& command, const std::string& path) {
    std::string job;
    const grpc::Status status = try_start(command, path, job);
    EXPECT_TRUE(status.ok()) << status.error_message();
    EXPECT_EQ(job.size(), 36U);
    return job;
  }
  grpc::Status stop(const std::string& job) {
    old::StopJobRequest request;
    request.set_jobid(job);
    old::StopJobResponse response;
    return stub_->StopJob(context().get(), request, &response);
  }
  old::QueryJobResponse query(const std::string& job) {
    old::QueryJobRequest request;
    request.set_jobid(job);
    old::QueryJobResponse response;
    const grpc::Status status = stub_->QueryJob(context().get(), request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response;
  }
  // "0", or the errorText, once it has ended.
  std::string end_of(const std::string& job) {
    old::QueryJobResponse found;
    EXPECT_TRUE(eventually([&] {
      found = query(job);
      return found.done();
    }));
    EXPECT_EQ(found.error(), !found.errortext().empty());
    return found.error() ? found.errortext() : "0";
  }
  std::string output_of(const std::string& job) {
    v1::WorkerServiceReadOutputRequest request;
    request.set_job_id(job);
    request.set_follow(true);
    const auto with_deadline = context();
    const auto reader = worker_->stub().ReadOutput(with_deadline.get(), request);
    return read_all_output(*reader, v1::WorkerServiceReadOutputResponse()).out;
  }

  const std::string scripts_ = folder_.path() + "/scripts";
  const std::string address_ = test::free_address();
  WorkerProcess* worker_ = nullptr;
  std::unique_ptr<old::Worker::Stub> stub_;
};

TEST_F(OldConductor, RunsACommandWithOnePathAndHearsHowItEnds) {
  script("ok.sh", "exit 0");
  script("three.sh", "exit 3");
  script("killed.sh", "kill -SEGV $$");
  EXPECT_EQ(end_of(start("sh", "ok.sh")), "0");
  EXPECT_EQ(end_of(start("/bin/sh", "three.sh")), "exit status 3");
  EXPECT_EQ(end_of(start("sh", "killed.sh")).find("signal: segmentation fault"), 0U);
}

TEST_F(OldConductor, JobsRunInTheScriptFolderAsTheDefaultUser) {
  script("sub/where.sh", "id -un; pwd; echo \"$0 $#\"");
  const std::string job = start("sh", "sub/where.sh");
  EXPECT_EQ(output_of(job), "nobody\n" + scripts_ + "\nsub/where.sh 0\n");
  EXPECT_EQ(end_of(job), "0");
}

TEST_F(OldConductor, EachStartIsAJobOfItsOwn) {
  script("count.sh", "echo ran >> " + shared("ran"));
  const std::string first = start("sh", "count.sh");
  const std::string second = start("sh", "count.sh");
  EXPECT_NE(first, second);
  EXPECT_EQ(end_of(first) + end_of(second), "00");
  EXPECT_EQ(read_shared("ran"), "ran\nran\n");
}

TEST_F(OldConductor, AnAnswerComesWhileTheJobRuns) {
  Gate gate(shared("gate"));
  script("wait.sh", ": < " + gate.path() + "; exit 4");
  const std::string job = start("sh", "wait.sh");
  const old::QueryJobResponse found = query(job);
  EXPECT_FALSE(found.done());
  EXPECT_FALSE(found.error());
  EXPECT_EQ(found.errortext(), "");
  gate.open();
  EXPECT_EQ(end_of(job), "exit status 4");
}

TEST_F(OldConductor, StopKillsTheWholeTreeAtOnce) {
  script("tree.sh",
         "trap '' TERM\nsetsid sh -c 'trap \"\" TERM; while :; do sleep 1000; done' &\n"
         "echo up > " +
             shared("up") + "\nwhile :; do sleep 1000; done");
  const std::string job = start("sh", "tree.sh");
  ASSERT_TRUE(eventually([&] { return read_shared("up") == "up\n"; }));
  const grpc::Status stopped = stop(job);
  EXPECT_TRUE(stopped.ok()) << stopped.error_message();
  EXPECT_EQ(end_of(job), "signal: killed");
  EXPECT_TRUE(eventually([&] { return !worker_->populated(); })) << "nothing is left of the tree";
  EXPECT_TRUE(stop(job).ok()) << "it has ended: a success";
  EXPECT_EQ(end_of(job), "signal: killed");
}

TEST_F(OldConductor, AnUnknownJobIsNotFound) {
  for (const char* id : {"7d1f3a52-9a0c-4c38-8a54-2f2f6f1f0c11", "nonsense", ""}) {
    const grpc::Status stopped = stop(id);
    EXPECT_EQ(stopped.error_code(), StatusCode::NOT_FOUND) << id;
    EXPECT_EQ(stopped.error_message(), "job not found");
    old::QueryJobRequest request;
    request.set_jobid(id);
    old::QueryJobResponse response;
    const grpc::Status queried = stub_->QueryJob(context().get(), request, &response);
    EXPECT_EQ(queried.error_code(), StatusCode::NOT_FOUND) << id;
    EXPECT_EQ(queried.error_message(), "job not found");
  }
}

TEST_F(OldConductor, WhatCannotStartIsAnError) {
  script("ok.sh", "exit 0");
  std::string job;
  const grpc::Status failed = try_start("no-such-program", "ok.sh", job);
  EXPECT_EQ(failed.error_code(), StatusCode::FAILED_PRECONDITION) << failed.error_message();
  EXPECT_NE(failed.error_message().find("no-such-program"), std::string::npos);
  EXPECT_EQ(job, "");
  EXPECT_EQ(try_start("", "ok.sh", job).error_code(), StatusCode::INVALID_ARGUMENT);
}

TEST_F(OldConductor, NothingOutsideTheScriptFolderIsRun) {
  script("ok.sh", "exit 0");
  ASSERT_TRUE(write_file(AT_FDCWD, folder_.path() + "/outside.sh", "exit 0\n", 0644).ok());
  ASSERT_EQ(::symlink("../outside.sh", (scripts_ + "/link.sh").c_str()), 0);
  ASSERT_EQ(::symlink("ok.sh", (scripts_ + "/inner.sh").c_str()), 0);
  for (const std::string& path :
       {std::string(), std::string("nothing.sh"), scripts_ + "/ok.sh", std::string("../outside.sh"),
        std::string("sub/../ok.sh"), std::string("link.sh"), std::string("sub")}) {
    std::string job;
    const grpc::Status refused = try_start("sh", path, job);
    EXPECT_EQ(refused.error_code(), StatusCode::INVALID_ARGUMENT) << path;
    EXPECT_NE(refused.error_message().find("path"), std::string::npos) << refused.error_message();
  }
  EXPECT_EQ(end_of(start("sh", "inner.sh")), "0");
}

TEST_F(OldConductor, ItStopsNoJobOfOthers) {
  v1::WorkerServiceStartJobRequest request;
  *request.mutable_spec() = sh("exec sleep 1000");
  v1::WorkerServiceStartJobResponse response;
  ASSERT_TRUE(worker_->stub().StartJob(context().get(), request, &response).ok());
  const std::string job = response.attempt().job_id();
  EXPECT_EQ(stop(job).error_code(), StatusCode::PERMISSION_DENIED);
  EXPECT_FALSE(query(job).done());
  v1::WorkerServiceStopJobRequest end;
  end.set_job_id(job);
  v1::WorkerServiceStopJobResponse ended;
  EXPECT_TRUE(worker_->stub().StopJob(context().get(), end, &ended).ok());
}

TEST_F(OldConductor, ItsJobsSurviveTheWorker) {
  Gate gate(shared("gate"));
  script("wait.sh", "echo up > " + shared("up") + "; : < " + gate.path() + "; exit 5");
  const std::string job = start("sh", "wait.sh");
  ASSERT_TRUE(eventually([&] { return read_shared("up") == "up\n"; }));
  worker_->kill();
  worker_->start();
  ASSERT_TRUE(wait_worker("one", v1::WORKER_STATE_READY));
  EXPECT_FALSE(query(job).done());
  gate.open();
  EXPECT_EQ(end_of(job), "exit status 5");
}

}  // namespace
}  // namespace takt::component
