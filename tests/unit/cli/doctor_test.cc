// SPDX-License-Identifier: Apache-2.0
#include "cli/doctor.h"

#include <gtest/gtest.h>

#include "base/version.h"
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
