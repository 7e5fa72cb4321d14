// SPDX-License-Identifier: Apache-2.0
// No time in any request, whatever it says, is used before it was checked; and times that are on
// record from before are waited for without haste.
#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <vector>

#include "rpc/channel.h"
#include "scheduler/wall_alarms.h"
#include "support/bad_times.h"
#include "support/log_capture.h"
#include "unit/scheduler/scheduler_fixture.h"

namespace takt::scheduler {
namespace {

using namespace std::chrono_literals;

class BadTimesTest : public SchedulerTest {
 protected:
  // How many there were.
  int expect_refused(const std::string& service) {
    auto channel = rpc::make_channel(config_.listen.front());
    EXPECT_TRUE(channel.ok());
    int count = 0;
    for (const test::BadTime& bad : test::bad_times(service)) {
      const grpc::Status status = test::call(*channel, bad);
      EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT)
          << bad.method << " " << bad.field << " " << bad.what << ": " << status.error_message();
      EXPECT_EQ(status.error_message().find(bad.field + ": "), 0U)
          << bad.method << " " << bad.what << ": " << status.error_message();
      ++count;
    }
    return count;
  }
};

TEST_F(BadTimesTest, EveryTimeOfEveryRequestIsChecked) {
  EXPECT_GT(expect_refused(v1::JobService::service_full_name()), 100);
  EXPECT_GT(expect_refused(v1::OperatorService::service_full_name()), 0);
  EXPECT_EQ(expect_refused(v1::RegistryService::service_full_name()), 0);
}

TEST_F(BadTimesTest, AStartIsAtMostTenYearsAhead) {
  const std::int64_t now = to_unix_us(wall_now()) / kUsPerSecond;
  constexpr std::int64_t kYear = 365 * 86400;
  v1::SubmitJobResponse response;
  v1::JobSpec far = spec();
  far.mutable_not_before_time()->set_seconds(now + 11 * kYear);
  const grpc::Status refused = try_submit(far, "", response);
  EXPECT_EQ(refused.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(refused.error_message().find("spec.not_before_time: "), 0U) << refused.error_message();
  far.mutable_not_before_time()->set_seconds(now + 9 * kYear);
  EXPECT_TRUE(try_submit(far, "", response).ok());
  EXPECT_EQ(get(response.job_id()).state(), v1::JOB_STATE_QUEUED);
}

// As in a store of an earlier version.
TEST(WallAlarms, ATimeFarAheadIsWaitedForAsleep) {
  for (const WallTime when :
       {kWallTimeMax, wall_now() + std::chrono::hours(24 * 365 * 300), WallTime::max()}) {
    const test::LogCapture log;
    auto loop = sd::EventLoop::create();
    ASSERT_TRUE(loop.ok());
    int iterations = 0;
    (*loop)->on_turn_end([&] {
      if (++iterations > 100) (*loop)->exit(1);
    });
    WallAlarms alarms(**loop, [](const Uuid&) { FAIL() << "too early"; });
    alarms.set(Uuid::random(), when);
    const sd::Source end = (*loop)->add_timer(50ms, [&] { (*loop)->exit(0); });
    const auto code = (*loop)->run();
    EXPECT_TRUE(code.ok() && *code == 0) << to_unix_us(when);
    // A loop that runs in a circle would be slowed down, with a warning.
    EXPECT_EQ(test::LogCapture::lines(), std::vector<std::string>()) << to_unix_us(when);
  }
}

}  // namespace
}  // namespace takt::scheduler
