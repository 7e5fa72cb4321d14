// SPDX-License-Identifier: Apache-2.0
// Whole attempts whose worker has lost contact with its scheduler.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <string>

#include "attempt/contact.h"
#include "unit/supervisor/harness.h"

namespace takt::supervisor {
namespace {

using attempt::EndCause;
using attempt::ExitRecord;
using namespace std::chrono_literals;

constexpr auto kLease = 10s;  // the shortest: tests let most of it be over before
constexpr auto kStart = 3s;   // what a start may take

class LeaseTest : public testing::Test {
 protected:
  LeaseTest() : attempt_(spawner_, cgroup_.get()) { attempt_.plan.contact_path = path_; }

  void leave(nanoseconds rest) {
    attempt_.plan.lease = kLease;
    attempt_.plan.last_contact = BootClock::now() - kLease + rest;
  }

  test::TempFolder folder_;
  std::string path_ = folder_.path() + "/contact";
  test::TestCgroup cgroup_;
  SpawnerProcess spawner_;
  Attempt attempt_;
};

TEST_F(LeaseTest, ThatRunsOutEndsTheJobAndSaysSo) {
  attempt_.set_script("trap '' TERM; echo ready; while :; do sleep 0.01; done");
  attempt_.plan.grace = 100ms;
  leave(kStart);
  attempt_.start();
  attempt_.wait_for_output("ready\n");
  const ExitRecord record = attempt_.result();
  EXPECT_EQ(record.cause, EndCause::kWorkerLost);
  EXPECT_EQ(record.stop_reason, "nothing was heard from its scheduler within its lease of 10s");
  EXPECT_TRUE(record.sigkill_needed);
  EXPECT_EQ(attempt::read_supervisor_record(attempt_.folder())->ending_cause,
            EndCause::kWorkerLost);
  attempt_.expect_nothing_left();
}

TEST_F(LeaseTest, IsProlongedByANewerContact) {
  attempt_.set_script("sleep 0.6; exit 3");
  leave(200ms);
  ASSERT_TRUE(attempt::write_contact(path_, BootClock::now()).ok());
  const ExitRecord record = attempt_.run();
  EXPECT_EQ(record.cause, EndCause::kExited);
  EXPECT_EQ(WEXITSTATUS(record.wait_status.value()), 3);
}

TEST_F(LeaseTest, ThatIsOverLetsNothingBegin) {
  attempt_.set_script("echo began");
  leave(-1ms);
  ASSERT_NO_FATAL_FAILURE(attempt_.spawn());
  attempt_.prepare();
  ASSERT_NO_FATAL_FAILURE(attempt_.go());
  const ExitRecord record = attempt_.result();
  EXPECT_EQ(record.cause, EndCause::kWorkerLost);
  EXPECT_FALSE(record.wait_status);
  EXPECT_FALSE(attempt_.has("stdout"));
}

TEST_F(LeaseTest, EndsAFrozenJob) {
  attempt_.set_script("exec sleep 1000");
  leave(kStart);
  attempt_.start();
  ASSERT_TRUE(attempt_.job().freeze(true).ok());
  const ExitRecord record = attempt_.result();
  EXPECT_EQ(record.cause, EndCause::kWorkerLost);
  EXPECT_EQ(WTERMSIG(record.wait_status.value()), SIGTERM);
}

}  // namespace
}  // namespace takt::supervisor
