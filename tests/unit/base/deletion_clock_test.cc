// SPDX-License-Identifier: Apache-2.0
// What a daemon keeps of the clocks, what it logs, and how an operator confirms the time.
#include "base/deletion_clock.h"

#include <gtest/gtest.h>

#include "support/log_capture.h"
#include "unit/base/temp_folder.h"

namespace takt {
namespace {

using namespace std::chrono_literals;

constexpr microseconds kThirtyDays = 24h * 30;

class DeletionClockTest : public testing::Test {
 protected:
  DeletionClockTest() {
    // What is confirmed later is the host's own time, which has to come later, too.
    now_.wall -= 3s;
    now_.boot -= 3s;
    restart();
  }

  void restart() {
    clock_.emplace(DeletionClock::Options{
        .directory = folder_.path(), .program = "takt-worker", .read = [this] { return now_; }});
  }
  bool look(microseconds ran = 0s, microseconds jump = 0s) {
    now_.boot += ran;
    now_.wall += ran + jump;
    return clock_->may_delete(kThirtyDays);
  }
  static std::size_t lines() { return test::LogCapture::lines().size(); }

  const test::LogCapture log_;
  const test::TempFolder folder_;
  ClockReading now_ = read_clocks();
  std::optional<DeletionClock> clock_;
};

TEST_F(DeletionClockTest, AJumpOutlivesTheDaemonAndIsLoggedOnce) {
  EXPECT_TRUE(look());
  EXPECT_TRUE(look(20min));
  EXPECT_EQ(lines(), 0U);
  restart();
  EXPECT_FALSE(look(10min, 24h * 100));
  ASSERT_EQ(lines(), 1U);
  const std::string line = test::LogCapture::lines()[0];
  EXPECT_NE(line.find("takt-worker --confirm-clock"), std::string::npos) << line;
  EXPECT_FALSE(look(10min));
  EXPECT_EQ(lines(), 1U);
  restart();
  EXPECT_FALSE(look(10min));
  EXPECT_EQ(lines(), 2U) << "once for each life of the daemon";
  EXPECT_TRUE(look(24h));
  EXPECT_EQ(lines(), 3U);
}

TEST_F(DeletionClockTest, AnOperatorConfirmsTheTimeWhileTheDaemonRuns) {
  EXPECT_TRUE(look(0s, -24h * 100));
  EXPECT_FALSE(look(1s, 24h * 100));
  ASSERT_TRUE(DeletionClock::confirm(folder_.path()).ok());
  EXPECT_TRUE(look(1min));
  EXPECT_FALSE(look(10min, 24h * 100)) << "it is used up";
  EXPECT_FALSE(look(10min));
}

TEST_F(DeletionClockTest, AConfirmationWaitsForTheDaemon) {
  EXPECT_TRUE(look(0s, -24h * 100));
  ASSERT_TRUE(DeletionClock::confirm(folder_.path()).ok());
  restart();
  EXPECT_TRUE(look(1min, 24h * 100));
  EXPECT_EQ(lines(), 0U) << "nothing was stopped";
}

TEST_F(DeletionClockTest, AConfirmationIsForTheTimeThatItWasGivenAt) {
  EXPECT_TRUE(look());
  ASSERT_TRUE(DeletionClock::confirm(folder_.path()).ok());
  EXPECT_FALSE(look(10min, 24h * 100));
  EXPECT_FALSE(look(10min));
  const auto all = test::LogCapture::lines();
  ASSERT_EQ(all.size(), 2U);
  EXPECT_NE(all[0].find("not for the time"), std::string::npos) << all[0];
}

// An empty battery and a torn file come together, by a power cut.
TEST_F(DeletionClockTest, WhereItCannotBeReadNothingIsDeletedUntilTheClocksAgree) {
  ASSERT_TRUE(write_file(AT_FDCWD, folder_.path() + "/clock", "torn", 0600).ok());
  EXPECT_FALSE(look());
  ASSERT_EQ(lines(), 1U);
  const std::string line = test::LogCapture::lines()[0];
  EXPECT_NE(line.find("cannot be read"), std::string::npos) << line;
  EXPECT_NE(line.find("--confirm-clock"), std::string::npos) << line;
  EXPECT_FALSE(look(23h));
  EXPECT_TRUE(look(1h));
}

TEST_F(DeletionClockTest, AnOperatorConfirmsWhatCannotBeReadToo) {
  ASSERT_TRUE(write_file(AT_FDCWD, folder_.path() + "/clock", "torn", 0600).ok());
  EXPECT_FALSE(look());
  ASSERT_TRUE(DeletionClock::confirm(folder_.path()).ok());
  EXPECT_TRUE(look(1min));
}

TEST_F(DeletionClockTest, AFolderThatIsNotThereIsAnErrorOfTheConfirmation) {
  const auto done = DeletionClock::confirm(folder_.path() + "/none");
  ASSERT_FALSE(done.ok());
  EXPECT_NE(done.error().message.find("/none"), std::string::npos) << done.error().message;
}

}  // namespace
}  // namespace takt
