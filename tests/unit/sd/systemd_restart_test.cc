// SPDX-License-Identifier: Apache-2.0
// Starts and stops across a daemon-reexec of PID 1 (the bus stays, the name's owner changes) and a
// restart of the bus.
#include "sd/systemd_manager.h"

#include <gtest/gtest.h>

#include <string>

#include "unit/sd/systemd_fixture.h"

namespace takt::sd {
namespace {

using namespace std::chrono_literals;
using Ending = FakeSystemd::Ending;

class SystemdRestartTest : public SystemdManagerTest {
 protected:
  // A start whose job is queued, and known here to be.
  void queue_start() {
    fake_.script({.ending = Ending::kNever});
    start(request());
    ASSERT_TRUE(fake_.wait_calls("StartTransientUnit", 1));
    ASSERT_TRUE(is_pending());
  }
  void restart_bus() {
    daemon_.stop();
    fake_.leave();
    daemon_.start();
  }
};

TEST_F(SystemdRestartTest, AJobThatGoesOnInTheNewPid1EndsAsItTells) {
  queue_start();
  fake_.leave();
  fake_.join();
  ASSERT_TRUE(fake_.wait_calls("Subscribe", 2));
  EXPECT_TRUE(is_pending());
  fake_.end_job(kScope, "failed");
  EXPECT_EQ(result(), "failed");
  EXPECT_EQ(fake_.calls("StartTransientUnit"), 1U);
}

TEST_F(SystemdRestartTest, AJobThatEndedMeanwhileIsFoundByTheUnitsState) {
  queue_start();
  fake_.leave();
  fake_.end_job_silently(kScope, "active");
  fake_.join();
  EXPECT_EQ(result(), "ok");
  EXPECT_EQ(fake_.calls("StartTransientUnit"), 1U);
}

TEST_F(SystemdRestartTest, AJobThatWasForgottenIsSentAgain) {
  queue_start();
  fake_.leave();
  fake_.end_job_silently(kScope, "inactive");
  fake_.script({});
  fake_.join();
  EXPECT_EQ(result(), "ok");
  EXPECT_EQ(fake_.calls("StartTransientUnit"), 2U);
}

TEST_F(SystemdRestartTest, ACallWhoseReplyWasLostButHadItsEffectIsNotSentAgain) {
  fake_.script({.ending = Ending::kAfterReply, .effect_without_reply = true});
  start(request());
  ASSERT_TRUE(fake_.wait_calls("StartTransientUnit", 1));
  fake_.leave();
  fake_.join();
  EXPECT_EQ(result(), "ok");
  EXPECT_EQ(fake_.calls("StartTransientUnit"), 1U);
}

TEST_F(SystemdRestartTest, ACallThatWasLostIsSentAgain) {
  fake_.script({.hold = true});
  start(request());
  ASSERT_TRUE(fake_.wait_calls("StartTransientUnit", 1));
  fake_.leave();
  fake_.script({});
  fake_.join();
  EXPECT_EQ(result(), "ok");
  EXPECT_EQ(fake_.calls("StartTransientUnit"), 2U);
}

TEST_F(SystemdRestartTest, AForeignJobThatIsFoundIsWaitedForButNotBelieved) {
  fake_.script({.hold = true});
  start(request());
  ASSERT_TRUE(fake_.wait_calls("StartTransientUnit", 1));
  fake_.leave();
  fake_.put_unit(kScope, {.state = "active", .job = 77});
  fake_.join();
  ASSERT_TRUE(fake_.wait_calls("Subscribe", 2));
  EXPECT_TRUE(is_pending());
  fake_.script({});
  fake_.put_unit(kScope, {.state = "inactive", .job = 77});  // it was a stop
  fake_.end_job(kScope, "canceled");
  EXPECT_EQ(result(), "ok");  // sent again
  EXPECT_EQ(fake_.calls("StartTransientUnit"), 2U);
}

TEST_F(SystemdRestartTest, AStartMadeWhilePid1IsAwayWaitsForIt) {
  fake_.leave();
  start(request());
  thread_.run([] {});
  fake_.join();
  EXPECT_EQ(result(), "ok");
}

TEST_F(SystemdRestartTest, AStopIsLookedAtToo) {
  fake_.put_unit(kScope, {.state = "active"});
  fake_.script({.ending = Ending::kNever});
  stop(kScope);
  ASSERT_TRUE(fake_.wait_calls("StopUnit", 1));
  ASSERT_TRUE(is_pending());
  fake_.leave();
  fake_.end_job_silently(kScope, "inactive");
  fake_.join();
  EXPECT_EQ(result(), "ok");
}

TEST_F(SystemdRestartTest, ARestartOfTheBusLosesNoEnd) {
  queue_start();
  restart_bus();
  fake_.end_job_silently(kScope, "active");
  fake_.join();
  EXPECT_EQ(result(), "ok");
  EXPECT_EQ(fake_.calls("StartTransientUnit"), 1U);
}

TEST_F(SystemdRestartTest, SignalsComeAgainAfterARestartOfTheBus) {
  queue_start();
  restart_bus();
  fake_.join();
  ASSERT_TRUE(fake_.wait_calls("Subscribe", 2));
  EXPECT_TRUE(is_pending());
  fake_.end_job(kScope, "done");
  EXPECT_EQ(result(), "ok");
}

TEST_F(SystemdRestartTest, ACallInFlightWhenTheBusGoesIsSettledAfterwards) {
  fake_.script({.hold = true});
  start(request());
  ASSERT_TRUE(fake_.wait_calls("StartTransientUnit", 1));
  restart_bus();
  fake_.script({});
  fake_.join();
  EXPECT_EQ(result(), "ok");
  EXPECT_EQ(fake_.calls("StartTransientUnit"), 2U);
}

}  // namespace
}  // namespace takt::sd
