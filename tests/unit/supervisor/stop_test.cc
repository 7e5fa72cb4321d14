// SPDX-License-Identifier: Apache-2.0
// Whole attempts: being stopped, and what a leader leaves behind.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <string>
#include <variant>

#include "attempt/folder.h"
#include "base/fs.h"
#include "support/eventually.h"
#include "unit/supervisor/harness.h"

namespace takt::supervisor {
namespace {

using attempt::EndCause;
using attempt::ExitRecord;
using attempt::StopRecord;
using namespace std::chrono_literals;

// Gives up its session, its parent, its descriptors, and does not listen.
constexpr const char* kStubbornTree =
    "trap '' TERM INT HUP\n"
    "setsid sh -c \"trap '' TERM INT HUP; exec <&- >&- 2>&-; sleep 1000 & sleep 1000\" &\n"
    "(setsid sh -c '(sleep 1000 <&- >&- 2>&- &) ; sleep 1000' &)\n"
    "(sleep 1000 &)\n"
    "echo up; sleep 1000; sleep 1000";

class Stops : public testing::Test {
 protected:
  // Starts it, and waits until it says "up".
  void start(Attempt& attempt, const std::string& script) {
    attempt.set_script(script);
    attempt.start();
    attempt.wait_for_output("up\n");
  }

  test::TestCgroup cgroup_;
  SpawnerProcess spawner_;
};

TEST_F(Stops, AStopIsRecordedWithWhoAndWhy) {
  Attempt attempt(spawner_, cgroup_.get());
  start(attempt, "echo up; exec sleep 1000");
  attempt.stop({.by = "uid 1000", .reason = "no longer\nneeded"});
  const ExitRecord record = attempt.result();
  EXPECT_EQ(record.cause, EndCause::kStopped);
  EXPECT_EQ(record.stop_by, "uid 1000");
  EXPECT_EQ(record.stop_reason, "no longer\nneeded");
  EXPECT_FALSE(record.stopped_from_outside);
  EXPECT_FALSE(record.sigkill_needed);
  EXPECT_EQ(WTERMSIG(record.wait_status.value()), SIGTERM);
  EXPECT_EQ(record.stragglers_killed, 0U);
}

TEST_F(Stops, AStubbornTreeIsKilledWhole) {
  Attempt attempt(spawner_, cgroup_.get());
  start(attempt, kStubbornTree);
  // What runs in the background may come after "up".
  EXPECT_TRUE(test::eventually([&] { return attempt.job().processes().value().size() >= 6; }));
  attempt.stop({.by = "me", .grace = 300ms});
  const ExitRecord record = attempt.result();
  EXPECT_EQ(record.cause, EndCause::kStopped);
  EXPECT_TRUE(record.sigkill_needed);
  EXPECT_EQ(WTERMSIG(record.wait_status.value()), SIGKILL);
  EXPECT_GE(record.duration, 300ms);
  attempt.expect_nothing_left();
}

TEST_F(Stops, WithoutGraceItIsKilledAtOnce) {
  Attempt attempt(spawner_, cgroup_.get());
  attempt.plan.grace = 1h;
  start(attempt, kStubbornTree);
  attempt.stop({.by = "me", .grace = 0s});
  const ExitRecord record = attempt.result();
  EXPECT_TRUE(record.sigkill_needed);
  attempt.expect_nothing_left();
}

TEST_F(Stops, ThePlansSignalIsSentAndExitZeroIsStillStopped) {
  Attempt attempt(spawner_, cgroup_.get());
  attempt.plan.stop_signal = SIGUSR1;
  start(attempt, "trap 'echo got it; exit 0' USR1; echo up; while :; do sleep 0.01; done");
  attempt.stop({.by = "me"});
  const ExitRecord record = attempt.result();
  EXPECT_EQ(record.cause, EndCause::kStopped);
  EXPECT_EQ(record.wait_status, 0);
  EXPECT_EQ(attempt.read("stdout"), "up\ngot it\n");
}

TEST_F(Stops, TheLeaderAloneIsAskedWhereThePlanSaysSo) {
  Attempt attempt(spawner_, cgroup_.get());
  attempt.plan.stop_target = attempt::StopTarget::kLeader;
  start(attempt,
        "sh -c 'trap \"echo child\" TERM; echo up; while :; do sleep 0.01; done' & child=$!\n"
        "trap 'echo leader; kill -KILL $child; wait; exit 5' TERM; while :; do sleep 0.01; done");
  attempt.stop({.by = "me"});
  const ExitRecord record = attempt.result();
  EXPECT_EQ(WEXITSTATUS(record.wait_status.value()), 5);
  EXPECT_EQ(attempt.read("stdout"), "up\nleader\n") << "the child got nothing";
}

TEST_F(Stops, WhatTheLeaderLeavesAfterAStopIsAskedThen) {
  Attempt attempt(spawner_, cgroup_.get());
  attempt.plan.stop_target = attempt::StopTarget::kLeader;
  attempt.plan.grace = 1h;
  start(attempt,
        "sh -c 'trap \"echo child; exit\" TERM; echo up; while :; do sleep 0.01; done' &\n"
        "trap 'exit 0' TERM; while :; do sleep 0.01; done");
  attempt.stop({.by = "me"});
  const ExitRecord record = attempt.result();
  EXPECT_EQ(record.cause, EndCause::kStopped);
  EXPECT_EQ(attempt.read("stdout"), "up\nchild\n");
  EXPECT_EQ(record.stragglers_killed, 0U) << "a stop has no stragglers";
}

TEST_F(Stops, AStoppedProcessSeesTheSignal) {
  Attempt attempt(spawner_, cgroup_.get());
  attempt.plan.grace = 1h;
  start(attempt, "echo up; kill -STOP $$; echo on");
  attempt.stop({.by = "me"});
  EXPECT_EQ(WTERMSIG(attempt.result().wait_status.value()), SIGTERM);
}

TEST_F(Stops, AFrozenJobIsThawed) {
  Attempt attempt(spawner_, cgroup_.get());
  attempt.plan.grace = 1h;
  start(attempt, "trap 'exit 9' TERM; echo up; while :; do sleep 0.01; done");
  ASSERT_TRUE(attempt.job().freeze(true).ok());
  attempt.stop({.by = "me"});
  EXPECT_EQ(WEXITSTATUS(attempt.result().wait_status.value()), 9);
}

TEST_F(Stops, ASecondStopShortensNothing) {
  Attempt attempt(spawner_, cgroup_.get());
  attempt.plan.working_directory =
      "/proc/" + std::to_string(::getpid()) + "/fd/" + std::to_string(attempt.folder());
  start(attempt,
        "trap 'echo asked; read x < gate; echo cleaned; exit 0' TERM; mkfifo gate\n"
        "echo up; while :; do sleep 0.01; done");
  attempt.stop({.by = "first", .reason = "one", .grace = 1h});
  attempt.wait_for_output("asked\n");
  attempt.stop({.by = "second", .reason = "two", .grace = 0s});
  ASSERT_TRUE(write_file(attempt.folder(), "gate", "open\n", 0600).ok());
  const ExitRecord record = attempt.result();
  EXPECT_EQ(record.stop_by, "first");
  EXPECT_FALSE(record.sigkill_needed);
  EXPECT_EQ(attempt.read("stdout"), "up\nasked\ncleaned\n");
}

TEST_F(Stops, ABareSignalIsAStopFromOutside) {
  Attempt attempt(spawner_, cgroup_.get());
  start(attempt, "echo up; exec sleep 1000");
  attempt.signal(SIGTERM);
  const ExitRecord record = attempt.result();
  EXPECT_EQ(record.cause, EndCause::kStopped);
  EXPECT_TRUE(record.stopped_from_outside);
  EXPECT_EQ(record.stop_by, "signal from pid " + std::to_string(::getpid()) + " (uid 0)");
}

TEST_F(Stops, OtherSignalsMeanNothingToTheSupervisor) {
  Attempt attempt(spawner_, cgroup_.get());
  start(attempt, "trap 'exit 6' USR1; echo up; while :; do sleep 0.01; done");
  for (const int number : {SIGCONT, SIGHUP, SIGINT, SIGQUIT, SIGPIPE, SIGUSR1, SIGUSR2, SIGALRM})
    attempt.signal(number);
  ASSERT_EQ(::kill(attempt.leader(), SIGUSR1), 0);
  const ExitRecord record = attempt.result();
  EXPECT_EQ(record.cause, EndCause::kExited);
  EXPECT_EQ(WEXITSTATUS(record.wait_status.value()), 6);
}

TEST_F(Stops, AHostShutdownIsToldByTheStopFile) {
  Attempt attempt(spawner_, cgroup_.get());
  start(attempt, "echo up; exec sleep 1000");
  attempt.stop({.cause = attempt::StopCause::kHostShutdown, .by = "worker"});
  EXPECT_EQ(attempt.result().cause, EndCause::kHostShutdown);
}

TEST_F(Stops, ATornStopFileIsStillAStop) {
  Attempt attempt(spawner_, cgroup_.get());
  start(attempt, "echo up; exec sleep 1000");
  ASSERT_TRUE(write_file(attempt.folder(), attempt::kStopFile, "version=1\nby=m", 0600).ok());
  attempt.signal(SIGTERM);
  const ExitRecord record = attempt.result();
  EXPECT_EQ(record.cause, EndCause::kStopped);
  EXPECT_FALSE(record.stopped_from_outside);
  EXPECT_NE(record.note, "");
}

TEST_F(Stops, AStopBeforeGoMeansItNeverRuns) {
  Attempt attempt(spawner_, cgroup_.get());
  attempt.set_script("echo ran");
  attempt.spawn();
  ASSERT_TRUE(std::holds_alternative<attempt::Ready>(attempt.prepare()));
  attempt.stop({.by = "early"});
  attempt.go();
  ASSERT_TRUE(std::holds_alternative<attempt::Ended>(attempt.next()));
  const ExitRecord record = attempt.result();
  EXPECT_EQ(record.cause, EndCause::kStopped);
  EXPECT_EQ(record.stop_by, "early");
  EXPECT_FALSE(record.wait_status.has_value());
  EXPECT_FALSE(attempt.has("stderr"));
  attempt.expect_nothing_left();
}

TEST_F(Stops, TheLeadersEndSeenFirstWinsOverALaterStop) {
  Attempt attempt(spawner_, cgroup_.get());
  // What it leaves behind ignores the signal, so that there is time to stop it while ENDING.
  attempt.set_script(
      "mkfifo p; sh -c \"trap '' TERM; echo > p; exec sleep 1000\" & read x < p; exit 3");
  attempt.plan.working_directory =
      "/proc/" + std::to_string(::getpid()) + "/fd/" + std::to_string(attempt.folder());
  attempt.start();
  ASSERT_TRUE(std::holds_alternative<attempt::Ending>(attempt.next()));
  attempt.stop({.by = "late", .grace = 0s});
  const ExitRecord record = attempt.result();
  EXPECT_EQ(record.cause, EndCause::kExited);
  EXPECT_EQ(WEXITSTATUS(record.wait_status.value()), 3);
  EXPECT_EQ(record.stop_by, "");
  EXPECT_EQ(record.stragglers_killed, 1U);
  EXPECT_TRUE(record.sigkill_needed) << "after the two seconds";
  attempt.expect_nothing_left();
}

TEST_F(Stops, ALeaderThatLeavesATreeBehindIsCleanedUpAfter) {
  Attempt attempt(spawner_, cgroup_.get());
  attempt.set_script("for i in 1 2 3 4 5; do setsid sleep 1000 & done; (sleep 1000 &); exit 0");
  const ExitRecord record = attempt.run();
  EXPECT_EQ(record.cause, EndCause::kExited) << "the state is the leader's";
  EXPECT_EQ(record.wait_status, 0);
  EXPECT_EQ(record.stragglers_killed, 6U);
  attempt.expect_nothing_left();
}

TEST_F(Stops, CgroupsThatTheJobMadeAreEndedAndRemovedToo) {
  Attempt attempt(spawner_, cgroup_.get());
  start(attempt, "d=" + cgroup::Tree::find()->mount_point() + attempt.job().path() +
                     "/inner/most; mkdir -p $d; sleep 1000 & echo $! > $d/cgroup.procs\n"
                     "echo up; exec sleep 1000");
  attempt.stop({.by = "me"});
  const ExitRecord record = attempt.result();
  EXPECT_FALSE(record.sigkill_needed) << "the signal reached it below";
  attempt.expect_nothing_left();
}

}  // namespace
}  // namespace takt::supervisor
