// SPDX-License-Identifier: Apache-2.0
// The history is kept within its bounds, oldest first, and nothing that is owed to anybody goes.
#include "worker/retention.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <string>

#include "base/fs.h"
#include "unit/base/temp_folder.h"
#include "unit/job/specs.h"

namespace takt::worker {
namespace {

using namespace std::chrono_literals;

const WallTime kNow = from_unix_us(1'700'000'000'000'000);

// An attempt that ended `age` ago.
StoredAttempt stored(int number, microseconds age, std::uint64_t bytes = 10) {
  return {.id = {Uuid(), number}, .ended = true, .time = kNow - age, .bytes = bytes};
}

std::vector<int> gone(std::vector<StoredAttempt> all, const RetentionLimits& limits) {
  std::vector<int> numbers;
  for (const AttemptId& id : surplus(std::move(all), limits, kNow)) numbers.push_back(id.number);
  return numbers;
}

constexpr RetentionLimits kWide{.age = 24h, .bytes = 1000, .attempts = 1000};

TEST(Surplus, WithinTheBoundsNothingGoes) {
  EXPECT_TRUE(gone({}, kWide).empty());
  EXPECT_TRUE(gone({stored(1, 1h), stored(2, 24h)}, kWide).empty());
}

TEST(Surplus, WhatIsTooOldGoes) {
  EXPECT_EQ(gone({stored(1, 1h), stored(2, 25h), stored(3, 24h + 1us)}, kWide),
            (std::vector<int>{2, 3}));
}

TEST(Surplus, BeyondSizeOrNumberTheOldestGo) {
  const std::vector<StoredAttempt> all{stored(1, 3h), stored(2, 1h), stored(3, 2h), stored(4, 4h)};
  RetentionLimits limits = kWide;
  limits.attempts = 2;
  EXPECT_EQ(gone(all, limits), (std::vector<int>{4, 1}));
  limits = kWide;
  limits.bytes = 35;
  EXPECT_EQ(gone(all, limits), (std::vector<int>{4}));
  limits.bytes = 9;
  EXPECT_EQ(gone(all, limits), (std::vector<int>{4, 1, 3, 2}));
}

TEST(Surplus, WhatHasNoEndGoesByAgeOnly) {
  StoredAttempt aside = stored(1, 23h, 5000);
  aside.ended = false;
  RetentionLimits limits = kWide;
  limits.attempts = 1;
  EXPECT_EQ(gone({aside, stored(2, 1h, 0)}, limits), (std::vector<int>{2}))
      << "its size counts, but it may be one that is being made";
  aside.time = kNow - 25h;
  EXPECT_EQ(gone({aside, stored(2, 1h, 0)}, limits), (std::vector<int>{1}));
}

class History : public testing::Test {
 protected:
  void SetUp() override {
    auto opened = StateFolder::open(folder_.path() + "/state");
    ASSERT_TRUE(opened.ok());
    state_.emplace(std::move(*opened));
  }
  AttemptId make(const Uuid& job, int number, bool ended, bool owed) {
    Acceptance acceptance;
    acceptance.owner = kDirectOwner;
    acceptance.spec = test::small_spec();
    const AttemptId id{job, number};
    const auto made = state_->create_attempt(id, acceptance);
    EXPECT_TRUE(made.ok());
    if (ended) {
      EXPECT_TRUE(write_file(made->get(), "exit", "x", 0600).ok());
    }
    if (!owed) {
      EXPECT_TRUE(state_->forget_active(id).ok());
    }
    return id;
  }
  std::vector<AttemptId> ids() {
    const auto all = state_->stored(stop_);
    EXPECT_TRUE(all.ok());
    std::vector<AttemptId> found;
    for (const StoredAttempt& attempt : *all) found.push_back(attempt.id);
    std::sort(found.begin(), found.end());
    return found;
  }

  test::TempFolder folder_;
  std::optional<StateFolder> state_;
  std::atomic<bool> stop_{false};
};

TEST_F(History, AJumpOfTheClockDeletesNothingByItsAge) {
  for (int number = 1; number <= 3; ++number) make(Uuid::random(), number, true, false);
  RetentionLimits most{.age = 1us, .bytes = std::uint64_t{1} << 30, .attempts = 1000};
  ClockReading seen = read_clocks();
  seen.wall -= 24h * 40;
  const auto clock = [&] {
    return DeletionClock({.directory = folder_.path(), .program = "takt-worker"});
  };
  DeletionClock before(
      {.directory = folder_.path(), .program = "takt-worker", .read = [&] { return seen; }});
  ASSERT_TRUE(before.may_delete(most.age));
  DeletionClock after = clock();
  EXPECT_EQ(keep_within(*state_, most, after, stop_).value(), 0U);
  most.attempts = 2;
  EXPECT_EQ(keep_within(*state_, most, after, stop_).value(), 1U) << "by number, as ever";
  ASSERT_TRUE(DeletionClock::confirm(folder_.path()).ok());
  DeletionClock confirmed = clock();
  EXPECT_EQ(keep_within(*state_, most, confirmed, stop_).value(), 2U);
}

TEST_F(History, IsWhatNobodyIsOwed) {
  const Uuid job = Uuid::random();
  const AttemptId first = make(job, 1, true, false);
  make(job, 2, true, true);
  make(Uuid::random(), 1, false, true);
  EXPECT_EQ(ids(), (std::vector<AttemptId>{first}));
  const StoredAttempt found = state_->stored(stop_)->front();
  EXPECT_TRUE(found.ended);
  EXPECT_GT(found.bytes, 0U);
  stop_ = true;
  EXPECT_TRUE(state_->stored(stop_)->empty());
}

TEST_F(History, WhatWasSetAsideHasNoEndThatWasTold) {
  const AttemptId id = make(Uuid::random(), 1, true, true);
  ASSERT_TRUE(state_->set_aside(id).ok());
  EXPECT_EQ(ids(), (std::vector<AttemptId>{id}));
  EXPECT_FALSE(state_->stored(stop_)->front().ended) << "neither bytes nor number remove it";
  ASSERT_TRUE(state_->remove_stored(id).ok());
  EXPECT_FALSE(state_->open_folder(id).ok());
  EXPECT_TRUE(state_->damaged()->empty()) << "the link goes, too";
}

TEST_F(History, WithoutAnEndItIsAsOldAsWhatItLastDid) {
  const AttemptId id = make(Uuid::random(), 1, false, false);
  const auto before = state_->stored(stop_)->front().time;
  const auto folder = state_->open_folder(id);
  const timespec later[2] = {{.tv_sec = 4'000'000'000, .tv_nsec = 0},
                             {.tv_sec = 4'000'000'000, .tv_nsec = 0}};
  ASSERT_TRUE(write_file(folder->get(), "stdout", "x", 0600).ok());
  ASSERT_EQ(::utimensat(folder->get(), "stdout", later, 0), 0);
  EXPECT_GT(state_->stored(stop_)->front().time, before);
}

TEST_F(History, WhatGoesGoesWholeAndTakesItsJobsFolderAlong) {
  const Uuid job = Uuid::random();
  const AttemptId first = make(job, 1, true, false);
  const AttemptId second = make(job, 2, true, false);
  const AttemptId owed = make(Uuid::random(), 1, true, true);
  ASSERT_TRUE(state_->remove_stored(first).ok());
  EXPECT_EQ(ids(), (std::vector<AttemptId>{second}));
  ASSERT_TRUE(state_->remove_stored(second).ok());
  EXPECT_FALSE(state_->open_folder(second).ok());
  ASSERT_TRUE(state_->remove_stored(second).ok()) << "gone already";
  ASSERT_TRUE(state_->remove_stored(owed).ok());
  EXPECT_TRUE(state_->open_folder(owed).ok()) << "owed to a scheduler: left alone";
  EXPECT_EQ(state_->jobs(std::nullopt, 10)->size(), 1U);
}

}  // namespace
}  // namespace takt::worker
