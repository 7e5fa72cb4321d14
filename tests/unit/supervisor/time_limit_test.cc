// SPDX-License-Identifier: Apache-2.0
// Whole attempts that run longer than they may.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <csignal>
#include <string>
#include <variant>

#include "base/fs.h"
#include "base/limits.h"
#include "support/eventually.h"
#include "unit/supervisor/harness.h"

namespace takt::supervisor {
namespace {

using attempt::EndCause;
using attempt::ExitRecord;
using namespace std::chrono_literals;

class TimeLimit : public testing::Test {
 protected:
  attempt::SupervisorRecord notes(const Attempt& attempt) {
    return attempt::read_supervisor_record(attempt.folder()).value();
  }

  // How often the supervisor has gone to sleep so far, as the kernel writes it.
  std::string wake_ups(const Attempt& attempt) {
    const auto status = read_file(AT_FDCWD, "/proc/" + std::to_string(attempt.pid()) + "/status",
                                  limits::kRecordMaxBytes);
    const std::string key = "\nvoluntary_ctxt_switches:";
    const std::size_t at = status.value().find(key);
    return status->substr(at, status->find('\n', at + 1) - at);
  }

  test::TestCgroup cgroup_;
  SpawnerProcess spawner_;
};

TEST_F(TimeLimit, EndsTheJobAndSaysSo) {
  Attempt attempt(spawner_, cgroup_.get());
  attempt.plan.run_time_limit = 300ms;
  attempt.set_script("sleep 1000 & exec sleep 1000");
  attempt.start();
  ASSERT_TRUE(std::holds_alternative<attempt::Ending>(attempt.next()));
  const ExitRecord record = attempt.result();
  EXPECT_EQ(record.cause, EndCause::kTimedOut);
  EXPECT_EQ(record.run_time_limit, 300ms);
  EXPECT_EQ(WTERMSIG(record.wait_status.value()), SIGTERM);
  EXPECT_FALSE(record.sigkill_needed);
  EXPECT_GE(record.duration, 300ms);
  EXPECT_EQ(notes(attempt).ending_cause, EndCause::kTimedOut)
      << "should the supervisor be lost, its notes say why";
  attempt.expect_nothing_left();
}

TEST_F(TimeLimit, GivesTheGraceThenKills) {
  Attempt attempt(spawner_, cgroup_.get());
  attempt.plan.run_time_limit = 200ms;
  attempt.plan.grace = 200ms;
  attempt.set_script("trap '' TERM; while :; do sleep 0.01; done");
  const ExitRecord record = attempt.run();
  EXPECT_EQ(record.cause, EndCause::kTimedOut);
  EXPECT_TRUE(record.sigkill_needed);
  EXPECT_GE(record.duration, 400ms);
}

TEST_F(TimeLimit, AnExitWithinTheGraceIsKeptBesideTheCause) {
  Attempt attempt(spawner_, cgroup_.get());
  attempt.plan.run_time_limit = 200ms;
  attempt.plan.grace = 1h;
  attempt.set_script("trap 'exit 0' TERM; while :; do sleep 0.01; done");
  const ExitRecord record = attempt.run();
  EXPECT_EQ(record.cause, EndCause::kTimedOut);
  EXPECT_EQ(record.wait_status, 0);
}

TEST_F(TimeLimit, OneThatIsNotReachedMeansNothing) {
  Attempt attempt(spawner_, cgroup_.get());
  attempt.plan.run_time_limit = 1h;
  attempt.set_script("exit 4");
  const ExitRecord record = attempt.run();
  EXPECT_EQ(record.cause, EndCause::kExited);
  EXPECT_FALSE(record.run_time_limit);
}

TEST_F(TimeLimit, AStopThatCameFirstIsTheCause) {
  Attempt attempt(spawner_, cgroup_.get());
  attempt.plan.run_time_limit = 300ms;
  attempt.plan.grace = 800ms;
  attempt.set_script("trap '' TERM; echo up; while :; do sleep 0.01; done");
  attempt.start();
  attempt.wait_for_output("up\n");
  attempt.stop({.by = "me"});
  const ExitRecord record = attempt.result();
  // Within its limit, unless this machine took a nap; the other one changes nothing then.
  const std::string lines = attempt.read("supervisor");
  EXPECT_EQ(lines.find("\nending="), lines.rfind("\nending="));
  EXPECT_EQ(record.cause, notes(attempt).ending_cause);
  EXPECT_EQ(record.run_time_limit.has_value(), record.cause == EndCause::kTimedOut);
}

TEST_F(TimeLimit, StandsStillWhileTheJobIsFrozen) {
  Attempt attempt(spawner_, cgroup_.get());
  attempt.plan.run_time_limit = 2s;
  attempt.set_script("echo up; exec sleep 1000");
  attempt.start();
  attempt.wait_for_output("up\n");
  // A pause that is over before the supervisor has looked is none: it wakes for what happens.
  ASSERT_TRUE(test::eventually([&] {
    const std::string before = wake_ups(attempt);
    EXPECT_TRUE(attempt.job().freeze(true).ok());
    EXPECT_TRUE(test::eventually(
        [&] { return attempt.job().frozen().value() && wake_ups(attempt) != before; }));
    EXPECT_TRUE(attempt.job().freeze(false).ok());
    return notes(attempt).paused > 0us;
  }));
  const ExitRecord record = attempt.result();
  EXPECT_EQ(record.cause, EndCause::kTimedOut);
  EXPECT_GE(record.duration, 2s + notes(attempt).paused);
}

TEST_F(TimeLimit, EndsAFrozenJobWherePausedTimeCounts) {
  Attempt attempt(spawner_, cgroup_.get());
  attempt.plan.run_time_limit = 500ms;
  attempt.plan.count_paused = true;
  attempt.set_script("echo up; exec sleep 1000");
  attempt.start();
  attempt.wait_for_output("up\n");
  ASSERT_TRUE(attempt.job().freeze(true).ok());
  EXPECT_EQ(attempt.result().cause, EndCause::kTimedOut);
  attempt.expect_nothing_left();
}

}  // namespace
}  // namespace takt::supervisor
