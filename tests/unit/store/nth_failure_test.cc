// SPDX-License-Identifier: Apache-2.0
// Each call to the disk fails once, in each run another one, until a run has no such call. What is
// asked is always answered; a batch is there whole or not at all; and what comes next works.
#include <sqlite3.h>

#include <filesystem>

#include "store/connection.h"
#include "store/purge.h"
#include "support/failing_disk.h"
#include "support/small_disk.h"
#include "unit/store/store_fixture.h"

namespace takt::store {
namespace {

using test::DiskCall;
using test::FailingDisk;
namespace fs = std::filesystem;

constexpr int kNthMost = 5000;  // no run has as many calls

// After the first ones, which are all different, not each any more.
int next_nth(int nth) { return nth < 60 ? nth + 1 : nth + nth / 10; }

// All that a database holds, in words.
std::string contents(const std::string& path) {
  SQLite::Database database(path, SQLite::OPEN_READONLY, 1000, "unix");
  std::string all = database.execAndGet("PRAGMA integrity_check").getString() + "\n";
  for (const char* sql :
       {"SELECT 'job', number, id, revision, state, held_by, stop_by, end_time_us FROM jobs",
        "SELECT 'spec', number, length(script), length(spec_record) FROM specs",
        "SELECT 'label', key, value, number FROM labels",
        "SELECT 'attempt', job, number, state, worker_id, leader_pid FROM attempts",
        "SELECT 'worker', id, name, state FROM workers",
        "SELECT 'event', revision, job_id, state FROM events",
        "SELECT 'request', first_number, count, request_id FROM requests"}) {
    SQLite::Statement rows(database, sql);
    while (rows.executeStep()) {
      for (int at = 0; at < rows.getColumnCount(); ++at)
        all += rows.getColumn(at).getString() + " ";
      all += "\n";
    }
  }
  return all;
}

class NthFailureTest : public StoreTest {
 protected:
  void SetUp() override {
    options_.directory = disk_.path();
    options_.busy_timeout = milliseconds(500);
    prepare_batches();
    make_template();
  }

  [[nodiscard]] std::string path() const { return options_.directory + "/takt.db"; }

  // A life of three jobs and a worker.
  void prepare_batches() {
    std::vector<JobWrite> jobs;
    for (const char* name : {"one", "two", "three"}) {
      jobs.push_back(new_job(name));
      edit(jobs.back(), [](JobSpec& spec) {
        spec.labels = {{"team", "ops"}};
        spec.script.assign(20000, 'x');
      });
    }
    batches_.push_back({jobs, {}, {{"uid 1", "r-1", jobs[0].number, 3}}});
    WorkerRecord worker;
    worker.id = Uuid::random();
    worker.name = "w1";
    JobWrite one = changed(jobs[0], placed(worker.id));
    JobWrite two = changed(jobs[1], placed(worker.id));
    batches_.push_back({{one, two}, {{worker}}, {}});
    Attempt report = one.job.attempts.back();
    report.state = JobState::kRunning;
    report.leader_pid = 42;
    one = changed(one, Reported{report});
    Batch running{{one}, {}, {}};
    report.end = JobEnd{.cause = EndCause::kExited, .exit_code = 0};
    report.end_time = one.time;
    one = changed(one, Reported{report});
    running.jobs.push_back(one);
    batches_.push_back(running);
    const StopRequest stop{"user alice", "enough", {}};
    const JobWrite held = changed(jobs[2], Held{Hold{"user root", true}});
    batches_.push_back({{changed(two, StopRequested{stop}), held}, {{worker, true}}, {}});
  }

  // What each run begins with: a store that is closed.
  void make_template() {
    open();
    const std::string worker = Uuid::random().str();
    store_.reset();
    fs::rename(path(), template_);
  }
  void begin_anew() {
    store_.reset();
    for (const char* end : {"", "-wal", "-shm", "-journal"}) fs::remove(path() + end);
    fs::copy_file(template_, path());
  }

  Result<Snapshot> reload() {
    std::promise<Result<Snapshot>> promise;
    store_->writer().reload([&](Result<Snapshot> loaded) { promise.set_value(std::move(loaded)); });
    return promise.get_future().get();
  }

  // What the reader answers, in words.
  Result<std::string> answers() {
    JobFilter filter;
    filter.labels = {{"team", "ops"}};
    filter.page_size = 2;
    const auto page = list(filter);
    if (!page) return page.error();
    const auto view = get("one");
    if (!view) return view.error();
    const auto changes = events(0, 100, 100);
    if (!changes) return changes.error();
    const auto request = ask<std::optional<StoredRequest>>(
        [&](auto done) { store_->reader().request(own_asker(), "uid 1", "r-1", done); });
    if (!request) return request.error();
    return std::to_string(page->jobs.size()) + " " + std::to_string(view->job.revision) + " " +
           std::to_string(view->job.spec->script.size()) + " " +
           std::to_string(changes->changes.size()) + " " +
           std::to_string((*request)->job_ids.size());
  }

  // A run in which nothing fails says how things are before and after each batch.
  void learn() {
    begin_anew();
    open();
    states_ = {contents(path())};
    for (const Batch& batch : batches_) {
      ASSERT_TRUE(commit(batch).ok());
      states_.push_back(contents(path()));
      const auto said = answers();
      ASSERT_TRUE(said.ok()) << said.error().message;
      answers_.push_back(*said);
    }
    store_.reset();
  }

  void commit_batch(std::size_t at) {
    const auto committed = commit(batches_[at]);
    if (committed) return;
    EXPECT_FALSE(committed.error().message.empty());
    EXPECT_FALSE(commit(batches_[at]).ok()) << "nothing goes on before the state is loaded anew";
    happened_ = FailingDisk::heal() || happened_;
    const auto loaded = reload();
    ASSERT_TRUE(loaded.ok()) << loaded.error().message;
    const std::string now = contents(path());
    if (now == states_[at + 1]) return;
    ASSERT_EQ(now, states_[at]) << "half of a batch is there";
    const auto again = commit(batches_[at]);
    ASSERT_TRUE(again.ok()) << again.error().message;
  }

  void read_after(std::size_t at) {
    auto said = answers();
    if (!said) {
      happened_ = FailingDisk::heal() || happened_;
      said = answers();
    }
    ASSERT_TRUE(said.ok()) << said.error().message;
    EXPECT_EQ(*said, answers_[at]);
  }

  // True if something failed.
  bool run(const FailingDisk::Failure& failure) {
    begin_anew();
    happened_ = false;
    FailingDisk::fail(failure);
    auto opened = Store::open(options_);
    if (!opened) {
      happened_ = FailingDisk::heal();
      EXPECT_TRUE(happened_) << opened.error().message;
      opened = Store::open(options_);
    }
    EXPECT_TRUE(opened.ok()) << opened.error().message;
    if (!opened) return false;
    store_ = std::move(*opened);
    for (std::size_t at = 0; at < batches_.size() && !HasFatalFailure(); ++at) {
      commit_batch(at);
      read_after(at);
    }
    store_.reset();
    happened_ = FailingDisk::heal() || happened_;
    EXPECT_EQ(contents(path()), states_.back());
    return happened_;
  }

  void run_each(DiskCall call, int code) {
    learn();
    for (const bool lasts : {false, true}) {
      int nth = 1;
      while (nth < kNthMost && !HasFailure()) {
        SCOPED_TRACE(std::to_string(nth) + (lasts ? " and later" : ""));
        if (!run({call, nth, code, lasts})) break;
        nth = next_nth(nth);
      }
      ASSERT_LT(nth, kNthMost);
      runs_ += nth - 1;
    }
  }

  test::SmallDisk disk_{64 << 20};
  FailingDisk failing_;
  const std::string template_ = disk_.path() + "/template";
  std::vector<Batch> batches_;
  std::vector<std::string> states_;   // at first, and after each batch
  std::vector<std::string> answers_;  // after each batch
  bool happened_ = false;
  int runs_ = 0;
};

TEST_F(NthFailureTest, AWriteThatFails) {
  run_each(DiskCall::kWrite, SQLITE_IOERR_WRITE);
  EXPECT_GT(runs_, 40);
}

TEST_F(NthFailureTest, AWriteThatFindsTheDiskFull) {
  run_each(DiskCall::kWrite, SQLITE_FULL);
  EXPECT_GT(runs_, 40);
}

TEST_F(NthFailureTest, AWriteThatIsTorn) {
  run_each(DiskCall::kTorn, SQLITE_IOERR_WRITE);
  EXPECT_GT(runs_, 40);
}

TEST_F(NthFailureTest, ASyncThatFails) {
  run_each(DiskCall::kSync, SQLITE_IOERR_FSYNC);
  EXPECT_GT(runs_, 8) << "at least one for each batch";
}

TEST_F(NthFailureTest, AReadThatFails) {
  run_each(DiskCall::kRead, SQLITE_IOERR_READ);
  EXPECT_GT(runs_, 10);
}

TEST_F(NthFailureTest, AFileThatCannotBeOpened) {
  run_each(DiskCall::kOpen, SQLITE_CANTOPEN);
  EXPECT_GT(runs_, 3);
}

TEST_F(NthFailureTest, ATruncateThatFails) { run_each(DiskCall::kTruncate, SQLITE_IOERR_TRUNCATE); }

// Jobs of the history go a step at a time, whatever fails.
class NthPurgeFailureTest : public NthFailureTest {
 protected:
  static constexpr int kEnded = 300;
  static constexpr int kKept = 10;

  void SetUp() override {
    options_.directory = disk_.path();
    open();
    Batch batch;
    for (int at = 0; at < kEnded; ++at) {
      JobWrite write = new_job();
      write.job.state = JobState::kSucceeded;
      write.job.end_time = write.time - std::chrono::hours(1);
      edit(write, [](JobSpec& spec) { spec.labels = {{"team", "ops"}}; });
      batch.jobs.push_back(std::move(write));
    }
    ASSERT_TRUE(commit(std::move(batch)).ok());
    store_.reset();
    fs::rename(path(), template_);
  }

  // How many ended jobs there are, with what belongs to them.
  std::int64_t ended() {
    SQLite::Database database(path(), SQLite::OPEN_READONLY, 1000, "unix");
    const auto count = [&](const std::string& table) {
      return database.execAndGet("SELECT count(*) FROM " + table).getInt64();
    };
    EXPECT_EQ(count("jobs"), count("specs"));
    EXPECT_EQ(count("jobs"), count("labels"));
    return count("jobs");
  }

  bool run_purge(const FailingDisk::Failure& failure) {
    begin_anew();
    auto connection = Connection::open({.path = path()});
    EXPECT_TRUE(connection.ok());
    if (!connection) return false;
    adopt_epoch(**connection);
    Purge purge({.jobs_max = kKept});
    happened_ = false;
    FailingDisk::fail(failure);
    for (int steps = 0; steps < 10 && purge.due() <= wall_now(); ++steps) {
      const std::int64_t before = ended();
      const auto removed = purge.step(**connection, wall_now());
      EXPECT_EQ(ended(), removed ? before - static_cast<std::int64_t>(removed->jobs) : before);
      if (!removed) happened_ = FailingDisk::heal() || happened_;
    }
    happened_ = FailingDisk::heal() || happened_;
    EXPECT_EQ(ended(), kKept);
    return happened_;
  }
};

TEST_F(NthPurgeFailureTest, LeavesWholeJobsAndGoesOn) {
  using Kind = std::pair<DiskCall, int>;
  for (const auto& [call, code] :
       {Kind{DiskCall::kRead, SQLITE_IOERR_READ}, Kind{DiskCall::kWrite, SQLITE_FULL},
        Kind{DiskCall::kTorn, SQLITE_IOERR_WRITE}, Kind{DiskCall::kSync, SQLITE_IOERR_FSYNC}}) {
    int nth = 1;
    while (nth < kNthMost && !HasFailure()) {
      SCOPED_TRACE(std::to_string(static_cast<int>(call)) + ", " + std::to_string(nth));
      if (!run_purge({call, nth, code, false})) break;
      nth = next_nth(nth);
    }
    EXPECT_GT(nth, 2);
    ASSERT_LT(nth, kNthMost);
  }
}

}  // namespace
}  // namespace takt::store
