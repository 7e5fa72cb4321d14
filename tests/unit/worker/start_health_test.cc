// SPDX-License-Identifier: Apache-2.0
// Whose fault a failed start is, and when a host that fails starts takes jobs again.
#include "worker/start_health.h"

#include <gtest/gtest.h>

#include <cerrno>

namespace takt::worker {
namespace {

using namespace std::chrono_literals;
using State = StartHealth::State;

Error system(int number) {
  return {.code = ErrorCode::kSystem, .message = "it failed", .field = "", .error_number = number};
}

TEST(HostFault, IsWhatTheHostCannotDoForAnyJob) {
  for (const int number : {EAGAIN, ENOMEM, EMFILE, ENFILE, ENOSPC, EDQUOT, EROFS, EIO})
    for (const char* step : {"record", "script", "spawn", "cgroup", "prepare", "plan", "limits"})
      EXPECT_TRUE(is_host_fault(step, system(number))) << step << " " << number;
  for (const char* step : {"record", "script", "spawn", "cgroup", "scope", "user"})
    EXPECT_TRUE(is_host_fault(step, system(EACCES))) << step;
  for (const auto code : {ErrorCode::kDeadlineExceeded, ErrorCode::kPermissionDenied,
                          ErrorCode::kResourceExhausted, ErrorCode::kUnavailable})
    EXPECT_TRUE(is_host_fault("scope", make_error(code, "no")));
  EXPECT_TRUE(is_host_fault("user", make_error(ErrorCode::kDeadlineExceeded, "it took too long")));
}

TEST(HostFault, IsNothingThatTheJobAsksFor) {
  Error of_field = system(ENOSPC);
  of_field.field = "spec.resources.memory_bytes";
  EXPECT_FALSE(is_host_fault("limits", of_field));
  EXPECT_FALSE(is_host_fault("user", make_error(ErrorCode::kNotFound, "there is no such user")));
  EXPECT_FALSE(is_host_fault("policy", make_error(ErrorCode::kPermissionDenied, "no")));
  EXPECT_FALSE(is_host_fault("supervisor", make_error(ErrorCode::kInternal, "it ended")));
  EXPECT_FALSE(is_host_fault("scope", make_error(ErrorCode::kCancelled, "systemctl stop")));
  EXPECT_FALSE(is_host_fault("scope", make_error(ErrorCode::kExists, "it is there")));
  EXPECT_FALSE(is_host_fault("limits", system(EINVAL)));
}

class StartHealthTest : public testing::Test {
 protected:
  // So many faults; whether any of them changed the state.
  bool fail(int count = 1) {
    bool changed = false;
    for (int i = 0; i < count; ++i) changed = health_.failed("cgroup: no space", now_) || changed;
    return changed;
  }
  nanoseconds pause() const { return health_.probe_time() - now_; }

  BootTime now_{1h};
  StartHealth health_;
};

TEST_F(StartHealthTest, FiveInARowCloseIt) {
  EXPECT_FALSE(fail(4));
  EXPECT_EQ(health_.state(), State::kOpen);
  EXPECT_EQ(health_.fault(), "");
  EXPECT_TRUE(fail());
  EXPECT_EQ(health_.state(), State::kClosed);
  EXPECT_EQ(health_.fault(), "the host failed to start 5 jobs in a row: cgroup: no space");
}

TEST_F(StartHealthTest, AStartThatWorksBeginsTheCountAgain) {
  for (int round = 0; round < 3; ++round) {
    EXPECT_FALSE(fail(4));
    EXPECT_FALSE(health_.worked());
  }
  EXPECT_EQ(health_.state(), State::kOpen);
}

TEST_F(StartHealthTest, EachProbeThatFailsDoublesThePause) {
  fail(5);
  nanoseconds expected = limits::kProbeMin;
  for (int probe = 0; probe < 10; ++probe) {
    EXPECT_EQ(pause(), std::min<nanoseconds>(expected, limits::kProbeMax));
    EXPECT_FALSE(fail(7)) << "of those that were under way";
    EXPECT_EQ(pause(), std::min<nanoseconds>(expected, limits::kProbeMax));
    now_ = health_.probe_time();
    health_.probe();
    EXPECT_EQ(health_.fault(), "");
    EXPECT_TRUE(fail());
    EXPECT_EQ(health_.state(), State::kClosed);
    expected *= 2;
  }
}

TEST_F(StartHealthTest, AProbeThatRunsOpensItAndAllBeginsAgain) {
  fail(5);
  health_.probe();
  fail();
  health_.probe();
  EXPECT_TRUE(health_.worked());
  EXPECT_EQ(health_.state(), State::kOpen);
  EXPECT_FALSE(fail(4));
  EXPECT_TRUE(fail());
  EXPECT_EQ(pause(), limits::kProbeMin);
}

}  // namespace
}  // namespace takt::worker
