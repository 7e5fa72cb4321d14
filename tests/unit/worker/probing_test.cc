// SPDX-License-Identifier: Apache-2.0
// A worker whose host failed several starts tries one at a time.
#include <gtest/gtest.h>

#include <memory>

#include "unit/worker/worker_parts.h"
#include "worker/session.h"

namespace takt::worker {
namespace {

class ProbingTest : public testing::Test {
 protected:
  ProbingTest() {
    worker_.run([this] {
      Core& core = worker_.core();
      parts_ = std::make_unique<WorkerParts>(core);
      for (std::size_t i = 0; i < limits::kFaultsMax; ++i)
        core.health.failed("spawn: no memory", BootClock::now());
      core.health.probe();
    });
  }

  // Of a scheduler. There is no launcher here, so that none is taken.
  Error start() {
    Result<void> taken;
    worker_.run([&] {
      StartRequest request{.key = {Owner::scheduler("store"), {Uuid::random(), 1}},
                           .spec = {},
                           .submitted_by = "alice",
                           .caller = {},
                           .has_run = false};
      request.caller.role = Role::kScheduler;
      request.spec.argv = {"true"};
      taken = parts_->starting.start(std::move(request), [](const Attempt&) {});
    });
    TAKT_CHECK(!taken.ok(), "taken");
    return taken.error();
  }
  int slots() {
    int slots = 0;
    worker_.run([&] { slots = capacity_of(worker_.core()).slots(); });
    return slots;
  }
  void set_state(const LivePtr& live, JobState state) {
    worker_.run([&] {
      live->acceptance.owner = "store";
      live->record.state = state;
    });
  }

  std::unique_ptr<WorkerParts> parts_;
  WorkerCore worker_;
};

TEST_F(ProbingTest, ASecondStartOfASchedulerIsRefusedUntilTheFirstIsDecided) {
  const LivePtr runs = worker_.add_live({Uuid::random(), 1});
  EXPECT_NE(start().code, ErrorCode::kUnavailable) << "the first one is tried";
  const LivePtr tried = worker_.add_live({Uuid::random(), 1});
  set_state(tried, JobState::kStarting);
  const Error refused = start();
  EXPECT_EQ(refused.code, ErrorCode::kUnavailable);
  EXPECT_NE(refused.message.find("one job at a time"), std::string::npos) << refused.message;
  set_state(tried, JobState::kFailed);
  EXPECT_NE(start().code, ErrorCode::kUnavailable) << "the next one is tried";
  worker_.run([this] { worker_.core().health.worked(); });
  set_state(tried, JobState::kStarting);
  EXPECT_NE(start().code, ErrorCode::kUnavailable) << "the host is open again";
}

TEST_F(ProbingTest, TheCapacityHasOneSlotForTheStartThatIsTried) {
  const LivePtr runs = worker_.add_live({Uuid::random(), 1});
  EXPECT_EQ(slots(), 2);
  const LivePtr tried = worker_.add_live({Uuid::random(), 1});
  set_state(tried, JobState::kStarting);
  EXPECT_EQ(slots(), 2) << "it is taken";
  set_state(tried, JobState::kFailed);
  EXPECT_EQ(slots(), 2);
}

}  // namespace
}  // namespace takt::worker
