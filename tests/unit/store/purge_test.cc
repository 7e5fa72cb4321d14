// SPDX-License-Identifier: Apache-2.0
// Which jobs leave the history, in which order, and what a step costs.
#include "store/purge.h"

#include <sqlite3.h>

#include <functional>

#include "store/connection.h"
#include "store/snapshot.h"
#include "support/eventually.h"
#include "unit/store/store_fixture.h"

namespace takt::store {
namespace {

using std::chrono::hours;

class PurgeTest : public StoreTest {
 protected:
  // Jobs that ended `age` ago, in one batch; gives the first one's number.
  std::int64_t add_ended(int count, microseconds age, const std::string& name = "",
                         std::size_t script_bytes = 0) {
    Batch batch;
    const std::int64_t first = revision_ + 1;
    for (int at = 0; at < count; ++at) {
      JobWrite write = new_job(name);
      write.job.state = static_cast<JobState>(5 + at % 3);
      write.job.end = JobEnd{.cause = EndCause::kExited, .exit_code = 0};
      write.job.end_time = now_ - age;
      edit(write, [&](JobSpec& spec) {
        spec.script.assign(script_bytes, 'x');
        spec.labels = {{"team", "ops"}};
      });
      Attempt attempt;
      attempt.id = {write.job.id, 1};
      attempt.state = write.job.state;
      write.job.attempts = {attempt};
      batch.jobs.push_back(std::move(write));
    }
    EXPECT_TRUE(commit(std::move(batch)).ok());
    return first;
  }

  // The purge itself instead of the store's thread.
  void take_over(const HistoryLimits& limits) {
    store_.reset();
    auto connection = Connection::open({.path = folder_.path() + "/takt.db"});
    ASSERT_TRUE(connection.ok());
    adopt_epoch(**connection);
    connection_ = std::move(*connection);
    purge_ = std::make_unique<Purge>(limits);
  }
  std::size_t step(microseconds later = {}) {
    const auto removed = purge_->step(*connection_, now_ + later);
    EXPECT_TRUE(removed.ok()) << removed.error().message;
    if (!removed.ok()) return 0;
    inputs_gone_ += removed->inputs;
    return removed->jobs;
  }
  // Steps until there is nothing to do now.
  std::size_t purge(microseconds later = {}) {
    std::size_t removed = 0;
    do {
      removed += step(later);
    } while (purge_->due() <= now_ + later);
    return removed;
  }
  // What SQLite does meanwhile, in tens of its own instructions.
  int steps_of(const std::function<void()>& what) {
    int steps = 0;
    sqlite3* const handle = connection_->database().getHandle();
    const auto tick = [](void* counter) { return ++*static_cast<int*>(counter), 0; };
    sqlite3_progress_handler(handle, 10, tick, &steps);
    what();
    sqlite3_progress_handler(handle, 0, nullptr, nullptr);
    return steps;
  }
  std::int64_t count(const char* sql) { return connection_->number_of(sql); }
  // Steps as the writer does, which measures after each.
  std::size_t make_room() {
    std::size_t removed = 0;
    purge_->set_used(connection_->used_bytes());
    do {
      removed += step();
      purge_->set_used(connection_->used_bytes());
    } while (purge_->due() <= now_);
    return removed;
  }

  const WallTime now_ = wall_now();
  std::unique_ptr<Connection> connection_;
  std::unique_ptr<Purge> purge_;
  std::size_t inputs_gone_ = 0;
};

TEST_F(PurgeTest, BeyondTheNumberTheOldestEndedGoAndNothingThatLives) {
  open();
  ASSERT_TRUE(commit({{new_job("lives")}, {}, {}}).ok());
  const std::int64_t first = add_ended(900, hours(1));
  take_over({.jobs_max = 100});
  EXPECT_EQ(purge(), 800U);
  EXPECT_EQ(count("SELECT min(number) FROM jobs WHERE state >= 5"), first + 800);
  EXPECT_EQ(count("SELECT count(*) FROM jobs"), 101);
  EXPECT_EQ(count("SELECT count(*) FROM jobs WHERE name = 'lives'"), 1);
}

TEST_F(PurgeTest, WhatIsPastItsAgeGoesWhereverItStands) {
  open();
  add_ended(300, hours(1), "young");
  add_ended(300, hours(50), "old");
  add_ended(300, hours(2), "young");
  take_over({.age_max = hours(48)});
  EXPECT_EQ(purge(), 300U);
  EXPECT_EQ(count("SELECT count(*) FROM jobs WHERE name = 'young'"), 600);
  EXPECT_EQ(purge_->due(), now_ + hours(46)) << "nothing comes of age before";
  EXPECT_EQ(purge(hours(46)), 300U);
  EXPECT_EQ(purge(hours(47)), 300U);
  EXPECT_EQ(count("SELECT count(*) FROM jobs"), 0);
}

TEST_F(PurgeTest, WhileOldOnesAreKeptOnlyTheNumberCounts) {
  open();
  add_ended(300, hours(50), "old");
  take_over({.age_max = hours(48), .jobs_max = 200});
  purge_->keep_old(true);
  EXPECT_EQ(purge(), 100U);
  EXPECT_GT(purge_->due(), now_ + hours(24 * 365)) << "it is not asked again and again";
  purge_->keep_old(false);
  EXPECT_LE(purge_->due(), now_);
  EXPECT_EQ(purge(), 200U);
}

TEST_F(PurgeTest, AJobGoesWithAllThatIsItsAndItsPlaceIsUsedAgain) {
  open();
  add_ended(200, hours(50), "old", 5000);
  take_over({.age_max = hours(48)});
  EXPECT_EQ(purge(), 200U);
  for (const char* table : {"jobs", "specs", "labels", "attempts"})
    EXPECT_EQ(count((std::string("SELECT count(*) FROM ") + table).c_str()), 0) << table;
  const std::int64_t pages = count("PRAGMA page_count");
  connection_.reset();
  open();
  add_ended(200, hours(1), "new", 5000);
  take_over({});
  EXPECT_LT(count("PRAGMA page_count"), pages + pages / 10) << "events stay";
}

TEST_F(PurgeTest, WhatHasJustEndedStaysInAnyCase) {
  open();
  add_ended(10, std::chrono::seconds(30));
  take_over({.jobs_max = 1});
  EXPECT_EQ(purge(), 0U);
  EXPECT_GT(purge_->due(), now_) << "and it is not asked again and again";
  EXPECT_EQ(purge(std::chrono::minutes(1)), 9U);
}

TEST_F(PurgeTest, JobsThatEndLaterAreCountedToo) {
  open();
  add_ended(10, hours(1));
  take_over({.jobs_max = 10});
  EXPECT_EQ(purge(), 0U);
  EXPECT_GT(purge_->due(), now_);
  purge_->on_ended(4, 1);
  EXPECT_LE(purge_->due(), now_);
  EXPECT_EQ(purge(), 4U);
  purge_->restart();
  purge_->set_limits({.jobs_max = 5});
  EXPECT_EQ(purge(), 1U) << "six were there, counted anew";
}

TEST_F(PurgeTest, AStepCostsTheSameHoweverMuchIsThere) {
  const auto cost_of_a_step = [this](int lives, int ended) {
    test::TempFolder folder;
    options_.directory = folder.path();
    revision_ = 0;
    open();
    Batch batch;
    for (int at = 0; at < lives; ++at) batch.jobs.push_back(new_job());
    EXPECT_TRUE(commit(std::move(batch)).ok());
    add_ended(ended, hours(1));
    store_.reset();
    auto connection = Connection::open({.path = folder.path() + "/takt.db"});
    connection_ = std::move(*connection);
    adopt_epoch(*connection_);
    purge_ = std::make_unique<Purge>(HistoryLimits{.jobs_max = 1});
    EXPECT_EQ(step(), limits::kPurgeStep) << "the first one counts, too";
    const int steps = steps_of([this] { EXPECT_EQ(step(), limits::kPurgeStep); });
    connection_.reset();
    return steps;
  };
  const int small = cost_of_a_step(0, 800);
  const int large = cost_of_a_step(3000, 5000);
  EXPECT_GT(small, 0);
  EXPECT_LT(large, small + small / 5);
}

constexpr std::int64_t kMiB = limits::kMiB;
constexpr const char* kCountMarks = "SELECT count(*) FROM specs WHERE script = x'00'";

TEST_F(PurgeTest, ScriptsOfEndedJobsMakeRoomTheOldestFirstAndNoMoreThanNeeded) {
  open();
  JobWrite lives = new_job("lives");
  edit(lives, [](JobSpec& spec) { spec.script.assign(kMiB, 'x'); });
  ASSERT_TRUE(commit({{lives}, {}, {}}).ok());
  add_ended(1, hours(1), "small", 1000);
  const std::int64_t first = add_ended(1, hours(1), "oldest", kMiB);
  add_ended(19, hours(1), "fat", kMiB);
  take_over({.store_max_bytes = 24 * kMiB});
  EXPECT_EQ(make_room(), 0U) << "jobs stay while scripts are enough";
  EXPECT_EQ(count("SELECT count(*) FROM jobs"), 22);
  EXPECT_LE(connection_->used_bytes(), 15 * kMiB);
  EXPECT_GE(connection_->used_bytes(), 10 * kMiB) << "a step is a few";
  EXPECT_EQ(count(kCountMarks), static_cast<std::int64_t>(inputs_gone_));
  EXPECT_EQ(count("SELECT max(number) FROM specs WHERE script = x'00'"),
            first + static_cast<std::int64_t>(inputs_gone_) - 1)
      << "the oldest";
  EXPECT_EQ(count("SELECT length(script) FROM specs ORDER BY number LIMIT 1"), kMiB) << "it lives";
  EXPECT_EQ(count("SELECT length(script) FROM specs ORDER BY number LIMIT 1 OFFSET 1"), 1000)
      << "a small one gives no room";
  connection_.reset();
  open();
  const auto removed = get("oldest");
  ASSERT_TRUE(removed.ok()) << removed.error().message;
  EXPECT_TRUE(removed->input_removed);
  EXPECT_EQ(removed->job.spec->script, "");
  EXPECT_FALSE(get("lives")->input_removed);
}

TEST_F(PurgeTest, AnOldJobThatEndsLaterMakesRoomAtOnce) {
  open();
  JobWrite old = new_job("old");
  edit(old, [](JobSpec& spec) { spec.script.assign(kMiB, 'x'); });
  ASSERT_TRUE(commit({{old}, {}, {}}).ok());
  add_ended(10, std::chrono::seconds(30));
  take_over({.store_max_bytes = kMiB});
  EXPECT_EQ(make_room(), 0U);
  EXPECT_EQ(inputs_gone_, 0U);
  connection_->execute("UPDATE jobs SET state = 7 WHERE name = 'old'");
  purge_->on_ended(1, old.number);
  EXPECT_EQ(make_room(), 0U);
  EXPECT_EQ(inputs_gone_, 1U);
}

TEST_F(PurgeTest, JobsMakeRoomWhenNoScriptIsLeft) {
  open();
  ASSERT_TRUE(commit({{new_job("lives")}, {}, {}}).ok());
  const std::int64_t first = add_ended(4000, hours(1), "", 3000);
  add_ended(10, std::chrono::seconds(30), "young", 3000);
  take_over({.store_max_bytes = 16 * kMiB});
  ASSERT_GT(connection_->used_bytes(), 12 * kMiB);
  const std::size_t removed = make_room();
  EXPECT_EQ(inputs_gone_, 0U);
  EXPECT_GT(removed, 0U);
  EXPECT_LE(connection_->used_bytes(), 10 * kMiB);
  EXPECT_EQ(count("SELECT min(number) FROM jobs WHERE state >= 5"),
            first + static_cast<std::int64_t>(removed));
  EXPECT_EQ(count("SELECT count(*) FROM jobs WHERE name IN ('young', 'lives')"), 11);
}

TEST_F(PurgeTest, WhatLivesOrIsYoungIsNotLookedAtAgainAndAgain) {
  open();
  JobWrite lives = new_job("lives");
  edit(lives, [](JobSpec& spec) { spec.script.assign(kMiB, 'x'); });
  ASSERT_TRUE(commit({{lives}, {}, {}}).ok());
  add_ended(10, std::chrono::seconds(30));
  take_over({.store_max_bytes = kMiB});
  EXPECT_EQ(make_room(), 0U);
  EXPECT_EQ(purge_->due(), now_ + limits::kHistoryAgeMin);
  EXPECT_EQ(count("SELECT count(*) FROM jobs"), 11);
}

TEST_F(PurgeTest, ARequestWhoseInputIsGoneStillGivesItsIds) {
  open();
  const std::int64_t first = add_ended(1, hours(1), "fat", kMiB);
  ASSERT_TRUE(commit({{}, {}, {{"uid 1", "r-1", first, 1}}}).ok());
  take_over({.store_max_bytes = kMiB});
  make_room();
  EXPECT_EQ(inputs_gone_, 1U);
  connection_.reset();
  open();
  const auto found = ask<std::optional<StoredRequest>>(
      [&](auto done) { store_->reader().request(own_asker(), "uid 1", "r-1", done); });
  ASSERT_TRUE(found.ok() && found->has_value());
  EXPECT_EQ((*found)->job_ids.size(), 1U);
  EXPECT_FALSE((*found)->specs[0].has_value()) << "not known any more";
}

// Not of the purge, but of what it leaves.
TEST_F(PurgeTest, LoadingCostsNothingForWhatHasEnded) {
  open();
  ASSERT_TRUE(commit({{new_job(), new_job()}, {}, {}}).ok());
  add_ended(10, hours(1));
  const auto cost = [this] {
    take_over({});
    const int steps = steps_of([this] {
      const auto loaded = load_snapshot(*connection_);
      ASSERT_TRUE(loaded.ok());
      EXPECT_EQ(loaded->jobs.size(), 2U);
    });
    connection_.reset();
    return steps;
  };
  const int small = cost();
  open();
  add_ended(2000, hours(1));
  EXPECT_LE(cost(), small + 1);
}

TEST_F(PurgeTest, LargeSpecsMakeAStepShorter) {
  open();
  add_ended(20, hours(1), "fat", 1 << 20);
  take_over({.jobs_max = 1});
  EXPECT_EQ(step(), 4U);
  EXPECT_EQ(purge(), 15U);
}

TEST_F(PurgeTest, AStepThatFailsRemovesNothingAndCountsAnew) {
  options_.busy_timeout = milliseconds(20);
  open();
  add_ended(10, hours(1));
  take_over({.jobs_max = 1});
  connection_->execute("PRAGMA busy_timeout=20");
  SQLite::Database other(folder_.path() + "/takt.db", SQLite::OPEN_READWRITE);
  other.exec("BEGIN IMMEDIATE");
  EXPECT_EQ(purge_->step(*connection_, now_).error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(count("SELECT count(*) FROM jobs"), 10);
  other.exec("ROLLBACK");
  EXPECT_EQ(purge(), 9U);
}

TEST_F(PurgeTest, TheWriterPurgesByItselfAndTakesOtherBounds) {
  options_.history.age_min = {};
  open();
  const auto gone = [this](const std::string& name) {
    return get(name).error().code == ErrorCode::kNotFound;
  };
  add_ended(1, hours(1), "first");
  add_ended(1, hours(1), "second");
  store_->writer().set_history({.jobs_max = 1, .age_min = {}});
  EXPECT_TRUE(test::eventually([&] { return get("first").ok() ? false : gone("first"); }));
  EXPECT_TRUE(get("second").ok());
  add_ended(1, hours(1), "third");
  EXPECT_TRUE(test::eventually([&] { return get("second").ok() ? false : gone("second"); }));
  EXPECT_TRUE(get("third").ok());
}

TEST_F(PurgeTest, ARequestOfJobsThatAreGoneStillGivesTheirIds) {
  open();
  const std::int64_t first = add_ended(2, hours(50), "old");
  const auto page = events(0, revision_, 10);
  ASSERT_TRUE(commit({{}, {}, {{"uid 1", "r-1", first, 2}}}).ok());
  take_over({.jobs_max = 1});
  EXPECT_EQ(purge(), 1U);
  connection_.reset();
  open();
  const auto found = ask<std::optional<StoredRequest>>(
      [&](auto done) { store_->reader().request(own_asker(), "uid 1", "r-1", done); });
  ASSERT_TRUE(found.ok() && found->has_value());
  ASSERT_EQ((*found)->job_ids.size(), 2U);
  EXPECT_EQ((*found)->job_ids[0], page->changes[0].job_id);
  EXPECT_FALSE((*found)->specs[0].has_value());
  EXPECT_TRUE((*found)->specs[1].has_value());
}

TEST_F(PurgeTest, PartsGoWithTheirWholeAndBeforeIt) {
  open();
  Batch batch;
  JobWrite whole = new_job("array");
  whole.job.parts = 600;
  whole.job.state = JobState::kFailed;
  whole.job.end = JobEnd{.cause = EndCause::kPartsEnded, .parts_total = 600, .parts_failed = 600};
  whole.job.end_time = now_ - hours(48);
  batch.jobs.push_back(whole);
  for (int at = 0; at < 600; ++at) {
    JobWrite part = new_job();
    part.job.spec = whole.job.spec;
    part.job.part = std::make_shared<const Part>(Part{whole.job.id, whole.number, at, ""});
    part.job.state = JobState::kFailed;
    part.job.end = JobEnd{.cause = EndCause::kExited, .exit_code = 1};
    part.job.end_time = now_ - hours(49);
    batch.jobs.push_back(std::move(part));
  }
  ASSERT_TRUE(commit(std::move(batch)).ok());
  add_ended(3, hours(1));
  take_over({.age_max = hours(24)});
  EXPECT_EQ(step(), limits::kPurgeStep) << "a step is bounded, whatever has parts";
  EXPECT_EQ(connection_->number_of("SELECT count(*) FROM jobs WHERE whole IS NULL"), 4);
  EXPECT_EQ(purge(), 601 - limits::kPurgeStep);
  EXPECT_EQ(connection_->number_of("SELECT count(*) FROM jobs"), 3);
}

}  // namespace
}  // namespace takt::store
