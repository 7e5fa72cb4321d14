// SPDX-License-Identifier: Apache-2.0
// takt top: what it shows, and what it prints where there is no terminal.
#include <gtest/gtest.h>
#include <stdlib.h>

#include <algorithm>

#include "cli/table.h"
#include "cli/top_screen.h"
#include "rpc/convert.h"
#include "unit/cli/fake_scheduler.h"
#include "unit/cli/golden.h"
#include "unit/cli/program_run.h"

namespace takt::cli {
namespace {

const WallTime kNow = WallTime(std::chrono::seconds(1795339684));  // 2026-11-22 09:28:04 UTC

v1::Worker worker(const std::string& name, v1::WorkerState state, int running) {
  v1::Worker made;
  made.set_name(name);
  made.set_state(state);
  made.set_running(running);
  made.mutable_capacity()->set_slots(16);
  made.mutable_capacity()->set_cpu_millicores(4000);
  made.mutable_capacity()->set_memory_bytes(std::int64_t{8} << 30);
  return made;
}

// The more, the longer it has run, and the less memory it has.
v1::Job running(int number) {
  v1::Job job;
  job.set_job_id(std::to_string(10'000'000 + number) + "-0000-4000-8000-000000000000");
  job.set_state(v1::JOB_STATE_RUNNING);
  job.set_submitted_by("user alice");
  job.mutable_spec()->add_argv("/usr/local/bin/work");
  job.mutable_spec()->add_argv("--part");
  job.mutable_spec()->add_argv(std::to_string(number));
  v1::Attempt& attempt = *job.add_attempts();
  attempt.set_worker_name("db-" + std::to_string(1 + number % 2));
  *attempt.mutable_start_time() = rpc::time_to_proto(kNow - std::chrono::seconds(100 * number));
  attempt.mutable_usage()->mutable_cpu_user()->set_seconds(number);
  attempt.mutable_usage()->set_memory_bytes(std::int64_t{1'000'000} * (100 - number));
  attempt.mutable_usage()->set_tasks(number % 7);
  return job;
}

class TopTest : public testing::Test {
 protected:
  void SetUp() override {
    ::setenv("TZ", "UTC", 1);
    sample.time = kNow;
    view.address = "unix:/run/takt/scheduler.sock";
    view.screen.columns = 80;
    view.screen.utf8 = true;
    view.rows = 24;
    view.keys = true;
  }
  void fill(int jobs) {
    sample.workers = {worker("db-1", v1::WORKER_STATE_READY, 2),
                      worker("db-2", v1::WORKER_STATE_READY, 1),
                      worker("web-1", v1::WORKER_STATE_LOST, 0)};
    for (int number = jobs; number > 0; --number) sample.jobs.push_back(running(number));
    sample.counts.set_queued(12);
    sample.counts.set_running(jobs);
  }
  std::vector<std::string> lines() {
    const std::string text = top_screen(&sample, view);
    std::vector<std::string> found;
    for (std::size_t at = 0; at <= text.size();) {
      const std::size_t end = std::min(text.find('\n', at), text.size());
      found.push_back(text.substr(at, end - at));
      at = end + 1;
    }
    return found;
  }
  // The ids of the jobs shown, as numbers.
  std::vector<int> shown() {
    std::vector<int> numbers;
    for (const std::string& line : lines())
      if (line.starts_with("100000")) numbers.push_back(std::stoi(line.substr(6, 2)));
    return numbers;
  }
  void expect_fits() {
    const auto found = lines();
    EXPECT_EQ(found.size(), view.rows);
    for (const std::string& line : found) EXPECT_LE(display_width(line), view.screen.columns);
    EXPECT_TRUE(found.back().starts_with("q quit")) << found.back();
  }

  TopSample sample;
  TopView view;
};

TEST_F(TopTest, AScreenOfThreeJobs) {
  fill(3);
  sample.jobs[0].mutable_spec()->set_name("nightly");
  sample.jobs[0].mutable_spec()->mutable_resources()->set_memory_bytes(std::int64_t{2} << 30);
  sample.jobs[1].set_state(v1::JOB_STATE_PAUSED);
  sample.jobs[2].mutable_attempts(0)->clear_usage();  // its worker has not told yet
  expect_golden("top.txt", top_screen(&sample, view) + "\n");
}

TEST_F(TopTest, WithoutJobsAndWorkersItSaysSo) {
  expect_golden("top_empty.txt", top_screen(&sample, view) + "\n");
}

TEST_F(TopTest, NeverMoreThanTheScreenHasAndTheRestIsCounted) {
  fill(60);
  for (const auto& [columns, rows] : {std::pair(80, 24), std::pair(120, 40), std::pair(20, 10),
                                      std::pair(10, 3), std::pair(1, 1)}) {
    view.screen.columns = static_cast<std::size_t>(columns);
    view.rows = static_cast<std::size_t>(rows);
    const std::string text = top_screen(&sample, view);
    EXPECT_LE(lines().size(), view.rows);
    for (const std::string& line : lines()) EXPECT_LE(display_width(line), view.screen.columns);
    if (rows < 24) continue;
    expect_fits();
    const auto rest = "and " + std::to_string(60 - shown().size()) + " more";
    EXPECT_NE(text.find(rest), std::string::npos) << text;
    EXPECT_NE(text.find("web-1   lost"), std::string::npos) << text;
  }
}

TEST_F(TopTest, ManyWorkersLeaveRoomForJobsAndThoseInTroubleComeFirst) {
  fill(60);
  for (int number = 0; number < 50; ++number)
    sample.workers.push_back(worker("z-" + std::to_string(number), v1::WORKER_STATE_READY, 0));
  expect_fits();
  EXPECT_GE(shown().size(), 8U);
  const auto found = lines();
  EXPECT_TRUE(found.at(5).starts_with("web-1")) << found.at(5);
}

TEST_F(TopTest, ALowScreenIsForJobs) {
  fill(60);
  view.rows = 12;
  expect_fits();
  EXPECT_EQ(top_screen(&sample, view).find("WORKER  STATE"), std::string::npos);
  EXPECT_EQ(shown().size(), 5U);
}

TEST_F(TopTest, SortedByWhatWasChosen) {
  fill(3);
  EXPECT_EQ(shown(), (std::vector{3, 2, 1}));
  view.sort = TopSort::kMemory;
  EXPECT_EQ(shown(), (std::vector{1, 2, 3}));
  view.sort = TopSort::kTime;
  EXPECT_EQ(shown(), (std::vector{3, 2, 1}));
  sample.jobs[1].mutable_attempts(0)->mutable_usage()->set_tasks(9);
  view.sort = TopSort::kTasks;
  EXPECT_EQ(shown(), (std::vector{2, 3, 1}));
  sample.jobs[1].mutable_attempts(0)->clear_usage();
  EXPECT_EQ(shown(), (std::vector{3, 1, 2})) << "what is not known comes last";
}

TEST_F(TopTest, ASchedulerOutOfReachIsSaidAboveWhatIsKnown) {
  fill(3);
  view.outage = "connection refused";
  view.out_for = std::chrono::seconds(12);
  EXPECT_EQ(lines().at(1), "OUT OF REACH for 12s, trying again: connection refused");
  EXPECT_EQ(shown().size(), 3U);
  expect_fits();
  EXPECT_NE(top_screen(nullptr, view).find("OUT OF REACH"), std::string::npos);
}

TEST_F(TopTest, NoNameSteersTheTerminal) {
  fill(1);
  sample.jobs[0].mutable_spec()->set_argv(0, "\033[2J");
  sample.workers[0].set_name("\033[2J");
  EXPECT_EQ(top_screen(&sample, view).find('\033'), std::string::npos);
}

TEST_F(TopTest, MoreJobsThanWereAskedForAreSaid) {
  fill(5);
  sample.more_jobs = true;
  view.rows = 0;
  view.keys = false;
  EXPECT_EQ(shown().size(), 5U);
  EXPECT_EQ(lines().back(), "these are of the newest 5; there are older ones (takt list)");
}

class TopBatchTest : public testing::Test {
 protected:
  std::vector<std::string> words(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"top", "--address", scheduler.address()});
    return arguments;
  }
  Ran top(const std::vector<std::string>& arguments) { return ProgramRun().run(words(arguments)); }

  FakeScheduler scheduler;
};

TEST_F(TopBatchTest, WithoutATerminalItPrintsPlainScreens) {
  scheduler.workers = {worker("db-1", v1::WORKER_STATE_READY, 2)};
  scheduler.listed = {running(2), running(1)};
  const Ran ran = top({"-n", "2", "--interval", "100ms", "--sort", "memory"});
  EXPECT_EQ(ran.code, 0);
  EXPECT_EQ(ran.err, "");
  EXPECT_EQ(ran.out.find('\033'), std::string::npos);
  EXPECT_NE(ran.out.find("\n\ntakt top  "), std::string::npos) << "two of them";
  EXPECT_LT(ran.out.find("10000001"), ran.out.find("10000002"));
  EXPECT_NE(ran.out.find("/usr/local/bin/work --part 2\n"), std::string::npos) << "nothing is cut";
  ASSERT_FALSE(scheduler.lists.empty());
  EXPECT_EQ(scheduler.lists[0].states_size(), 3) << "what runs";
}

TEST_F(TopBatchTest, ASchedulerOutOfReachIsAskedAgain) {
  scheduler.refusals.assign(1000, {grpc::StatusCode::UNAVAILABLE, "starting"});
  ProgramRun program;
  program.pipe_output();
  program.start(words({"-n", "1000", "--interval", "100ms", "--timeout", "200ms"}));
  EXPECT_TRUE(program.read_line().starts_with("takt top"));
  EXPECT_TRUE(program.read_line().starts_with("OUT OF REACH for"));
  scheduler.stop_refusing();
  std::string line;
  while (line != "No job runs.") line = program.read_line();
  program.close_reader();
  EXPECT_EQ(program.join().code, 141);
  scheduler.refusals.assign(1000, {grpc::StatusCode::UNAVAILABLE, "starting"});
  const Ran ran = top({"-n", "1", "--timeout", "200ms"});
  EXPECT_EQ(ran.code, 1);
  EXPECT_NE(ran.out.find("OUT OF REACH"), std::string::npos) << ran.out;
  EXPECT_NE(ran.err.find("gave no answer within 200ms"), std::string::npos) << ran.err;
}

TEST_F(TopBatchTest, WhatDoesNotPassByEndsIt) {
  scheduler.refusals = {{grpc::StatusCode::PERMISSION_DENIED, "bob is not in group takt"}};
  const Ran ran = top({"-n", "3"});
  EXPECT_EQ(ran.code, 1);
  EXPECT_NE(ran.err.find("bob is not in group takt"), std::string::npos) << ran.err;
}

TEST_F(TopBatchTest, WrongCallsAreRefused) {
  for (const std::vector<std::string>& bad : {std::vector<std::string>{"--sort", "colour"},
                                              {"--interval", "0"},
                                              {"-n", "0"},
                                              {"--json"}}) {
    const Ran ran = top(bad);
    EXPECT_EQ(ran.code, 2) << bad[0];
    EXPECT_EQ(ran.out, "");
  }
}

}  // namespace
}  // namespace takt::cli
