// SPDX-License-Identifier: Apache-2.0
// WorkerService.ListJobs: what it shows, and that it holds up nothing but itself.
#include "worker/listing.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <future>
#include <set>
#include <string>
#include <vector>

#include "base/limits.h"
#include "rpc/page_token.h"
#include "unit/worker/worker_core.h"

namespace takt::worker {
namespace {

using Answer = Result<v1::WorkerServiceListJobsResponse>;

std::string name_in(const v1::Attempt& attempt) {
  return attempt.job_id() + "." + std::to_string(attempt.number());
}

// Whoever reads it waits until it is released.
class StuckRecord {
 public:
  explicit StuckRecord(std::string path) : path_(std::move(path)) {
    TAKT_CHECK(::unlink(path_.c_str()) == 0 && ::mkfifo(path_.c_str(), 0600) == 0, "mkfifo");
  }
  StuckRecord(const StuckRecord&) = delete;
  StuckRecord& operator=(const StuckRecord&) = delete;
  ~StuckRecord() {
    const UniqueFd all(::open(path_.c_str(), O_RDWR | O_CLOEXEC));
    ::unlink(path_.c_str());
  }
  // The one who reads it finds nothing in it. Waits for that one.
  void release() const { UniqueFd(::open(path_.c_str(), O_WRONLY | O_CLOEXEC)).reset(); }

 private:
  const std::string path_;
};

class ListingTest : public testing::Test {
 protected:
  ListingTest() {
    worker_.run([this] { listing_ = std::make_unique<Listing>(worker_.core()); });
  }
  ~ListingTest() override {
    worker_.run([this] { listing_.reset(); });
  }

  static Principal user(const std::string& name, uid_t uid) {
    Principal principal;
    principal.role = Role::kUser;
    principal.via = Via::kUnixSocket;
    principal.uid = uid;
    principal.user_name = name;
    return principal;
  }

  std::future<Answer> ask(const Principal& principal, std::size_t page_size,
                          const std::optional<AttemptId>& after = {}) {
    const auto answered = std::make_shared<std::promise<Answer>>();
    post([this, principal, after, page_size, answered] {
      listing_->list(
          {.principal = principal,
           .after = after,
           .page_size = page_size,
           .is_over = [] { return false; },
           .answer = [answered](Answer answer) { answered->set_value(std::move(answer)); }});
    });
    return answered->get_future();
  }
  // Does not wait for the loop, which may hang.
  void post(std::function<void()> fn) {
    TAKT_CHECK(worker_.loop().loop().post(std::move(fn)), "post");
  }
  // The names of all, in pages of this size.
  std::vector<std::string> walk(const Principal& principal, std::size_t page_size) {
    std::vector<std::string> names;
    std::optional<AttemptId> after;
    do {
      const Answer page = ask(principal, page_size, after).get();
      EXPECT_TRUE(page.ok()) << page.error().message;
      if (!page) return names;
      EXPECT_LE(page->attempts_size(), static_cast<int>(page_size));
      for (const v1::Attempt& attempt : page->attempts()) names.push_back(name_in(attempt));
      const auto token = rpc::read_attempt_token(page->next_page_token());
      TAKT_CHECK(token.ok(), "token");
      after = *token;
    } while (after);
    return names;
  }
  // Whether `fn` comes to run on the loop.
  static bool comes(const std::shared_ptr<std::promise<void>>& done) {
    return done->get_future().wait_for(std::chrono::seconds(20)) == std::future_status::ready;
  }

  const Principal alice_ = user("alice", 4001);
  const Principal bob_ = user("bob", 4002);
  WorkerCore worker_;
  std::unique_ptr<Listing> listing_;
};

TEST_F(ListingTest, HasLiveAndEndedAttemptsInOrderAndEachOnce) {
  std::set<AttemptId> ids;
  for (int i = 0; i < 7; ++i) {
    const Uuid job = Uuid::random();
    for (int number = 1; number <= 1 + i % 3; ++number) {
      const AttemptId& id = *ids.insert({job, number}).first;
      if (i % 2 == 0) {
        worker_.create_ended(id);
      } else {
        worker_.add_live(id);
      }
    }
  }
  std::vector<std::string> expected;
  for (const AttemptId& id : ids) expected.push_back(id.str());
  for (const std::size_t size : {1U, 2U, 3U, 100U}) EXPECT_EQ(walk(alice_, size), expected) << size;
  // Neither without an end nor live: it was set aside.
  worker_.create({Uuid::random(), 1});
  EXPECT_EQ(walk(alice_, 4), expected);

  const Answer all = ask(alice_, 100).get();
  ASSERT_TRUE(all.ok());
  const auto ended = [](const v1::Attempt& attempt) {
    return attempt.state() == v1::JOB_STATE_SUCCEEDED;
  };
  EXPECT_EQ(std::count_if(all->attempts().begin(), all->attempts().end(), ended), 7);
  for (const v1::Attempt& attempt : all->attempts()) EXPECT_EQ(attempt.user(), "alice");
}

TEST_F(ListingTest, AnEmptyWorkerHasOneEmptyPage) { EXPECT_TRUE(walk(alice_, 10).empty()); }

TEST_F(ListingTest, ReadsNothingOnTheLoopOrWhereStartsBecomeDurable) {
  const AttemptId id{Uuid::random(), 1};
  worker_.create_ended(id);
  const StuckRecord stuck(worker_.path(id, attempt::kSpecFile));
  auto answer = ask(alice_, 10);
  const auto loop = std::make_shared<std::promise<void>>();
  const auto disk = std::make_shared<std::promise<void>>();
  post([this, loop, disk] {
    loop->set_value();
    worker_.core().disk.run([] { return 0; }, [disk](int) { disk->set_value(); });
  });
  EXPECT_TRUE(comes(loop)) << "the loop waits for a record of the history";
  EXPECT_TRUE(comes(disk)) << "starts and ends wait for a record of the history";
  stuck.release();
  EXPECT_TRUE(answer.get().ok());
}

TEST_F(ListingTest, OfOneAccountOnePageIsReadAtATime) {
  const AttemptId id{Uuid::random(), 1};
  worker_.create_ended(id);
  std::vector<std::string> order;
  const StuckRecord stuck(worker_.path(id, attempt::kSpecFile));
  const auto list = [&](const Principal& principal, const std::string& what) {
    post([this, principal, what, &order] {
      listing_->list({.principal = principal,
                      .after = {},
                      .page_size = 10,
                      .is_over = [] { return false; },
                      .answer = [&order, what](const Answer&) { order.push_back(what); }});
    });
  };
  list(alice_, "alice 1");
  list(alice_, "alice 2");
  list(bob_, "bob 1");
  for (std::size_t i = 1; i <= 3; ++i) {
    stuck.release();
    ASSERT_TRUE(worker_.loop().wait([&] { return order.size() == i; }));
  }
  EXPECT_EQ(order, (std::vector<std::string>{"alice 1", "bob 1", "alice 2"}));
}

TEST_F(ListingTest, WhatWaitsIsBoundedAndWhatIsOverIsNotRead) {
  const AttemptId id{Uuid::random(), 1};
  worker_.create_ended(id);
  bool over = false;
  std::size_t answered = 0;
  const StuckRecord stuck(worker_.path(id, attempt::kSpecFile));
  auto first = ask(alice_, 10);
  worker_.run([&] {
    for (std::size_t i = 0; i < limits::kRequestsOfAccount; ++i)
      listing_->list({.principal = alice_,
                      .after = {},
                      .page_size = 10,
                      .is_over = [&over] { return over; },
                      .answer = [&answered](const Answer&) { ++answered; }});
  });
  const Answer refused = ask(alice_, 10).get();
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::kResourceExhausted);
  EXPECT_NE(refused.error().message.find("calls of ListJobs of alice wait"), std::string::npos)
      << refused.error().message;
  auto other = ask(bob_, 10);
  worker_.run([&over] { over = true; });
  stuck.release();
  EXPECT_TRUE(first.get().ok());
  stuck.release();
  EXPECT_TRUE(other.get().ok());
  auto again = ask(alice_, 10);
  stuck.release();
  EXPECT_TRUE(again.get().ok());
  EXPECT_EQ(answered, 0U);
}

TEST_F(ListingTest, AnAttemptThatEndsMeanwhileIsListedWithItsEnd) {
  std::vector<Uuid> jobs{Uuid::random(), Uuid::random()};
  std::sort(jobs.begin(), jobs.end());
  const AttemptId id{jobs[0], 1};
  const AttemptId other{jobs[1], 1};
  const LivePtr live = worker_.add_live(id);
  worker_.create_ended(other);
  const StuckRecord stuck(worker_.path(other, attempt::kSpecFile));
  auto answer = ask(alice_, 10);
  worker_.run([&] {
    live->record.state = JobState::kSucceeded;
    worker_.core().attempts.remove(*live);
  });
  stuck.release();
  const Answer page = answer.get();
  ASSERT_TRUE(page.ok());
  ASSERT_EQ(page->attempts_size(), 1);
  EXPECT_EQ(name_in(page->attempts(0)), id.str());
  EXPECT_EQ(page->attempts(0).state(), v1::JOB_STATE_SUCCEEDED);
}

TEST_F(ListingTest, OthersAreShownASummary) {
  const AttemptId id{Uuid::random(), 1};
  JobSpec spec;
  spec.readers = {"carol"};
  spec.argv = {"/secret"};
  spec.working_directory = "/nowhere";
  const UniqueFd folder = worker_.create(id, spec);
  attempt::ExitRecord end;
  end.cause = attempt::EndCause::kStartFailed;
  end.failed_step = "exec";
  end.start_time = end.end_time = wall_now();
  ASSERT_TRUE(attempt::write_record(folder.get(), end).ok());
  const auto detail_for = [&](const Principal& principal) {
    const Answer page = ask(principal, 10).get();
    TAKT_CHECK(page.ok() && page->attempts_size() == 1, "one attempt");
    return page->attempts(0).DebugString();
  };
  for (const Principal& who : {alice_, user("carol", 4003)})
    EXPECT_NE(detail_for(who).find("/secret"), std::string::npos) << who.user_name;
  EXPECT_EQ(detail_for(bob_).find("/secret"), std::string::npos);
}

TEST_F(ListingTest, APageEndsAfterSoManyBytesOfSpecs) {
  constexpr std::size_t kAttempts = 12;
  JobSpec spec;
  spec.stdin_data = std::string(limits::kSpecMaxBytes - limits::kKiB, 'x');
  for (std::size_t i = 0; i < kAttempts; ++i) worker_.create_ended({Uuid::random(), 1}, spec);
  const auto page =
      read_history_page(worker_.state(), {.after = {}, .attempts_max = 100, .live = {}});
  ASSERT_TRUE(page.ok());
  EXPECT_LE(page->entries.size(), kHistoryPageBytes / limits::kSpecMaxBytes + 1);
  ASSERT_TRUE(page->next_after);
  EXPECT_EQ(*page->next_after, page->entries.back().id);
  for (const HistoryEntry& entry : page->entries) {
    ASSERT_TRUE(entry.read);
    EXPECT_FALSE(entry.read->acceptance.spec.stdin_data) << "kept in memory";
  }
  EXPECT_EQ(walk(alice_, 100).size(), kAttempts);
}

}  // namespace
}  // namespace takt::worker
