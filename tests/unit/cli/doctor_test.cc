// SPDX-License-Identifier: Apache-2.0
#include "cli/doctor.h"

#include <gtest/gtest.h>

#include "base/version.h"
#include "rpc/convert.h"
#include "unit/cli/fake_scheduler.h"
#include "unit/cli/program_run.h"

namespace takt::cli {
namespace {

v1::Worker worker(const std::string& name, v1::WorkerState state,
                  const std::string& its_version = version()) {
  v1::Worker worker;
  worker.set_name(name);
  worker.set_state(state);
  worker.set_version(its_version);
  return worker;
}

v1::ListWorkersResponse answer_at(WallTime time) {
  v1::ListWorkersResponse answer;
  *answer.mutable_scheduler_time() = rpc::time_to_proto(time);
  answer.set_scheduler_version(version());
  return answer;
}

TEST(CheckScheduler, AClockThatDiffersIsNotedAndAWrongOneIsBad) {
  const WallTime asked = from_unix_us(1'700'000'000'000'000);
  const WallTime answered = asked + seconds(5);
  struct Case {
    WallTime its;
    Verdict verdict;
    std::string what;
  };
  const std::string end = " the scheduler's: times are told wrongly";
  for (const Case& c : {
           Case{asked - seconds(2), Verdict::kGood, "this host's clock and the scheduler's agree"},
           Case{asked + seconds(3), Verdict::kGood, "this host's clock and the scheduler's agree"},
           Case{answered + seconds(3), Verdict::kNote, "this host's clock is 3s behind" + end},
           Case{asked - seconds(60), Verdict::kNote, "this host's clock is 1min ahead of" + end},
           Case{asked - seconds(61), Verdict::kBad, "this host's clock is 1min 1s ahead of" + end},
       }) {
    const Findings found = check_scheduler(answer_at(c.its), asked, answered);
    ASSERT_EQ(found.size(), 2U);
    EXPECT_EQ(found[1].verdict, c.verdict) << c.what;
    EXPECT_EQ(found[1].what, c.what);
  }
}

TEST(CheckScheduler, AnotherVersionIsNoted) {
  v1::ListWorkersResponse answer;
  answer.set_scheduler_version("0.0.9");
  const Findings found = check_scheduler(answer, {}, {});
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[1].verdict, Verdict::kNote);
  EXPECT_EQ(found[1].what, "the scheduler is takt 0.0.9, and this is " + std::string(version()));
}

TEST(CheckLimits, OneWhoseControllerIsMissingIsBad) {
  config::WorkerConfig config;
  config.memory_max_bytes = 1;
  config.cpus_max_millicores = 1;
  EXPECT_TRUE(check_limits(config, {"io", "pids"}).empty());
  const Findings found = check_limits(config, {"cpu", "io", "pids"});
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].verdict, Verdict::kBad);
  EXPECT_EQ(found[0].what,
            "cpus_max in worker.conf needs the controller cpu, which is missing: every job is "
            "refused");
}

TEST(CheckFleet, NoReadyWorkerIsBad) {
  const Findings none = check_fleet({});
  ASSERT_EQ(none.size(), 1U);
  EXPECT_EQ(none[0].verdict, Verdict::kBad);
  EXPECT_EQ(none[0].what, "no worker is ready: jobs wait in the queue");
  EXPECT_EQ(none[0].remedy,
            "on a host that is to run jobs: sudo systemctl enable --now takt-worker");
}

TEST(CheckFleet, EachWorkerThatIsNotReadyIsNamed) {
  const Findings found =
      check_fleet({worker("a", v1::WORKER_STATE_READY), worker("b", v1::WORKER_STATE_UNREACHABLE),
                   worker("c", v1::WORKER_STATE_AWAY)});
  ASSERT_EQ(found.size(), 3U);
  EXPECT_EQ(found[0].what, "1 worker is ready");
  EXPECT_EQ(found[1].verdict, Verdict::kBad);
  EXPECT_EQ(found[1].what, "worker b is unreachable");
  EXPECT_EQ(found[1].remedy,
            "see why on the scheduler's host: journalctl -u takt-scheduler --grep 'worker b'");
  EXPECT_EQ(found[2].verdict, Verdict::kNote);
}

TEST(CheckFleet, AnotherVersionIsNoted) {
  const Findings found = check_fleet({worker("a", v1::WORKER_STATE_READY, "0.0.9")});
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[1].verdict, Verdict::kNote);
  EXPECT_EQ(found[1].what, "worker a is takt 0.0.9, and this is " + std::string(version()));
}

TEST(FindingsText, ALineEachAndWhatToDo) {
  const Findings findings{{Verdict::kGood, "all is well", ""},
                          {Verdict::kNote, "could be better", "try"},
                          {Verdict::kBad, "two mistakes:\na\nb", "mend them"}};
  EXPECT_EQ(findings_text(findings, false),
            "ok      all is well\n"
            "note    could be better\n        -> try\n"
            "FAILED  two mistakes:\n        a\n        b\n        -> mend them\n");
  EXPECT_NE(findings_text(findings, true).find("\x1b[31mFAILED\x1b[0m  two"), std::string::npos);
}

TEST(Doctor, TellsOfTheSchedulerAndItsWorkers) {
  FakeScheduler scheduler;
  scheduler.workers.push_back(worker("one", v1::WORKER_STATE_READY));
  const Ran ran = ProgramRun().run({"doctor", "--address", scheduler.address()});
  EXPECT_NE(ran.out.find("ok      the scheduler answers\nok      1 worker is ready\n"),
            std::string::npos)
      << ran.out;
}

TEST(Doctor, SaysWhatToDoAboutASchedulerThatIsNotThere) {
  const Ran ran =
      ProgramRun().run({"doctor", "--json", "--address", "unix:/nowhere/scheduler.sock"});
  EXPECT_EQ(ran.code, 1);
  EXPECT_NE(ran.out.find("\"verdict\":\"bad\""), std::string::npos) << ran.out;
  EXPECT_NE(ran.out.find("sudo systemctl start takt-scheduler.socket"), std::string::npos);
  EXPECT_EQ(ran.err, "");
}

}  // namespace
}  // namespace takt::cli
