// SPDX-License-Identifier: Apache-2.0
// What a session's list settles, and how workers come and go.
#include <SQLiteCpp/SQLiteCpp.h>
#include <fcntl.h>

#include <algorithm>
#include <future>

#include "base/deletion_clock.h"
#include "base/fs.h"
#include "support/eventually.h"
#include "support/log_capture.h"
#include "unit/scheduler/scheduler_fixture.h"

namespace takt::scheduler {
namespace {

using OnStart = test::FakeWorker::OnStart;

v1::Attempt attempt_of(const std::string& job, v1::JobState state) {
  v1::Attempt attempt;
  attempt.set_job_id(job);
  attempt.set_number(1);
  attempt.set_worker_id(kWorkerOne);
  attempt.set_state(state);
  return attempt;
}

TEST_F(SchedulerTest, AStartThatNeverArrivedIsSentAgainInTheSameBoot) {
  const auto worker = make_worker(kWorkerOne, "one");
  worker->on_start(OnStart::kLose);
  const std::string job = submit(spec());
  ASSERT_TRUE(worker->wait_starts(1));
  worker->die();
  worker->on_start(OnStart::kRun);
  worker->serve();
  watch_until(job, v1::JOB_STATE_RUNNING);
  ASSERT_EQ(worker->starts().size(), 2U);
  EXPECT_EQ(worker->starts()[1].attempt(), worker->starts()[0].attempt());
  EXPECT_FALSE(worker->starts()[1].has_run());
  EXPECT_EQ(get(job).attempts_size(), 1);
}

TEST_F(SchedulerTest, AWorkerThatLostARunningJobIsToldThatItHasRun) {
  const auto worker = make_worker(kWorkerOne, "one");
  const std::string job = submit(spec());
  watch_until(job, v1::JOB_STATE_RUNNING);
  worker->die();
  worker->forget(job);
  worker->serve();
  ASSERT_TRUE(worker->wait_starts(2));
  EXPECT_FALSE(worker->starts()[0].has_run());
  EXPECT_TRUE(worker->starts()[1].has_run());
}

TEST_F(SchedulerTest, AnAttemptThatIsGoneWithItsBootIsLost) {
  const auto worker = make_worker(kWorkerOne, "one");
  worker->on_start(OnStart::kLose);
  const std::string job = submit(spec());
  ASSERT_TRUE(worker->wait_starts(1));
  worker->die();
  worker->set_boot("boot-2");
  worker->serve();
  const auto seen = watch_until(job, v1::JOB_STATE_FAILED);
  EXPECT_EQ(seen.back().event().end().cause(), v1::END_CAUSE_WORKER_LOST);
  EXPECT_EQ(worker->starts().size(), 1U);
  const std::string next = submit(spec());
  ASSERT_TRUE(worker->wait_starts(2)) << "its slot is free";
  EXPECT_EQ(worker->starts()[1].job_id(), next);
}

TEST_F(SchedulerTest, ARunningJobSurvivesWorkerAndSchedulerRestarts) {
  const auto worker = make_worker(kWorkerOne, "one");
  const std::string job = submit(spec());
  watch_until(job, v1::JOB_STATE_RUNNING);
  worker->die();
  worker->serve();
  ASSERT_TRUE(worker->wait_sessions(2));
  stop();
  worker->end(job, 0);  // while no scheduler is there
  start();
  watch_until(job, v1::JOB_STATE_SUCCEEDED);
  ASSERT_TRUE(worker->wait_acknowledged(job));
  EXPECT_EQ(worker->starts().size(), 1U);
  EXPECT_EQ(worker->early_commands(), 0);
}

TEST_F(SchedulerTest, AnEndIsAcknowledgedEachTimeThatItComes) {
  const auto worker = make_worker(kWorkerOne, "one");
  worker->on_start(OnStart::kSucceed);
  const std::string job = submit(spec());
  ASSERT_TRUE(worker->wait_acknowledged(job));
  worker->die();
  worker->serve();
  EXPECT_TRUE(worker->wait_acknowledged(job, 2)) << "the list has it again";
  EXPECT_EQ(get(job).state(), v1::JOB_STATE_SUCCEEDED);
}

TEST_F(SchedulerTest, UnknownAttemptsAreLeftAloneAndUnknownEndsAcknowledged) {
  test::FakeWorker worker(kWorkerOne, "one", folder_.path() + "/one.sock");
  const std::string runs = "aaaaaaaa-0000-4000-8000-000000000001";
  const std::string ended = "bbbbbbbb-0000-4000-8000-000000000002";
  worker.hold(attempt_of(runs, v1::JOB_STATE_RUNNING));
  v1::Attempt over = attempt_of(ended, v1::JOB_STATE_SUCCEEDED);
  over.mutable_end()->set_cause(v1::END_CAUSE_EXITED);
  worker.hold(over);
  worker.serve();
  add_worker(worker);
  ASSERT_TRUE(worker.wait_acknowledged(ended));
  submit(spec());
  ASSERT_TRUE(worker.wait_starts(1));
  EXPECT_TRUE(worker.stops().empty());
}

TEST_F(SchedulerTest, AJobThatHasLeftTheHistoryIsAcknowledgedAndNotRunAgain) {
  const auto worker = make_worker(kWorkerOne, "one");
  worker->on_start(OnStart::kSucceed);
  const std::string job = submit(spec("once"), "r-1");
  ASSERT_TRUE(worker->wait_acknowledged(job));
  stop();
  SQLite::Database(config_.state_directory + "/takt.db", SQLite::OPEN_READWRITE)
      .exec("UPDATE jobs SET end_time_us = end_time_us - 3600000000");
  config_.retain_time = std::chrono::minutes(30);
  start();
  v1::Job unknown;
  ASSERT_TRUE(test::eventually(
      [&] { return try_get(job, unknown).error_code() == grpc::StatusCode::NOT_FOUND; }));
  worker->die();
  worker->serve();
  EXPECT_TRUE(worker->wait_acknowledged(job, 3)) << "with each list";
  EXPECT_EQ(submit(spec("once"), "r-1"), job) << "what was asked for is remembered longer";
  EXPECT_EQ(worker->starts().size(), 1U);
}

// As when the clock of the host jumped while the scheduler was down.
TEST_F(SchedulerTest, AJumpOfTheClockDeletesNoHistory) {
  const test::LogCapture log;
  const auto worker = make_worker(kWorkerOne, "one");
  worker->on_start(OnStart::kSucceed);
  const std::string job = submit(spec("once"));
  ASSERT_TRUE(worker->wait_acknowledged(job));
  stop();
  SQLite::Database(config_.state_directory + "/takt.db", SQLite::OPEN_READWRITE)
      .exec("UPDATE jobs SET end_time_us = end_time_us - 3600000000");
  ClockReading seen = read_clocks();
  seen.wall -= std::chrono::hours(2);
  ASSERT_TRUE(write_file(AT_FDCWD, config_.state_directory + "/clock",
                         encode(ClockGuard::Memory{.trusted = seen, .other = {}}), 0600)
                  .ok());
  config_.retain_time = std::chrono::minutes(30);
  start();
  const auto logged = [](const std::string& text) {
    return test::eventually([&] {
      const auto lines = test::LogCapture::lines();
      return std::any_of(lines.begin(), lines.end(), [&](const std::string& line) {
        return line.find(text) != std::string::npos;
      });
    });
  };
  ASSERT_TRUE(logged("takt-scheduler --confirm-clock"));
  submit(spec("next"));  // the history is looked at after each commit
  EXPECT_EQ(get(job).state(), v1::JOB_STATE_SUCCEEDED);
  ASSERT_TRUE(DeletionClock::confirm(config_.state_directory).ok());
  restart();
  ASSERT_TRUE(logged("1 ended jobs have left the history"));
  v1::Job gone;
  EXPECT_EQ(try_get(job, gone).error_code(), grpc::StatusCode::NOT_FOUND);
}

TEST_F(SchedulerTest, AStopThatMissedItsWorkerIsSentWithTheNextSession) {
  const auto worker = make_worker(kWorkerOne, "one");
  const std::string job = submit(spec());
  watch_until(job, v1::JOB_STATE_RUNNING);
  worker->die();
  stop_job(job, "while away");
  EXPECT_EQ(get(job).state(), v1::JOB_STATE_RUNNING);
  worker->serve();
  ASSERT_TRUE(worker->wait_stops(1));
  watch_until(job, v1::JOB_STATE_STOPPED);
}

TEST_F(SchedulerTest, AnUnreachableWorkerChangesNoJob) {
  stop();
  config_.unreachable_after = milliseconds(300);
  start();
  const auto worker = make_worker(kWorkerOne, "one");
  const std::string job = submit(spec());
  watch_until(job, v1::JOB_STATE_RUNNING);
  EXPECT_FALSE(get(job).has_unreachable_since_time());
  worker->die();
  ASSERT_TRUE(wait_worker(kWorkerOne, v1::WORKER_STATE_UNREACHABLE));
  EXPECT_EQ(get(job).state(), v1::JOB_STATE_RUNNING);
  EXPECT_TRUE(get(job).has_unreachable_since_time());
  worker->serve();
  ASSERT_TRUE(wait_worker(kWorkerOne, v1::WORKER_STATE_READY));
  EXPECT_FALSE(get(job).has_unreachable_since_time());
}

// As after a backup was put back that is older than the attempt.
TEST_F(SchedulerTest, AnAttemptOfAQueuedJobIsAdoptedRatherThanStartedTwice) {
  const std::string job = submit(spec());
  v1::Attempt attempt;
  attempt.set_job_id(job);
  attempt.set_number(1);
  attempt.set_state(v1::JOB_STATE_RUNNING);
  test::FakeWorker worker(kWorkerOne, "one", folder_.path() + "/one.sock");
  worker.hold(attempt);
  worker.serve();
  add_worker(worker);
  watch_until(job, v1::JOB_STATE_RUNNING);
  EXPECT_EQ(get(job).attempts(0).worker_name(), "one");
  EXPECT_TRUE(worker.starts().empty());
  worker.end(job, 0);
  watch_until(job, v1::JOB_STATE_SUCCEEDED);
}

// By the word of a worker that cannot have been sent it: it would get the spec, and report the end.
TEST_F(SchedulerTest, AnAttemptIsNotAdoptedOnAWorkerThatTheJobMayNotRunOn) {
  v1::JobSpec elsewhere = spec();
  v1::Constraint* constraint = elsewhere.add_constraints();
  constraint->set_key("worker");
  constraint->set_operator_(v1::CONSTRAINT_OPERATOR_EQUAL);
  constraint->add_values("two");
  const std::string job = submit(elsewhere);
  v1::Attempt attempt;
  attempt.set_job_id(job);
  attempt.set_number(1);
  attempt.set_state(v1::JOB_STATE_RUNNING);
  test::FakeWorker worker(kWorkerOne, "one", folder_.path() + "/one.sock");
  worker.hold(attempt);
  worker.serve();
  add_worker(worker);
  ASSERT_TRUE(test::eventually([&] {
    v1::ListOrphansResponse response;
    EXPECT_TRUE(operator_->ListOrphans(context().get(), {}, &response).ok());
    return response.orphans_size() == 1;
  }));
  EXPECT_EQ(get(job).state(), v1::JOB_STATE_QUEUED);
  EXPECT_EQ(get(job).attempts_size(), 0);
}

// The scheduler heard nobody meanwhile, and that is no worker's fault. The fake worker says nothing
// by itself, so a look at the time alone would take it for gone.
TEST_F(SchedulerTest, ALoopThatStoodStillHangsUpOnNobody) {
  stop();
  config_.unreachable_after = std::chrono::seconds(10);
  start();
  const auto worker = make_worker(kWorkerOne, "one");
  daemon_->core().run([] { std::promise<void>().get_future().wait_for(std::chrono::seconds(11)); },
                      [](const Error& error) { ADD_FAILURE() << error.message; });
  const std::string job = submit(spec());
  watch_until(job, v1::JOB_STATE_RUNNING);
  EXPECT_EQ(worker->sessions(), 1);
  EXPECT_EQ(workers()[0].state(), v1::WORKER_STATE_READY);
}

TEST_F(SchedulerTest, AWorkerThatWentAwayIsNotDialledUntilItRegisters) {
  const auto worker = make_worker(kWorkerOne, "one");
  const std::string job = submit(spec());
  watch_until(job, v1::JOB_STATE_RUNNING);
  v1::DeregisterWorkerRequest request;
  request.set_worker_id(kWorkerOne);
  v1::DeregisterWorkerResponse response;
  ASSERT_TRUE(registry_->DeregisterWorker(context().get(), request, &response).ok());
  EXPECT_EQ(workers()[0].state(), v1::WORKER_STATE_AWAY);
  restart();
  EXPECT_EQ(get(job).state(), v1::JOB_STATE_RUNNING);
  const std::string waits = submit(spec());
  EXPECT_EQ(worker->sessions(), 1);
  add_worker(*worker);
  EXPECT_EQ(worker->sessions(), 2);
  watch_until(waits, v1::JOB_STATE_RUNNING);
  EXPECT_EQ(workers()[0].state(), v1::WORKER_STATE_READY);
  request.set_worker_id(kWorkerTwo);
  EXPECT_EQ(registry_->DeregisterWorker(context().get(), request, &response).error_code(),
            grpc::StatusCode::NOT_FOUND);
}

// The name that it registered under is the one that its certificate was checked for.
TEST_F(SchedulerTest, AWorkerThatSaysAnotherNameThanItRegisteredUnderGetsNoJob) {
  const test::LogCapture log;
  v1::JobSpec wanted = spec();
  v1::Constraint* constraint = wanted.add_constraints();
  constraint->set_key("worker");
  constraint->set_operator_(v1::CONSTRAINT_OPERATOR_EQUAL);
  constraint->add_values("prod-db");
  const std::string job = submit(wanted);
  test::FakeWorker evil(kWorkerOne, "evil", folder_.path() + "/evil.sock");
  evil.say_name("prod-db");
  evil.serve();
  v1::RegisterWorkerResponse response;
  ASSERT_TRUE(registry_->RegisterWorker(context().get(), evil.registration(), &response).ok());
  ASSERT_TRUE(evil.wait_sessions(2)) << "the first one is over";
  EXPECT_TRUE(evil.starts().empty());
  EXPECT_EQ(get(job).state(), v1::JOB_STATE_QUEUED);
  EXPECT_EQ(workers()[0].name(), "evil");
  EXPECT_EQ(workers()[0].state(), v1::WORKER_STATE_UNREACHABLE);
  const auto names_both = [](const std::string& line) {
    return line.find("\"evil\"") != std::string::npos &&
           line.find("\"prod-db\"") != std::string::npos;
  };
  const auto lines = test::LogCapture::lines();
  EXPECT_EQ(std::count_if(lines.begin(), lines.end(), names_both), 1);

  evil.say_name("evil");
  ASSERT_TRUE(wait_worker(kWorkerOne, v1::WORKER_STATE_READY));
  EXPECT_EQ(get(job).state(), v1::JOB_STATE_QUEUED);
}

TEST_F(SchedulerTest, TheNewestAddressOfAWorkerCounts) {
  const auto old = make_worker(kWorkerOne, "one");
  test::FakeWorker moved(kWorkerOne, "one", folder_.path() + "/moved.sock");
  moved.serve();
  add_worker(moved);
  const std::string job = submit(spec());
  ASSERT_TRUE(moved.wait_starts(1));
  EXPECT_TRUE(old->starts().empty());
  EXPECT_EQ(workers().size(), 1U);
  EXPECT_EQ(workers()[0].address(), moved.address());
}

}  // namespace
}  // namespace takt::scheduler
