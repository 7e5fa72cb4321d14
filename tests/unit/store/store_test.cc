// SPDX-License-Identifier: Apache-2.0
// What survives, what is refused, and what a failed commit does.
#include "store/store.h"

#include <SQLiteCpp/SQLiteCpp.h>

#include "store/purge.h"
#include "unit/store/store_fixture.h"

namespace takt::store {
namespace {

TEST_F(StoreTest, ANewStoreIsEmptyAndEachOpenRaisesTheEpoch) {
  open();
  const Uuid id = store_->id();
  EXPECT_FALSE(id.is_nil());
  const std::int64_t epoch = store_->epoch();
  EXPECT_GT(epoch, 0);
  EXPECT_TRUE(snapshot_.jobs.empty());
  EXPECT_TRUE(snapshot_.jobs.empty());
  reopen();
  EXPECT_EQ(store_->id(), id);
  EXPECT_GT(store_->epoch(), epoch);
}

TEST_F(StoreTest, OneProcessAtATime) {
  open();
  const auto second = Store::open(options_);
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().code, ErrorCode::kUnavailable) << "it may be on its way out";
  EXPECT_NE(second.error().message.find("another scheduler"), std::string::npos);
}

TEST_F(StoreTest, ANewerSchemaIsRefusedAndLeftAlone) {
  open();
  const std::int64_t epoch = store_->epoch();
  store_.reset();
  {
    SQLite::Database database(folder_.path() + "/takt.db", SQLite::OPEN_READWRITE);
    database.exec("PRAGMA user_version=99");
  }
  const auto opened = Store::open(options_);
  ASSERT_FALSE(opened.ok());
  EXPECT_EQ(opened.error().code, ErrorCode::kFailedPrecondition);
  EXPECT_NE(opened.error().message.find("newer takt (schema 99"), std::string::npos);
  SQLite::Database database(folder_.path() + "/takt.db", SQLite::OPEN_READONLY);
  EXPECT_EQ(database.execAndGet("SELECT value FROM meta WHERE key='epoch'").getString(),
            std::to_string(epoch));
}

TEST_F(StoreTest, AForeignDatabaseIsRefused) {
  SQLite::Database(folder_.path() + "/takt.db", SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE)
      .exec("CREATE TABLE other(a)");
  const auto opened = Store::open(options_);
  ASSERT_FALSE(opened.ok());
  EXPECT_NE(opened.error().message.find("not takt's"), std::string::npos);
}

TEST_F(StoreTest, ReopeningKeepsEverything) {
  open();
  WorkerRecord worker;
  worker.id = Uuid::random();
  worker.name = "w1";
  worker.address = "unix:/run/w1.sock";
  worker.state = WorkerState::kReady;
  worker.labels = {{"role", "db"}};
  worker.capacity.slots = 7;
  worker.capacity.counted = {{"gpu", 2}};
  worker.capacity.tasks = 4000;
  worker.capacity.direct = {2, 1500, 1 << 20, 8, {{"gpu", 1}}};
  worker.drain = Drain{"user root", "new disk", wall_now(), wall_now(), true};
  worker.capacity.controllers = {"memory", "pids"};
  worker.capacity.launchers = {Launcher::kScope, Launcher::kCgroup};
  worker.boot_id = "boot-1";
  worker.version = "0.1";
  worker.state_time = worker.register_time = wall_now();

  JobWrite queued = new_job("waits");
  edit(queued, [](JobSpec& spec) {
    spec.constraints = {{"role", ConstraintOperator::kEqual, {"db"}}};
    spec.script = "#!/bin/sh\nexit 3\n";
    spec.stdin_data = std::string("a\0b", 3);
  });
  queued.job.priority = -7;
  queued.job.hold = Hold{"user root", true};
  const JobSpec whole = *queued.job.spec;
  const JobWrite done = new_job("done");
  Batch batch;
  batch.workers = {{worker}};
  batch.jobs = {queued, done};
  batch.jobs.push_back(changed(done, placed(worker.id)));
  Attempt report = batch.jobs.back().job.attempts.back();
  report.unit = "takt-job-x.1.scope";
  report.leader_pid = 42;
  report.user = "bob";
  report.start_time = report.end_time = wall_now();
  report.end = JobEnd{.cause = EndCause::kExited, .exit_code = 3, .note = "cleanup lost"};
  report.usage.memory_peak_bytes = 4096;
  report.usage.cpu_user = microseconds(7);
  batch.jobs.push_back(changed(batch.jobs.back(), Reported{report}));
  const Job ended = batch.jobs.back().job;
  ASSERT_TRUE(commit(batch).ok());

  const std::int64_t last = revision_;
  reopen();
  EXPECT_GT(snapshot_.revision, last);
  ASSERT_EQ(snapshot_.workers.size(), 1U);
  EXPECT_EQ(snapshot_.workers[0], worker);
  ASSERT_EQ(snapshot_.jobs.size(), 1U) << "the ended job is not alive";
  EXPECT_EQ(snapshot_.jobs[0].number, queued.number);
  EXPECT_EQ(snapshot_.jobs[0].job.spec->constraints, whole.constraints);
  EXPECT_EQ(snapshot_.jobs[0].job.spec->script, "") << "the large parts stay on disk";
  EXPECT_EQ(snapshot_.jobs[0].job.priority, -7);
  EXPECT_EQ(snapshot_.jobs[0].job.hold, queued.job.hold);

  const auto first = get(queued.job.id.str());
  ASSERT_TRUE(first.ok()) << first.error().message;
  EXPECT_EQ(*first->job.spec, whole);
  EXPECT_EQ(first->job.submit_time, queued.job.submit_time);
  const auto second = get("done");
  ASSERT_TRUE(second.ok()) << second.error().message;
  EXPECT_EQ(second->job.state, JobState::kFailed);
  EXPECT_EQ(second->job.end, ended.end);
  ASSERT_EQ(second->job.attempts.size(), 1U);
  EXPECT_EQ(second->job.attempts[0].usage, report.usage);
  EXPECT_EQ(second->job.attempts[0].unit, report.unit);
  EXPECT_EQ(second->job.attempts[0].start_time, report.start_time);
}

TEST_F(StoreTest, CallbacksComeInOrderWhateverIsCommittedTogether) {
  open();
  std::vector<int> order;
  std::promise<void> last;
  constexpr int kBatches = 200;
  for (int at = 0; at < kBatches; ++at) {
    Batch batch;
    if (at % 3 != 0) batch.jobs = {new_job()};  // every third is empty
    ASSERT_TRUE(store_->writer().commit(std::move(batch), [&, at](const Result<void>& result) {
      EXPECT_TRUE(result.ok());
      order.push_back(at);
      if (at == kBatches - 1) last.set_value();
    }));
  }
  last.get_future().wait();
  ASSERT_EQ(order.size(), 200U);
  EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
}

TEST_F(StoreTest, AFullDatabaseFailsAllThatFollowsUntilReloaded) {
  options_.max_pages = 60;
  open();
  ASSERT_TRUE(commit({{new_job("kept")}, {}, {}}).ok());
  JobWrite fat = new_job("fat");
  edit(fat, [](JobSpec& spec) { spec.script.assign(500000, 'x'); });
  const auto failed = commit({{fat}, {}, {}});
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(failed.error().code, ErrorCode::kResourceExhausted);
  EXPECT_FALSE(commit({{new_job("small")}, {}, {}}).ok()) << "after a failure nothing goes on";
  EXPECT_FALSE(commit({}).ok()) << "not even what has nothing to write";

  std::promise<Result<Snapshot>> loaded;
  store_->writer().reload(
      [&](Result<Snapshot> snapshot) { loaded.set_value(std::move(snapshot)); });
  const auto snapshot = loaded.get_future().get();
  ASSERT_TRUE(snapshot.ok()) << snapshot.error().message;
  ASSERT_EQ(snapshot->jobs.size(), 1U);
  EXPECT_EQ(snapshot->revision, snapshot->jobs[0].number);
  revision_ = snapshot->revision;
  EXPECT_TRUE(commit({{new_job("again")}, {}, {}}).ok());
  EXPECT_TRUE(get("again").ok());
  EXPECT_EQ(get("fat").error().code, ErrorCode::kNotFound);
}

TEST_F(StoreTest, ALockedDatabaseFailsTheCommit) {
  options_.busy_timeout = milliseconds(20);
  open();
  SQLite::Database other(folder_.path() + "/takt.db", SQLite::OPEN_READWRITE);
  other.exec("BEGIN IMMEDIATE");
  const auto failed = commit({{new_job("late")}, {}, {}});
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(failed.error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(get("late").error().code, ErrorCode::kNotFound);
  other.exec("ROLLBACK");
  std::promise<bool> loaded;
  store_->writer().reload([&](const Result<Snapshot>& again) { loaded.set_value(again.ok()); });
  EXPECT_TRUE(loaded.get_future().get());
  revision_ = 0;
  EXPECT_TRUE(commit({{new_job("late")}, {}, {}}).ok());
  EXPECT_TRUE(get("late").ok());
}

TEST_F(StoreTest, ADamagedSpecIsAnErrorAndNotAWrongJob) {
  open();
  ASSERT_TRUE(commit({{new_job("torn")}, {}, {}}).ok());
  store_.reset();
  SQLite::Database(folder_.path() + "/takt.db", SQLite::OPEN_READWRITE)
      .exec("UPDATE specs SET spec_record = substr(spec_record, 1, 12)");
  const auto opened = Store::open(options_);
  ASSERT_FALSE(opened.ok());
  EXPECT_EQ(opened.error().code, ErrorCode::kDataLoss);
}

// The lock is on a file, and a file can be removed: the database itself says whose it is.
TEST_F(StoreTest, OfTwoThatHaveItOpenOnlyTheLaterOneCommits) {
  open();
  ASSERT_TRUE(commit({{new_job("before")}, {}, {}}).ok());
  const std::unique_ptr<Store> earlier = std::move(store_);
  const std::int64_t number = revision_ + 1;
  ASSERT_EQ(::unlink((folder_.path() + "/lock").c_str()), 0);
  open();
  EXPECT_GT(store_->epoch(), earlier->epoch());
  JobWrite stale = new_job("stale");
  stale.number = stale.job.revision = number;
  std::promise<Result<void>> promise;
  ASSERT_TRUE(earlier->writer().commit(
      {{stale}, {}, {}}, [&](Result<void> result) { promise.set_value(std::move(result)); }));
  const Result<void> refused = promise.get_future().get();
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::kFailedPrecondition);
  EXPECT_NE(refused.error().message.find("another scheduler has taken"), std::string::npos);
  // It does not come back by loading the state of the other one.
  std::promise<Result<Snapshot>> loaded;
  earlier->writer().reload([&](Result<Snapshot> result) { loaded.set_value(std::move(result)); });
  const auto snapshot = loaded.get_future().get();
  ASSERT_FALSE(snapshot.ok());
  EXPECT_EQ(snapshot.error().code, ErrorCode::kFailedPrecondition);
  EXPECT_TRUE(commit({{new_job("after")}, {}, {}}).ok());
  EXPECT_FALSE(get("stale").ok());
  EXPECT_TRUE(get("before").ok());
  EXPECT_TRUE(get("after").ok());
}

TEST_F(StoreTest, NothingIsPurgedFromOneThatAnotherHasTaken) {
  open();
  constexpr std::size_t kScriptBytes = 100'000;
  JobWrite ended = new_job("ended");
  edit(ended, [](JobSpec& spec) { spec.script.assign(kScriptBytes, 'x'); });
  ended.job.state = JobState::kFailed;
  ended.job.end = JobEnd{.cause = EndCause::kExited, .exit_code = 1};
  ended.job.end_time = wall_now() - std::chrono::hours(50);
  ASSERT_TRUE(commit({{ended}, {}, {}}).ok());
  auto earlier = Connection::open({.path = database_path(folder_.path())});
  ASSERT_TRUE(earlier.ok()) << earlier.error().message;
  (*earlier)->set_epoch(store_->epoch() - 1);
  for (const HistoryLimits& limits :
       {HistoryLimits{.store_max_bytes = 1024}, HistoryLimits{.age_max = std::chrono::hours(48)}}) {
    Purge purge(limits);
    purge.set_used((*earlier)->used_bytes());
    const auto removed = purge.step(**earlier, wall_now());
    if (removed) {
      ADD_FAILURE() << removed->jobs << " jobs, " << removed->inputs << " inputs";
      continue;
    }
    EXPECT_EQ(removed.error().code, ErrorCode::kFailedPrecondition) << removed.error().message;
  }
  const auto left = get("ended");
  ASSERT_TRUE(left.ok()) << left.error().message;
  EXPECT_EQ(left->job.spec->script.size(), kScriptBytes);
}

// Each scheduler's first revision is far from the last one's.
TEST_F(StoreTest, EventsAreCountedAcrossManySchedulers) {
  options_.event_history_max = 1000;
  std::int64_t events_written = 0;
  for (int life = 0; life < 6; ++life) {
    reopen();
    for (int batch = 0; batch < 50; ++batch) {
      Batch jobs;
      for (int at = 0; at < 10; ++at) jobs.jobs.push_back(new_job());
      ASSERT_TRUE(commit(std::move(jobs)).ok());
      events_written += 10;
    }
    const auto page = events(0, revision_, 100'000);
    ASSERT_TRUE(page.ok()) << page.error().message;
    EXPECT_EQ(page->changes.size(),
              static_cast<std::size_t>(std::min<std::int64_t>(events_written, 1000)));
    EXPECT_EQ(page->changes.back().revision, revision_);
  }
}

}  // namespace
}  // namespace takt::store
