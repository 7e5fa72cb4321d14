// SPDX-License-Identifier: Apache-2.0
// Records that a worker finds torn, or of a version that it does not know, when it comes back: each
// is told, none of them stops it, and what is said of the attempt stays true.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <csignal>
#include <string>

#include "base/clock.h"
#include "base/codec.h"
#include "base/fs.h"
#include "component/fleet.h"

namespace takt::component {
namespace {

class Damaged : public Fleet {
 protected:
  void SetUp() override {
    Fleet::SetUp();
    worker_ = &add_worker("one");
  }
  // A job that leaves a witness, waits at the gate and exits with 7; it runs when this returns.
  std::string start_gated() {
    const std::string job = submit(
        sh("echo ran >> " + shared("ran") + "; echo a; : < " + gate_.path() + "; echo b; exit 7"));
    EXPECT_TRUE(wait_state(job, v1::JOB_STATE_RUNNING));
    EXPECT_TRUE(eventually([&] { return read_shared("ran") == "ran\n"; }));
    return job;
  }
  [[nodiscard]] std::string file(const std::string& job, const std::string& name) const {
    return worker_->state() + "/jobs/" + job + "/1/" + name;
  }
  static std::string read(const std::string& path) {
    const auto text = read_file(AT_FDCWD, path, 1 << 20);
    return text ? *text : "";
  }
  static bool exists(const std::string& path) { return ::access(path.c_str(), F_OK) == 0; }
  static void put(const std::string& path, const std::string& text) {
    ASSERT_TRUE(write_file(AT_FDCWD, path, text, 0600).ok()) << path;
  }
  static void tear(const std::string& path) {
    const std::string whole = read(path);
    ASSERT_FALSE(whole.empty()) << path;
    put(path, whole.substr(0, whole.size() / 2));
  }
  // Takes the lines with this key out of a record.
  static void drop_line(const std::string& path, const std::string& key) {
    std::string text = read(path);
    const std::size_t at = text.find("\n" + key + "=") + 1;
    ASSERT_NE(at, 0U) << text;
    text.erase(at, text.find('\n', at) + 1 - at);
    put(path, text);
  }
  static std::string with_version(std::string record, char version) {
    record[4] = version;
    return record;
  }
  // The job ends while no worker is there.
  void end_unseen(const std::string& job) {
    worker_->kill();
    gate_.open();
    EXPECT_TRUE(eventually([&] { return exists(file(job, "exit")) && !worker_->populated(); }));
  }
  void expect_exact(const std::string& job, const std::string& note = "") {
    const v1::Job found = ended(job);
    EXPECT_EQ(found.end().cause(), v1::END_CAUSE_EXITED) << found.end().message();
    EXPECT_EQ(found.end().exit_code(), 7);
    EXPECT_EQ(found.end().note(), note);
    EXPECT_EQ(found.attempts_size(), 1);
    EXPECT_EQ(read_shared("ran"), "ran\n") << "ran once";
    EXPECT_EQ(follow(job).out, "a\nb\n");
  }
  void expect_works() { EXPECT_EQ(ended(submit(sh("exit 3"))).end().exit_code(), 3); }
  [[nodiscard]] std::size_t told(const std::string& what) const {
    const std::string log = worker_->log();
    std::size_t count = 0;
    for (std::size_t at = log.find(what); at != std::string::npos; at = log.find(what, at + 1))
      ++count;
    return count;
  }
  [[nodiscard]] std::vector<std::string> set_aside() const {
    const auto names = list_directory(AT_FDCWD, worker_->state() + "/damaged");
    return names ? *names : std::vector<std::string>{"no folder"};
  }

  Gate gate_{shared("gate")};
  WorkerProcess* worker_ = nullptr;
};

// The store sends the start again; the attempt that it meant is found as it is.
TEST_F(Damaged, AnAttemptWithATornSpecIsTakenUpAgainAndNotRunTwice) {
  const std::string job = start_gated();
  worker_->kill();
  tear(file(job, "spec"));
  worker_->start();
  ASSERT_TRUE(wait_worker("one", v1::WORKER_STATE_READY));
  ASSERT_TRUE(eventually([&] { return told("was taken up again") == 1; }));
  EXPECT_EQ(told("cannot be read and is set aside"), 1U);
  EXPECT_TRUE(set_aside().empty());
  EXPECT_TRUE(exists(file(job, "spec.damaged")));
  expect_works();
  gate_.open();
  expect_exact(job);
}

TEST_F(Damaged, AnAttemptThatCannotBeTakenUpAgainIsNotSentElsewhere) {
  const std::string job = start_gated();
  add_worker("two");
  worker_->kill();
  tear(file(job, "spec"));
  // In the way of the torn one, so that it stays.
  const std::string obstacle = file(job, "spec.damaged");
  ASSERT_TRUE(make_directories(obstacle + "/x", 0700).ok());
  worker_->start();
  ASSERT_TRUE(eventually([&] { return told("this attempt may have run here before") == 1; }));
  EXPECT_EQ(get(job).state(), v1::JOB_STATE_RUNNING);
  expect_works();
  ASSERT_TRUE(remove_tree(AT_FDCWD, obstacle).ok());
  scheduler_->kill();
  scheduler_->start();
  ASSERT_TRUE(eventually([&] { return told("was taken up again") == 1; }));
  gate_.open();
  expect_exact(job);
}

TEST_F(Damaged, AnAttemptWithATornSpecThatHasEndedIsToldAsItEnded) {
  const std::string job = start_gated();
  end_unseen(job);
  put(file(job, "spec"), "");
  worker_->start();
  expect_exact(job);
}

TEST_F(Damaged, WhatANewerWorkerWroteIsLeftAloneUntilItIsBack) {
  v1::WorkerServiceStartJobRequest request;
  request.set_request_id("kept");
  *request.mutable_spec() = sh("echo $$ > " + shared("pid") + "; : < " + gate_.path());
  v1::WorkerServiceStartJobResponse started;
  ASSERT_TRUE(worker_->stub().StartJob(context().get(), request, &started).ok());
  const std::string job = started.attempt().job_id();
  ASSERT_TRUE(eventually([&] { return !read_shared("pid").empty(); }));
  worker_->kill();
  const std::string spec = read(file(job, "spec"));
  put(file(job, "spec"), with_version(spec, 99));
  worker_->start();
  ASSERT_TRUE(eventually([&] { return set_aside() == std::vector<std::string>{job + ".1"}; }));
  EXPECT_TRUE(worker_->active().empty());
  EXPECT_TRUE(worker_->populated()) << "it runs on";
  expect_works();

  v1::QueryJobRequest query;
  query.set_job_id(job);
  v1::QueryJobResponse answer;
  EXPECT_EQ(worker_->stub().QueryJob(context().get(), query, &answer).error_code(),
            grpc::StatusCode::DATA_LOSS);
  EXPECT_EQ(worker_->stub().StartJob(context().get(), request, &started).error_code(),
            grpc::StatusCode::ALREADY_EXISTS)
      << "whether it ran is not known";

  worker_->stop();
  put(file(job, "spec"), spec);
  worker_->start();
  ASSERT_TRUE(eventually([&] { return told("runs on: adopted") == 1; }));
  EXPECT_TRUE(set_aside().empty());
  ASSERT_TRUE(
      eventually([&] { return worker_->stub().QueryJob(context().get(), query, &answer).ok(); }));
  EXPECT_EQ(answer.attempt().state(), v1::JOB_STATE_RUNNING);
  gate_.open();
  EXPECT_TRUE(eventually([&] {
    return worker_->stub().QueryJob(context().get(), query, &answer).ok() &&
           answer.attempt().state() == v1::JOB_STATE_SUCCEEDED;
  }));
}

TEST_F(Damaged, ATornEndIsToldByTheLeadersStatus) {
  const std::string job = start_gated();
  end_unseen(job);
  tear(file(job, "exit"));
  worker_->start();
  const v1::Job found = ended(job);
  EXPECT_EQ(found.end().cause(), v1::END_CAUSE_EXITED);
  EXPECT_EQ(found.end().exit_code(), 7);
  EXPECT_EQ(found.end().note(), "cleanup lost");
  EXPECT_TRUE(exists(file(job, "exit.damaged")));
  EXPECT_EQ(told("\"exit\" could not be read"), 1U);
  expect_works();
}

TEST_F(Damaged, ATornEndThatNothingElseTellsOfIsSupervisorLost) {
  const std::string job = start_gated();
  end_unseen(job);
  put(file(job, "exit"), "version=99\ncause=exited\nwait_status=0\ncomplete=yes\n");
  drop_line(file(job, "supervisor"), "leader");
  worker_->start();
  const v1::Job found = ended(job);
  EXPECT_EQ(found.end().cause(), v1::END_CAUSE_SUPERVISOR_LOST) << found.end().message();
  EXPECT_EQ(found.end().note(), "the record \"exit\" could not be read");
  EXPECT_FALSE(found.end().has_exit_code());
  expect_works();
}

// As if the host had been rebooted meanwhile: the boot id in the record is another one.
TEST_F(Damaged, ATornEndOfAnotherBootIsWorkerLost) {
  const std::string job = start_gated();
  end_unseen(job);
  put(file(job, "exit"), "");
  drop_line(file(job, "supervisor"), "leader");
  std::string spec = read(file(job, "spec"));
  spec[spec.find(boot_id())] ^= 1;
  constexpr std::size_t kHeaderBytes = 13;
  const std::uint32_t sum = crc32(std::string_view(spec).substr(kHeaderBytes));
  for (std::size_t i = 0; i < 4; ++i) spec[9 + i] = static_cast<char>(sum >> (8 * i));
  put(file(job, "spec"), spec);
  worker_->start();
  const v1::Job found = ended(job);
  EXPECT_EQ(found.end().cause(), v1::END_CAUSE_WORKER_LOST) << found.end().message();
  EXPECT_EQ(found.end().note(), "the record \"exit\" could not be read");
  expect_works();
}

TEST_F(Damaged, ASupervisorWithoutItsRecordIsKnownByItsCgroup) {
  const std::string job = start_gated();
  const v1::Job before = get(job);
  worker_->kill();
  put(file(job, "supervisor"), "version=99\ncomplete=yes\n");
  worker_->start();
  ASSERT_TRUE(wait_worker("one", v1::WORKER_STATE_READY));
  ASSERT_TRUE(eventually([&] { return told("runs on: adopted") == 1; }));
  EXPECT_EQ(told("\"supervisor\" could not be read"), 1U);
  EXPECT_EQ(get(job).state(), v1::JOB_STATE_RUNNING);
  expect_works();
  gate_.open();
  expect_exact(job);
}

// What was not yet on the disk may be lost without a reboot, where the disk fails and is mounted
// again.
TEST_F(Damaged, AJobWhoseSupervisorsRecordIsGoneIsAdoptedAndNotRunTwice) {
  const std::string job = start_gated();
  worker_->kill();
  ASSERT_TRUE(remove_file(AT_FDCWD, file(job, "supervisor")).ok());
  worker_->start();
  ASSERT_TRUE(eventually([&] { return told("runs on: adopted") == 1; }));
  EXPECT_EQ(told("\"supervisor\" could not be read"), 1U);
  gate_.open();
  expect_exact(job, "open supervisor: No such file or directory");
}

TEST_F(Damaged, AJobThatHasRunAndIsGoneWithItsRecordsIsNotRunTwice) {
  const std::string job = start_gated();
  end_unseen(job);
  ASSERT_TRUE(remove_file(AT_FDCWD, worker_->state() + "/active/" + job + ".1").ok());
  ASSERT_TRUE(remove_tree(AT_FDCWD, worker_->state() + "/jobs/" + job).ok());
  worker_->start();
  const v1::Job found = ended(job);
  EXPECT_EQ(found.end().cause(), v1::END_CAUSE_SUPERVISOR_LOST) << found.end().message();
  EXPECT_EQ(found.end().message(),
            "supervisor lost: how the command ended is not known: the worker's records of it were"
            " lost");
  EXPECT_EQ(found.attempts_size(), 1);
  EXPECT_EQ(read_shared("ran"), "ran\n") << "ran once";
  expect_works();
}

TEST_F(Damaged, AJobWhoseSupervisorIsGoneWithItsRecordIsOverBeforeItIsSaidToBe) {
  const std::string job = submit(sh("echo $$ > " + shared("ran") + "; exec sleep 1000"));
  ASSERT_TRUE(eventually([&] { return !read_shared("ran").empty(); }));
  worker_->kill();
  const std::string record = read(file(job, "supervisor"));
  const std::size_t at = record.find("\npid=") + 5;
  const pid_t supervisor = std::stoi(record.substr(at, record.find('\n', at) - at));
  ASSERT_EQ(::syscall(SYS_tgkill, supervisor, supervisor, SIGKILL), 0);
  put(file(job, "supervisor"), "");
  worker_->start();
  const v1::Job found = ended(job);
  EXPECT_EQ(found.end().cause(), v1::END_CAUSE_SUPERVISOR_LOST);
  EXPECT_EQ(found.end().note(), "the record \"supervisor\" could not be read");
  test::reap_orphans();  // with its supervisor gone, it was ours
  const std::string pid = read_shared("ran");
  EXPECT_FALSE(exists("/proc/" + pid.substr(0, pid.find('\n')))) << "the job runs on";
}

TEST_F(Damaged, AStopWhoseRecordIsTornIsDone) {
  const std::string job = submit(sh("echo up > " + shared("ran") + "; exec sleep 1000"));
  ASSERT_TRUE(eventually([&] { return read_shared("ran") == "up\n"; }));
  worker_->kill();
  put(file(job, "stop"), "version=1\nby=ali");
  worker_->start();
  const v1::Job found = ended(job);
  EXPECT_EQ(found.state(), v1::JOB_STATE_STOPPED) << found.end().message();
  EXPECT_NE(found.end().note().find("stop"), std::string::npos) << found.end().note();
}

}  // namespace
}  // namespace takt::component
