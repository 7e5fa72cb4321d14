// SPDX-License-Identifier: Apache-2.0
// Daemons that go, in order or not, under jobs that run: nothing is lost and nothing runs twice.
#include <gtest/gtest.h>

#include <future>
#include <set>
#include <string>
#include <vector>

#include "component/fleet.h"

namespace takt::component {
namespace {

constexpr int kJobs = 50;

class Restart : public Fleet {
 protected:
  // Jobs that say "a", leave their witness, wait at the gate of their half, say "b", exit with
  // their number.
  void submit_gated() {
    std::vector<v1::JobSpec> specs;
    for (int i = 0; i < kJobs; ++i)
      specs.push_back(sh("echo a" + std::to_string(i) + "; echo $TAKT_ATTEMPT >> " + witness(i) +
                         "; : < " + gate(i).path() + "; echo b" + std::to_string(i) + "; exit " +
                         std::to_string(i)));
    ids_ = submit_all(specs);
  }
  bool wait_all_running() {
    return eventually([&] {
      for (int i = 0; i < kJobs; ++i)
        if (read_shared("w" + std::to_string(i)).empty()) return false;
      return true;
    });
  }
  void expect_all_exact() {
    for (int i = 0; i < kJobs; ++i) {
      const std::string& id = ids_[static_cast<std::size_t>(i)];
      const v1::Job found = ended(id);
      EXPECT_EQ(found.end().cause(), v1::END_CAUSE_EXITED) << i << ": " << found.end().message();
      EXPECT_EQ(found.end().exit_code(), i);
      EXPECT_EQ(found.end().note(), "");
      EXPECT_EQ(found.attempts_size(), 1);
      EXPECT_EQ(read_shared("w" + std::to_string(i)), "1\n") << "ran once";
      const Output output = follow(id);
      EXPECT_EQ(output.out, "a" + std::to_string(i) + "\nb" + std::to_string(i) + "\n");
      EXPECT_TRUE(output.complete);
    }
  }
  Gate& gate(int i) { return i % 2 == 0 ? even_ : odd_; }
  [[nodiscard]] std::string witness(int i) const { return shared("w" + std::to_string(i)); }

  Gate even_{shared("even")};
  Gate odd_{shared("odd")};
  std::vector<std::string> ids_;
};

TEST_F(Restart, AWorkerThatGoesInOrderLosesNothing) {
  WorkerProcess& worker = add_worker("one");
  submit_gated();
  ASSERT_TRUE(wait_all_running());
  worker.stop();
  EXPECT_TRUE(wait_worker("one", v1::WORKER_STATE_AWAY));
  EXPECT_TRUE(worker.populated()) << "jobs run on";
  even_.open();  // while it is away
  worker.start();
  ASSERT_TRUE(wait_worker("one", v1::WORKER_STATE_READY));
  odd_.open();
  expect_all_exact();
}

TEST_F(Restart, AWorkerThatIsKilledLosesNothing) {
  WorkerProcess& worker = add_worker("one");
  const std::string id = worker.id();
  submit_gated();
  ASSERT_TRUE(wait_all_running());
  worker.kill();
  even_.open();
  worker.start();
  odd_.open();
  expect_all_exact();
  EXPECT_EQ(worker.id(), id);
}

// Killed at any moment of the starts: each job runs once, whether its start was told or not.
TEST_F(Restart, AWorkerThatIsKilledInTheMidstOfStartsRunsEachOnce) {
  WorkerProcess& worker = add_worker("one", {.labels = "", .slots = 300, .starts_at_once = 4});
  even_.open();
  odd_.open();
  submit_gated();
  for (const int started : {3, 20}) {
    ASSERT_TRUE(eventually([&] {
      int seen = 0;
      for (int i = 0; i < kJobs; ++i) seen += read_shared("w" + std::to_string(i)).empty() ? 0 : 1;
      return seen >= started;
    }));
    worker.kill();
    worker.start();
  }
  for (int i = 0; i < kJobs; ++i) {
    const v1::Job found = ended(ids_[static_cast<std::size_t>(i)]);
    EXPECT_EQ(found.end().exit_code(), i) << found.end().message();
    EXPECT_EQ(read_shared("w" + std::to_string(i)).size(), 2U) << "ran once";
  }
}

TEST_F(Restart, ASchedulerThatIsKilledLosesNothingAndStartsNothingTwice) {
  add_worker("one");
  submit_gated();
  ASSERT_TRUE(wait_all_running());
  const std::string waiting = [&] {
    v1::JobSpec spec = sh("echo ran >> " + shared("late"));
    v1::Constraint* constraint = spec.add_constraints();
    constraint->set_key("worker");
    constraint->set_operator_(v1::CONSTRAINT_OPERATOR_EQUAL);
    constraint->add_values("two");
    return submit(spec);
  }();
  scheduler_->kill();
  even_.open();
  scheduler_->start();
  odd_.open();
  expect_all_exact();
  EXPECT_EQ(get(waiting).state(), v1::JOB_STATE_QUEUED) << "submitted means durable";
  add_worker("two");
  EXPECT_EQ(ended(waiting).state(), v1::JOB_STATE_SUCCEEDED);
  EXPECT_EQ(read_shared("late"), "ran\n");
}

TEST_F(Restart, ASchedulerThatIsKilledInTheMidstOfStartsRunsEachOnce) {
  add_worker("one");
  even_.open();
  odd_.open();
  submit_gated();
  for (int round = 0; round < 2; ++round) {
    scheduler_->kill();
    scheduler_->start();
    EXPECT_TRUE(wait_worker("one", v1::WORKER_STATE_READY));
  }
  expect_all_exact();
}

TEST_F(Restart, ASchedulerThatGoesInOrderComesBackWithAllItHad) {
  add_worker("one");
  submit_gated();
  ASSERT_TRUE(wait_all_running());
  scheduler_->stop();
  even_.open();
  odd_.open();
  scheduler_->start();
  expect_all_exact();
}

TEST_F(Restart, AFollowerReadsOnWhenItsWorkerComesBack) {
  WorkerProcess& worker = add_worker("one");
  const std::string job =
      submit(sh("echo a; echo up > " + shared("up") + "; : < " + even_.path() + "; echo b"));
  auto following = std::async(std::launch::async, [&] { return follow(job); });
  ASSERT_TRUE(eventually([&] { return read_shared("up") == "up\n"; }));
  worker.kill();
  even_.open();
  worker.start();
  const Output output = following.get();
  EXPECT_TRUE(output.status.ok()) << output.status.error_message();
  EXPECT_EQ(output.out, "a\nb\n");
  EXPECT_TRUE(output.complete);
}

TEST_F(Restart, AStopThatIsAskedForWhileTheWorkerIsAwayIsDoneWhenItReturns) {
  WorkerProcess& worker = add_worker("one");
  const std::string job = submit(sh("echo up > " + shared("up") + "; exec sleep 1000"));
  ASSERT_TRUE(eventually([&] { return read_shared("up") == "up\n"; }));
  worker.stop();
  stop(job, "meanwhile");
  EXPECT_NE(get(job).state(), v1::JOB_STATE_STOPPED) << "nobody knows yet";
  worker.start();
  const v1::Job found = ended(job);
  EXPECT_EQ(found.state(), v1::JOB_STATE_STOPPED);
  EXPECT_EQ(found.end().reason(), "meanwhile");
}

TEST_F(Restart, WhatWaitsForAWorkerRunsWhenItComes) {
  const std::string early = submit(sh("echo ran >> " + shared("early")));
  WorkerProcess& worker = add_worker("one");
  EXPECT_EQ(ended(early).state(), v1::JOB_STATE_SUCCEEDED);
  worker.stop();
  ASSERT_TRUE(wait_worker("one", v1::WORKER_STATE_AWAY));
  const std::string later = submit(sh("echo ran >> " + shared("later")));
  EXPECT_EQ(get(later).state(), v1::JOB_STATE_QUEUED);
  worker.start();
  EXPECT_EQ(ended(later).state(), v1::JOB_STATE_SUCCEEDED);
  EXPECT_EQ(read_shared("early") + read_shared("later"), "ran\nran\n");
}

}  // namespace
}  // namespace takt::component
