// SPDX-License-Identifier: Apache-2.0
// The worker's files: one owner, one id, attempts by folder and link, junk left alone.
#include "worker/state_folder.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <vector>

#include "base/fs.h"
#include "support/failing_sync.h"
#include "unit/base/temp_folder.h"
#include "unit/job/specs.h"

namespace takt::worker {
namespace {

class StateFolderTest : public testing::Test {
 protected:
  StateFolder open() {
    auto state = StateFolder::open(path());
    TAKT_CHECK(state.ok(), "%s", state.error().message.c_str());
    return std::move(*state);
  }
  [[nodiscard]] std::string path() const { return folder_.path() + "/deep/state"; }
  [[nodiscard]] bool exists(const std::string& name) const {
    struct stat found {};
    return ::lstat((path() + "/" + name).c_str(), &found) == 0;
  }
  [[nodiscard]] mode_t mode(const std::string& name) const {
    struct stat found {};
    EXPECT_EQ(::stat((path() + "/" + name).c_str(), &found), 0) << name;
    return found.st_mode & 07777U;
  }
  void put(const std::string& name, const std::string& text) const {
    ASSERT_TRUE(write_file(AT_FDCWD, path() + "/" + name, text, 0644).ok()) << name;
  }
  void put_folder(const std::string& name) const {
    ASSERT_TRUE(make_directories(path() + "/" + name, 0755).ok()) << name;
  }
  static Acceptance acceptance() {
    Acceptance made;
    made.owner = kDirectOwner;
    made.user = "nobody";
    made.spec = test::full_spec();
    return made;
  }
  static AttemptId new_id(int number = 1) { return {Uuid::random(), number}; }

  test::TempFolder folder_;
};

TEST_F(StateFolderTest, MakesWhatIsMissingAndLetsJobsUsersPassThroughOnly) {
  const StateFolder state = open();
  for (const char* name : {"", "jobs", "active", "damaged"}) EXPECT_EQ(mode(name), 0711U) << name;
  EXPECT_EQ(mode("lock"), 0600U);
  EXPECT_EQ(state.path(), path());
}

TEST_F(StateFolderTest, HasOneOwnerAtATime) {
  {
    const StateFolder first = open();
    const auto second = StateFolder::open(path());
    ASSERT_FALSE(second.ok());
    EXPECT_EQ(second.error().code, ErrorCode::kUnavailable) << "it may be on its way out";
    EXPECT_NE(second.error().message.find(path()), std::string::npos);
  }
  EXPECT_TRUE(StateFolder::open(path()).ok()) << "the lock goes with its owner";
}

TEST_F(StateFolderTest, KeepsItsId) {
  const Uuid id = open().worker_id();
  EXPECT_FALSE(id.is_nil());
  EXPECT_EQ(open().worker_id(), id);
}

TEST_F(StateFolderTest, AnIdThatIsNotDurableIsNotKept) {
  {
    const test::FailingSync disk("/state");
    EXPECT_FALSE(StateFolder::open(path()).ok());
    EXPECT_EQ(disk.refused().size(), 1U);
  }
  EXPECT_FALSE(exists("worker-id")) << "the next start would believe it";
  EXPECT_FALSE(open().worker_id().is_nil());
}

TEST_F(StateFolderTest, ADamagedIdIsAnErrorAndNeverANewId) {
  open();
  for (const std::string& text : {std::string(), std::string("7a359f99"), std::string(200, 'x')}) {
    put("worker-id", text);
    EXPECT_FALSE(StateFolder::open(path()).ok()) << text;
    EXPECT_EQ(read_file(AT_FDCWD, path() + "/worker-id", 4096).value(), text);
  }
}

TEST_F(StateFolderTest, AnAttemptHasAFolderASpecAndALink) {
  StateFolder state = open();
  const AttemptId id = new_id();
  const auto folder = state.create_attempt(id, acceptance());
  ASSERT_TRUE(folder.ok()) << folder.error().message;
  const std::string name = "jobs/" + id.job_id.str() + "/1";
  EXPECT_EQ(mode(name + "/spec"), 0600U) << "environments hold secrets";
  EXPECT_EQ(mode(name), 0711U);
  EXPECT_EQ(read_acceptance(folder->get()).value().spec, test::full_spec());
  EXPECT_EQ(state.active().value(), std::vector<AttemptId>{id});
  // The link leads to the folder.
  EXPECT_TRUE(exists("active/" + id.str() + "/spec"));
  EXPECT_EQ(state.file_path(id, "stdout"), path() + "/" + name + "/stdout");
  EXPECT_TRUE(state.open_attempt({owner_of(acceptance()), id}).ok());
  EXPECT_TRUE(state.sync_starts({id}).ok());
}

TEST_F(StateFolderTest, AnAttemptThatMayHaveRunStaysAndExists) {
  StateFolder state = open();
  const AttemptId id = new_id();
  const UniqueFd folder = std::move(*state.create_attempt(id, acceptance()));
  ASSERT_TRUE(attempt::write_record(folder.get(), attempt::SupervisorRecord()).ok());
  Acceptance other = acceptance();
  other.user = "daemon";
  const auto again = state.create_attempt(id, other);
  ASSERT_FALSE(again.ok());
  EXPECT_EQ(again.error().code, ErrorCode::kExists);
  EXPECT_EQ(state.open_attempt({owner_of(acceptance()), id}).value().acceptance.user, "nobody");
}

TEST_F(StateFolderTest, WhatIsLeftOfAStartThatNeverRanIsReplaced) {
  StateFolder state = open();
  const AttemptId id = new_id();
  const UniqueFd folder = std::move(*state.create_attempt(id, acceptance()));
  ASSERT_TRUE(write_file(folder.get(), "script", "old", 0600).ok());
  Acceptance other = acceptance();
  other.user = "daemon";
  const auto again = state.create_attempt(id, other);
  ASSERT_TRUE(again.ok()) << again.error().message;
  EXPECT_EQ(read_acceptance(again->get()).value().user, "daemon");
  EXPECT_EQ(list_directory(again->get()).value(), std::vector<std::string>{"spec"});
  EXPECT_EQ(state.active().value(), std::vector<AttemptId>{id});
}

TEST_F(StateFolderTest, ForgettingTakesTheLinkAndLeavesTheFolder) {
  StateFolder state = open();
  const AttemptId id = new_id();
  ASSERT_TRUE(state.create_attempt(id, acceptance()).ok());
  ASSERT_TRUE(state.forget_active(id).ok());
  EXPECT_TRUE(state.active()->empty());
  EXPECT_TRUE(state.open_folder(id).ok());
  EXPECT_TRUE(state.forget_active(id).ok()) << "twice is once";
}

TEST_F(StateFolderTest, DiscardingLeavesNothing) {
  StateFolder state = open();
  const AttemptId first = new_id(1);
  const AttemptId second{first.job_id, 2};
  for (const AttemptId& id : {first, second})
    ASSERT_TRUE(state.create_attempt(id, acceptance()).ok());
  ASSERT_TRUE(state.discard_attempt(second).ok());
  EXPECT_EQ(state.attempts_of(first.job_id), std::vector<int>{1});
  EXPECT_EQ(state.active().value(), std::vector<AttemptId>{first});
  ASSERT_TRUE(state.discard_attempt(first).ok());
  EXPECT_FALSE(exists("jobs/" + first.job_id.str()));
  EXPECT_TRUE(state.active()->empty());
  EXPECT_TRUE(state.discard_attempt(first).ok()) << "twice is once";
  EXPECT_TRUE(state.sync_starts({first}).ok()) << "given up meanwhile";
  EXPECT_TRUE(state.create_attempt(first, acceptance()).ok()) << "it may come again";
}

TEST_F(StateFolderTest, WhatIsSetAsideIsNotActiveAndComesBack) {
  StateFolder state = open();
  const AttemptId id = new_id();
  const UniqueFd folder = std::move(*state.create_attempt(id, acceptance()));
  EXPECT_FALSE(state.may_have_run(id));
  ASSERT_TRUE(attempt::write_record(folder.get(), attempt::SupervisorRecord()).ok());
  EXPECT_TRUE(state.may_have_run(id));
  ASSERT_TRUE(state.set_aside(id).ok());
  EXPECT_TRUE(state.active()->empty());
  EXPECT_EQ(state.damaged().value(), std::vector<AttemptId>{id});
  EXPECT_TRUE(exists("damaged/" + id.str() + "/spec")) << "the link leads to the folder from there";
  EXPECT_FALSE(state.set_aside(id).ok()) << "there is no link to move";
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(state.take_back(id).ok()) << "twice is once";
    EXPECT_EQ(state.active().value(), std::vector<AttemptId>{id});
    EXPECT_TRUE(state.damaged()->empty());
  }
  EXPECT_TRUE(exists("active/" + id.str() + "/spec"));
}

TEST_F(StateFolderTest, AStartThatIsMadeAnewIsNotSetAsideAnyMore) {
  StateFolder state = open();
  const AttemptId id = new_id();
  ASSERT_TRUE(state.create_attempt(id, acceptance()).ok());
  ASSERT_TRUE(state.set_aside(id).ok());
  ASSERT_TRUE(state.create_attempt(id, acceptance()).ok()) << "it never ran";
  EXPECT_EQ(state.active().value(), std::vector<AttemptId>{id});
  EXPECT_TRUE(state.damaged()->empty());
}

TEST_F(StateFolderTest, ADamagedFileIsKeptBesideTheOneInItsPlace) {
  StateFolder state = open();
  const AttemptId id = new_id();
  const UniqueFd folder = std::move(*state.create_attempt(id, acceptance()));
  ASSERT_TRUE(write_file(folder.get(), "spec", "TKAC", 0600).ok());
  Acceptance again = acceptance();
  again.user = "daemon";
  ASSERT_TRUE(state.replace_acceptance(id, again).ok());
  EXPECT_EQ(read_acceptance(folder.get()).value().user, "daemon");
  EXPECT_EQ(read_file(folder.get(), "spec.damaged", 64).value(), "TKAC");
  EXPECT_EQ(state.set_file_aside(id, "exit").error().error_number, ENOENT);
  ASSERT_TRUE(remove_file(folder.get(), "spec").ok());
  EXPECT_TRUE(state.replace_acceptance(id, again).ok()) << "there was none";
}

TEST_F(StateFolderTest, AnAttemptThatIsNotThereIsNotFound) {
  const StateFolder state = open();
  const AttemptId id = new_id(3);
  const auto folder = state.open_folder(id);
  ASSERT_FALSE(folder.ok());
  EXPECT_EQ(folder.error().code, ErrorCode::kNotFound);
  EXPECT_NE(folder.error().message.find("attempt 3"), std::string::npos);
  EXPECT_TRUE(state.attempts_of(id.job_id).empty());
}

TEST_F(StateFolderTest, AttemptsComeByNumber) {
  StateFolder state = open();
  const Uuid job = Uuid::random();
  for (const int number : {10, 2, 1})
    ASSERT_TRUE(state.create_attempt({job, number}, acceptance()).ok());
  EXPECT_EQ(state.attempts_of(job), (std::vector<int>{1, 2, 10}));
}

TEST_F(StateFolderTest, JobsComeInPagesById) {
  StateFolder state = open();
  std::vector<Uuid> all;
  for (int i = 0; i < 7; ++i) {
    all.push_back(Uuid::random());
    ASSERT_TRUE(state.create_attempt({all.back(), 1}, acceptance()).ok());
  }
  std::sort(all.begin(), all.end());
  std::vector<Uuid> paged;
  std::optional<Uuid> after;
  for (std::size_t size = 3; size != 0;) {
    const auto page = state.jobs(after, 3).value();
    EXPECT_LE(page.size(), 3U);
    paged.insert(paged.end(), page.begin(), page.end());
    size = page.size();
    if (size != 0) after = page.back();
  }
  EXPECT_EQ(paged, all);
  EXPECT_TRUE(state.jobs(std::nullopt, 0)->empty());
}

TEST_F(StateFolderTest, JunkIsIgnored) {
  StateFolder state = open();
  const AttemptId id = new_id();
  ASSERT_TRUE(state.create_attempt(id, acceptance()).ok());
  const std::string job = id.job_id.str();
  std::string upper = job;
  for (char& c : upper) c = static_cast<char>(::toupper(c));
  for (const std::string& name : {std::string("junk"), job, job + ".0", job + ".01", job + ".x",
                                  job + ".1.2", job + ".99999999999"})
    put("active/" + name, "");
  for (const char* name : {"0", "01", "-1", "1x", "x", "99999999999"})
    put_folder("jobs/" + job + "/" + name);
  for (const std::string& name : {std::string("junk"), job + "x", job.substr(1)})
    put_folder("jobs/" + name);
  if (upper != job) put_folder("jobs/" + upper);
  EXPECT_EQ(state.active().value(), std::vector<AttemptId>{id});
  EXPECT_EQ(state.attempts_of(id.job_id), std::vector<int>{1});
  EXPECT_EQ(state.jobs(std::nullopt, 100).value(), std::vector<Uuid>{id.job_id});
}

TEST_F(StateFolderTest, ATornSpecIsDataLoss) {
  StateFolder state = open();
  const AttemptId id = new_id();
  const UniqueFd folder = std::move(*state.create_attempt(id, acceptance()));
  ASSERT_TRUE(write_file(folder.get(), "spec", "TKAC", 0600).ok());
  EXPECT_EQ(read_acceptance(folder.get()).error().code, ErrorCode::kDataLoss);
}

TEST_F(StateFolderTest, AnEndIsDurableOnlyWithItsRecord) {
  StateFolder state = open();
  const AttemptId id = new_id();
  const UniqueFd folder = std::move(*state.create_attempt(id, acceptance()));
  EXPECT_FALSE(state.sync_ends({id}).ok()) << "there is no exit record";
  ASSERT_TRUE(attempt::write_record(folder.get(), attempt::ExitRecord()).ok());
  EXPECT_TRUE(state.sync_ends({id}).ok());
}

TEST_F(StateFolderTest, NamesGoThereAndBack) {
  const AttemptId id = new_id(7);
  EXPECT_EQ(id_of(name_of(id)), id);
}

}  // namespace
}  // namespace takt::worker
