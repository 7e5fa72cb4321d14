// SPDX-License-Identifier: Apache-2.0
// A loop that is kept busy, by a timer without a pause or by a handler that takes long, says so.
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/limits.h"
#include "sd/event_loop.h"
#include "support/log_capture.h"

namespace takt::sd {
namespace {

using namespace std::chrono_literals;

class BusyLoopTest : public testing::Test {
 protected:
  void SetUp() override {
    auto made = EventLoop::create();
    ASSERT_TRUE(made.ok()) << made.error().message;
    loop_ = std::move(*made);
    guard_ = loop_->add_timer(20s, [this] {
      ADD_FAILURE() << "the loop did not end by itself";
      loop_->exit(-1);
    });
  }

  int run() {
    const Result<int> code = loop_->run();
    return code.ok() ? *code : -2;
  }

  std::unique_ptr<EventLoop> loop_;
  Source guard_;
};

TEST_F(BusyLoopTest, ATimerThatIsDueAtOnceForEverWaitsAndIsLogged) {
  const test::LogCapture log;
  const BootTime begin = BootClock::now();
  int rounds = 0;
  Source timer;
  std::function<void()> again = [&] {
    if (++rounds == 3 * limits::kTimerChainMax) return loop_->exit(0);
    timer = loop_->add_timer(nanoseconds(-1), again);
  };
  again();
  EXPECT_EQ(run(), 0);
  EXPECT_GE(BootClock::now() - begin, 2 * limits::kTimerChainPause);
  const auto lines = test::LogCapture::lines();
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_NE(lines[0].find("1000 times in a row"), std::string::npos) << lines[0];
  EXPECT_NE(lines[0].find("ATimerThatIsDueAtOnceForEver"), std::string::npos) << lines[0];
}

TEST_F(BusyLoopTest, ManyTimersAtOnceAreNoChain) {
  const test::LogCapture log;
  int left = 5 * limits::kTimerChainMax;
  std::vector<Source> timers;
  for (int i = left; i > 0; --i)
    timers.push_back(loop_->add_timer(nanoseconds(0), [&] {
      if (--left == 0) loop_->exit(0);
    }));
  EXPECT_EQ(run(), 0);
  EXPECT_TRUE(test::LogCapture::lines().empty());
}

// Works for that long.
void be_busy(nanoseconds span) {
  for (const BootTime begin = BootClock::now(); BootClock::now() - begin < span;) {
  }
}

TEST_F(BusyLoopTest, ASlowIterationIsCountedAndAVerySlowOneLogged) {
  const test::LogCapture log;
  const auto named = [] {
    std::string lines;
    for (const std::string& line : test::LogCapture::lines())
      if (line.find("ASlowIterationIsCounted") != std::string::npos) lines += line + "\n";
    return lines;
  };
  ASSERT_TRUE(loop_->post([] { be_busy(limits::kIterationSlow + 5ms); }));
  std::uint64_t before = 0;
  Source timer;
  std::function<void()> tick = [&] {
    if (before == 0 && loop_->slow_iterations() > 0) {
      before = loop_->slow_iterations();
      EXPECT_EQ(named(), "");
      be_busy(limits::kIterationLogged + 5ms);
    } else if (before > 0 && loop_->slow_iterations() > before) {
      return loop_->exit(0);
    }
    timer = loop_->add_timer(1ms, tick);
  };
  tick();
  EXPECT_EQ(run(), 0);
  EXPECT_NE(named().find("an iteration of the event loop took 5"), std::string::npos) << named();
}

// As a mailbox does: the log names what took the time, not what carried it.
TEST_F(BusyLoopTest, ACarriedTaskGoesByItsOwnName) {
  const test::LogCapture log;
  const std::function<void()> task = std::bind(be_busy, limits::kIterationLogged + 5ms);
  ASSERT_TRUE(loop_->post([&] { loop_->run_within(task); }));
  Source end = loop_->add_timer(1ms, [this] { loop_->exit(0); });
  loop_->on_turn_end([] {});
  EXPECT_EQ(run(), 0);
  ASSERT_FALSE(test::LogCapture::lines().empty());
  EXPECT_NE(test::LogCapture::lines()[0].find("in std::_Bind"), std::string::npos)
      << test::LogCapture::lines()[0];
}

}  // namespace
}  // namespace takt::sd
