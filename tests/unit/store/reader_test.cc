// SPDX-License-Identifier: Apache-2.0
// Reads: by id, prefix and name; pages; events; requests; workers.
#include "store/reader.h"

#include "base/limits.h"
#include "unit/store/store_fixture.h"

namespace takt::store {
namespace {

Uuid uuid(const std::string& text) { return *Uuid::parse(text); }

TEST_F(StoreTest, JobsAreFoundByIdPrefixAndName) {
  open();
  const Uuid one = uuid("aaaa1111-0000-4000-8000-000000000001");
  const Uuid two = uuid("aaaa2222-0000-4000-8000-000000000002");
  const Uuid cafe = uuid("12345678-0000-4000-8000-000000000003");
  ASSERT_TRUE(commit({{new_job("x", one), new_job("x", two), new_job("cafe", cafe)}, {}, {}}).ok());
  EXPECT_EQ(get(one.str())->job.id, one);
  EXPECT_EQ(get("aaaa1")->job.id, one);
  EXPECT_EQ(get("AAAA2222-0000")->job.id, two);
  EXPECT_EQ(get("cafe")->job.id, cafe) << "a name of hex digits, where no id begins so";

  const auto several = get("aaaa");
  ASSERT_FALSE(several.ok());
  EXPECT_EQ(several.error().code, ErrorCode::kFailedPrecondition);
  EXPECT_NE(several.error().message.find(one.str() + " (x)"), std::string::npos);
  EXPECT_NE(several.error().message.find(two.str()), std::string::npos);
  EXPECT_EQ(get("x").error().code, ErrorCode::kFailedPrecondition);
  EXPECT_EQ(get("bbbb").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(get(Uuid::random().str()).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(get("no such/job").error().code, ErrorCode::kInvalid);
  EXPECT_EQ(get("no such/job").error().field, "job_id");
  EXPECT_EQ(get("").error().code, ErrorCode::kInvalid);
}

// One whose answer has no reader would hold up the reads of all others.
TEST_F(StoreTest, AReadEndsWhenItsAskerGoes) {
  open();
  auto connection = Connection::open({.path = database_path(options_.directory)});
  ASSERT_TRUE(connection.ok());
  const auto count_on = [&] {
    return guarded("count", [&]() -> Result<std::int64_t> {
      return (*connection)
          ->number_of(
              "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT 300000000) "
              "SELECT count(*) FROM n");
    });
  };
  int looks = 0;
  {
    const Connection::Until until(**connection, [&] { return ++looks == 3; });
    const auto counted = count_on();
    ASSERT_FALSE(counted.ok());
    EXPECT_EQ(counted.error().code, ErrorCode::kCancelled);
  }
  EXPECT_EQ(looks, 3);
  EXPECT_EQ((*connection)->number_of("SELECT 1"), 1) << "the next read is another's";
  EXPECT_EQ(looks, 3);
}

TEST_F(StoreTest, AnAmbiguousPrefixListsTenAndSaysThatThereAreMore) {
  open();
  Batch batch;
  for (int at = 10; at < 22; ++at) {
    batch.jobs.push_back(
        new_job("", uuid("abcd00" + std::to_string(at) + "-0000-4000-8000-000000000001")));
  }
  ASSERT_TRUE(commit(batch).ok());
  const std::string text = get("abcd").error().message;
  EXPECT_NE(text.find("abcd0019-"), std::string::npos);
  EXPECT_EQ(text.find("abcd0020-"), std::string::npos);
  EXPECT_NE(text.find("and more"), std::string::npos);
}

TEST_F(StoreTest, ListsPageFromTheNewestWithFilters) {
  open();
  Batch batch;
  for (int at = 0; at < 5; ++at) batch.jobs.push_back(new_job("n" + std::to_string(at % 2)));
  batch.jobs[1].job.submit_user = "bob";
  const JobWrite stopped = changed(batch.jobs[2], StopRequested{{"user alice", "why", {}}});
  batch.jobs.push_back(stopped);
  ASSERT_TRUE(commit(batch).ok());

  JobFilter filter;
  filter.page_size = 2;
  std::vector<Uuid> seen;
  do {
    const auto page = list(filter);
    ASSERT_TRUE(page.ok());
    EXPECT_LE(page->jobs.size(), 2U);
    for (const JobView& view : page->jobs) seen.push_back(view.job.id);
    filter.before = page->next_before;
  } while (filter.before != 0);
  std::vector<Uuid> expected;
  for (int at = 4; at >= 0; --at)
    expected.push_back(batch.jobs[static_cast<std::size_t>(at)].job.id);
  EXPECT_EQ(seen, expected);

  JobFilter by_user;
  by_user.page_size = 10;
  by_user.user = "bob";
  ASSERT_EQ(list(by_user)->jobs.size(), 1U);
  JobFilter by_state;
  by_state.page_size = 10;
  by_state.states = {JobState::kStopped, JobState::kFailed};
  ASSERT_EQ(list(by_state)->jobs.size(), 1U);
  EXPECT_EQ(list(by_state)->jobs[0].job.end->reason, "why");
  JobFilter by_name;
  by_name.page_size = 10;
  by_name.name = "n0";
  by_name.states = {JobState::kQueued};
  EXPECT_EQ(list(by_name)->jobs.size(), 2U);
}

TEST_F(StoreTest, APageEndsBeforeItIsTooLargeForAMessage) {
  open();
  Batch batch;
  for (int at = 0; at < 6; ++at) {
    JobWrite write = new_job();
    edit(write, [](JobSpec& spec) { spec.argv.emplace_back(900000, 'x'); });
    batch.jobs.push_back(std::move(write));
  }
  ASSERT_TRUE(commit(batch).ok());
  JobFilter filter;
  filter.page_size = 100;
  const auto page = list(filter);
  ASSERT_TRUE(page.ok());
  EXPECT_EQ(page->jobs.size(), 3U);
  filter.before = page->next_before;
  EXPECT_EQ(list(filter)->jobs.size(), 3U);
  EXPECT_EQ(list(filter)->next_before, 0);
}

TEST_F(StoreTest, EventsComeByRevisionAndTheOldestGo) {
  options_.event_history_max = 1000;
  open();
  for (int at = 0; at < 30; ++at) {
    Batch batch;
    for (int job = 0; job < 50; ++job) batch.jobs.push_back(new_job());
    ASSERT_TRUE(commit(std::move(batch)).ok());
  }
  const auto page = events(revision_ - 10, revision_, 4);
  ASSERT_TRUE(page.ok());
  ASSERT_EQ(page->changes.size(), 4U);
  for (std::size_t at = 0; at < 4; ++at)
    EXPECT_EQ(page->changes[at].revision, revision_ - 9 + static_cast<std::int64_t>(at));
  EXPECT_EQ(page->oldest, revision_ - 1000 + 1) << "exactly the newest thousand are kept";
  EXPECT_EQ(events(0, page->oldest, 10)->changes.size(), 1U);
  const std::int64_t last = revision_;
  reopen();
  EXPECT_GT(snapshot_.revision, last) << "no revision is used twice";
}

TEST_F(StoreTest, ARequestGivesItsJobsAgainToItsSubmitterOnly) {
  open();
  const JobWrite one = new_job("one");
  const JobWrite two = new_job("two");
  Batch batch{{one, two}, {}, {{"uid 1", "r-1", one.number, 2}}};
  ASSERT_TRUE(commit(batch).ok());
  reopen();
  const auto look = [&](const std::string& who, const std::string& id) {
    return ask<std::optional<StoredRequest>>(
        [&](auto done) { store_->reader().request(own_asker(), who, id, done); });
  };
  const auto found = look("uid 1", "r-1");
  ASSERT_TRUE(found.ok() && found->has_value());
  EXPECT_EQ((*found)->job_ids, (std::vector<Uuid>{one.job.id, two.job.id}));
  EXPECT_EQ((*found)->specs[1], *two.job.spec);
  EXPECT_EQ((*found)->revision, one.number);
  EXPECT_FALSE(look("uid 2", "r-1")->has_value());
  EXPECT_FALSE(look("uid 1", "r-2")->has_value());
}

TEST_F(StoreTest, AJobShowsSinceWhenItsWorkerIsOutOfReach) {
  open();
  WorkerRecord worker;
  worker.id = Uuid::random();
  worker.name = "w1";
  worker.state = WorkerState::kUnreachable;
  worker.state_time = from_unix_us(1234567);
  const JobWrite job = new_job("far");
  const JobWrite sent = changed(job, placed(worker.id));
  ASSERT_TRUE(commit({{job, sent}, {{worker}}, {}}).ok());
  EXPECT_EQ(get("far")->unreachable_since, worker.state_time);
  const auto workers = ask<WorkerPage>(
      [&](auto done) { store_->reader().list_workers(own_asker(), "", "", 10, done); });
  ASSERT_EQ(workers->workers.size(), 1U);
  EXPECT_EQ(workers->workers[0].running, 1);
  worker.state = WorkerState::kReady;
  ASSERT_TRUE(commit({{}, {{worker}}, {}}).ok());
  EXPECT_FALSE(get("far")->unreachable_since.has_value());
}

TEST_F(StoreTest, WorkersPageByName) {
  open();
  Batch batch;
  for (const char* name : {"c", "a", "b", "a"}) {
    WorkerRecord worker;
    worker.id = Uuid::random();
    worker.name = name;
    batch.workers.push_back({worker});
  }
  ASSERT_TRUE(commit(batch).ok());
  std::string seen;
  std::string name;
  std::string id;
  while (true) {
    const auto page = ask<WorkerPage>(
        [&](auto done) { store_->reader().list_workers(own_asker(), name, id, 1, done); });
    ASSERT_EQ(page->workers.size(), 1U);
    name = page->workers[0].worker.name;
    id = page->workers[0].worker.id.str();
    seen += name;
    if (!page->more) break;
  }
  EXPECT_EQ(seen, "aabc");
}

TEST_F(StoreTest, OfAJobRefusedForEverTheLastAttemptsAreKept) {
  open();
  const Uuid worker = Uuid::random();
  JobWrite write = new_job("refused");
  ASSERT_TRUE(commit({{write}, {}, {}}).ok());
  for (int at = 0; at < 40; ++at) {
    write = changed(write, placed(worker));
    write.job.attempts.erase(write.job.attempts.begin(), write.job.attempts.end() - 1);
    ASSERT_TRUE(commit({{write}, {}, {}}).ok());
    write = changed(write, StartRefused{write.job.attempts.back().id.number, "it is full"});
    ASSERT_TRUE(commit({{write}, {}, {}}).ok());
  }
  const auto view = get("refused");
  ASSERT_TRUE(view.ok());
  EXPECT_EQ(view->job.attempts.size(), limits::kRefusedAttemptsKept);
  EXPECT_EQ(view->job.attempts.back().id.number, 40);
}

}  // namespace
}  // namespace takt::store
