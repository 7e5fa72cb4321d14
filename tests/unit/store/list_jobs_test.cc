// SPDX-License-Identifier: Apache-2.0
// ListJobs' filters: what they find, page by page, and that an index leads to it.
#include <algorithm>

#include "base/limits.h"
#include "store/queries.h"

#include "unit/store/store_fixture.h"

namespace takt::store {
namespace {

class ListJobsTest : public StoreTest {
 protected:
  // 30 jobs: every third ended, every second of bob, every fifth labelled; the ended ones ran on
  // "one" and, again, on "two".
  void SetUp() override {
    StoreTest::SetUp();
    open();
    Batch batch;
    for (int at = 0; at < 30; ++at) {
      JobWrite write = new_job(at % 10 == 0 ? "tenth" : "");
      edit(write, [&](JobSpec& spec) {
        if (at % 5 == 0) spec.labels = {{"team", "ops"}, {"at", std::to_string(at % 10)}};
      });
      if (at % 2 == 0) write.job.submit_user = "bob";
      write.job.submit_time = from_unix_us(1'000'000LL * at);
      batch.jobs.push_back(write);
      if (at % 3 != 0) continue;
      for (const char* name : {"one", "two"}) {
        Placed placed{Uuid::random(), name, "boot"};
        batch.jobs.push_back(changed(batch.jobs.back(), placed));
        const int attempt = batch.jobs.back().job.current_attempt()->id.number;
        if (name == std::string("one"))
          batch.jobs.push_back(changed(batch.jobs.back(), StartRefused{attempt, "no"}));
      }
      JobEnd end;
      end.exit_code = 0;
      batch.jobs.push_back(changed(batch.jobs.back(), Ended{end}));
    }
    ASSERT_TRUE(commit(batch).ok());
  }

  // The places (0 to 29) of the jobs that a filter finds, in pages of `size`.
  std::vector<int> found(JobFilter filter, std::size_t size = 4) {
    filter.page_size = size;
    std::vector<int> places;
    do {
      const auto page = list(filter);
      EXPECT_TRUE(page.ok()) << page.error().message;
      if (!page) break;
      EXPECT_LE(page->jobs.size(), size);
      for (const JobView& view : page->jobs)
        places.push_back(static_cast<int>(to_unix_us(view.job.submit_time) / 1'000'000));
      filter.before = page->next_before;
    } while (filter.before > 0);
    return places;
  }

  // 29 to 0, those for which `wanted` holds.
  template <class Wanted>
  static std::vector<int> places(Wanted wanted) {
    std::vector<int> all;
    for (int at = 29; at >= 0; --at)
      if (wanted(at)) all.push_back(at);
    return all;
  }
};

TEST_F(ListJobsTest, AllNewestFirst) {
  EXPECT_EQ(found({}), places([](int) { return true; }));
}

TEST_F(ListJobsTest, ByStates) {
  JobFilter filter;
  filter.states = {JobState::kQueued};
  EXPECT_EQ(found(filter), places([](int at) { return at % 3 != 0; }));
  filter.states = {JobState::kSucceeded, JobState::kQueued, JobState::kQueued};
  EXPECT_EQ(found(filter), places([](int) { return true; })) << "merged, each once";
  filter.states = {JobState::kRunning};
  EXPECT_TRUE(found(filter).empty());
}

TEST_F(ListJobsTest, ByLabels) {
  JobFilter filter;
  filter.labels = {{"team", "ops"}};
  EXPECT_EQ(found(filter), places([](int at) { return at % 5 == 0; }));
  filter.labels["at"] = "5";
  EXPECT_EQ(found(filter), places([](int at) { return at % 10 == 5; }));
  filter.states = {JobState::kSucceeded};
  EXPECT_EQ(found(filter), places([](int at) { return at == 15; }));
  filter.labels["at"] = "6";
  EXPECT_TRUE(found(filter).empty());
}

TEST_F(ListJobsTest, ByWorkerEachJobOnce) {
  JobFilter filter;
  filter.worker = "two";
  EXPECT_EQ(found(filter), places([](int at) { return at % 3 == 0; }));
  filter.worker = "one";
  filter.labels = {{"team", "ops"}};
  EXPECT_EQ(found(filter), places([](int at) { return at % 15 == 0; }));
  filter.worker = "three";
  EXPECT_TRUE(found(filter).empty());
}

TEST_F(ListJobsTest, LiveStatesTogetherWithAnyOtherFilter) {
  JobFilter filter;
  filter.states = {JobState::kQueued, JobState::kRunning};
  filter.user = "bob";
  EXPECT_EQ(found(filter), places([](int at) { return at % 3 != 0 && at % 2 == 0; }));
  filter.labels = {{"team", "ops"}};
  EXPECT_EQ(found(filter), places([](int at) { return at % 3 != 0 && at % 10 == 0; }));
  filter = {};
  filter.states = {JobState::kQueued};
  filter.worker = "two";
  EXPECT_TRUE(found(filter).empty());
  filter.states = {JobState::kSucceeded};
  EXPECT_EQ(found(filter), places([](int at) { return at % 3 == 0; }));
}

// Read by the plan that SQLite makes of each query: no step goes through a table as a whole, and
// none sorts what it has found, but for the page itself.
TEST_F(ListJobsTest, EveryFilterIsLedByAnIndex) {
  store_.reset();
  SQLite::Database database(folder_.path() + "/takt.db");
  std::vector<JobFilter> filters(11);
  filters[1].states = {JobState::kQueued, JobState::kSucceeded};
  filters[2].labels = {{"team", "ops"}, {"at", "5"}};
  filters[3].worker = "one";
  filters[4].name = "tenth";
  filters[5].user = "bob";
  filters[6].states = {JobState::kQueued, JobState::kRunning};
  filters[6].user = "bob";
  filters[7].states = {JobState::kQueued};
  filters[7].worker = "one";
  filters[7].labels = {{"team", "ops"}};
  filters[8].states = {JobState::kFailed};
  filters[8].name = "tenth";
  filters[9].part_of = "tenth";
  filters[10].states = {JobState::kFailed};
  filters[10].user = "bob";
  const std::vector<std::string> led_by{
      "jobs_whole (number>? AND number<?)",
      "jobs_whole_by_state (state=? AND number>? AND number<?)",
      "PRIMARY KEY (key=? AND value=? AND number>? AND number<?)",
      "attempts_by_worker (worker_name=? AND job>? AND job<?)",
      "jobs_by_name (name=? AND number>? AND number<?)",
      "jobs_whole_by_user (submit_user=? AND number>? AND number<?)",
      "jobs_whole_by_user_and_state (submit_user=? AND state=? AND number>? AND number<?)",
      "jobs_by_state (state=? AND number>? AND number<?)",
      "jobs_by_name (name=? AND number>? AND number<?)",
      "parts_of_whole (whole=? AND number>? AND number<?)",
      "jobs_whole_by_user_and_state (submit_user=? AND state=? AND number>? AND number<?)"};
  for (std::size_t at = 0; at < filters.size(); ++at) {
    SQLite::Statement plan(database, "EXPLAIN QUERY PLAN " + list_sql(filters[at]));
    std::string steps;
    while (plan.executeStep()) steps += plan.getColumn(3).getString() + "\n";
    EXPECT_NE(steps.find(led_by[at]), std::string::npos) << at << ":\n" << steps;
    EXPECT_EQ(steps.find("SCAN j"), std::string::npos) << at << ":\n" << steps;
  }
}

// Jobs are shown as a whole; parts where they are asked for, and where they ran.
TEST_F(ListJobsTest, PartsAreShownByTheirWholeAndByTheirWorker) {
  Batch batch;
  JobWrite whole = new_job("array");
  whole.job.parts = 5;
  batch.jobs.push_back(whole);
  for (int at = 0; at < 5; ++at) {
    JobWrite part = new_job();
    part.job.spec = whole.job.spec;
    part.job.part = std::make_shared<const Part>(Part{whole.job.id, whole.number, at, ""});
    batch.jobs.push_back(part);
    if (at == 3) batch.jobs.push_back(changed(part, Placed{Uuid::random(), "three", "boot"}));
  }
  ASSERT_TRUE(commit(batch).ok());
  const auto indexes = [&](JobFilter filter) {
    std::vector<int> found;
    filter.page_size = 2;
    do {
      const auto page = list(filter);
      if (!page) break;
      for (const JobView& view : page->jobs)
        found.push_back(view.job.part ? view.job.part->index : -1);
      filter.before = page->next_before;
    } while (filter.before > 0);
    return found;
  };
  JobFilter filter;
  filter.part_of = "array";
  EXPECT_EQ(indexes(filter), (std::vector<int>{4, 3, 2, 1, 0}));
  filter.states = {JobState::kStarting};
  EXPECT_EQ(indexes(filter), std::vector<int>{3});
  filter.part_of = "none";
  EXPECT_EQ(list(filter).error().code, ErrorCode::kNotFound);
  filter = {};
  filter.worker = "three";
  EXPECT_EQ(indexes(filter), std::vector<int>{3});
  filter.states = {JobState::kStarting};
  EXPECT_EQ(indexes(filter), std::vector<int>{3});
  filter = {};
  filter.user = "alice";
  const std::vector<int> of_alice = indexes(filter);
  EXPECT_EQ(std::count(of_alice.begin(), of_alice.end(), -1),
            static_cast<std::ptrdiff_t>(of_alice.size()));
  const auto view = get("array");
  ASSERT_TRUE(view.ok());
  EXPECT_EQ(view->parts, (PartCounts{.total = 5, .queued = 4, .active = 1}));
  EXPECT_EQ(get("array/3")->job.part->index, 3);
  EXPECT_EQ(get("array/3")->job.spec->name, "array") << "the spec is that of the whole";
  EXPECT_EQ(get("array/9").error().code, ErrorCode::kNotFound);
}

TEST_F(ListJobsTest, APageEndsAfterSoManyBytesOfSpecsWhateverIsInThem) {
  constexpr std::size_t kJobs = 200;
  Batch batch;
  for (std::size_t at = 0; at < kJobs; ++at) {
    JobWrite write = new_job("long");
    edit(write, [](JobSpec& spec) {
      spec.readers.assign(64, std::string(limits::kAccountMaxBytes, 'r'));
    });
    batch.jobs.push_back(write);
  }
  ASSERT_TRUE(commit(batch).ok());
  JobFilter filter;
  filter.name = "long";
  filter.page_size = 1000;
  const auto page = list(filter);
  ASSERT_TRUE(page.ok());
  EXPECT_LT(page->jobs.size(), kJobs);
  EXPECT_GT(page->next_before, 0);
}

TEST_F(ListJobsTest, ByNameUserAndTime) {
  JobFilter filter;
  filter.user = "bob";
  EXPECT_EQ(found(filter), places([](int at) { return at % 2 == 0; }));
  filter.name = "tenth";
  EXPECT_EQ(found(filter), places([](int at) { return at % 10 == 0; }));
  filter = {};
  filter.since = from_unix_us(10'000'000);
  filter.until = from_unix_us(13'000'000);
  EXPECT_EQ(found(filter), (std::vector<int>{12, 11, 10}));
  filter.since = from_unix_us(99'000'000);
  filter.until.reset();
  EXPECT_TRUE(found(filter).empty());
}

}  // namespace
}  // namespace takt::store
