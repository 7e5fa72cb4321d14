// SPDX-License-Identifier: Apache-2.0
// A copy of a store: one moment of it, whole, and what putting it back leads to.
#include "store/backup.h"

#include <sys/stat.h>

#include <filesystem>
#include <future>

#include "unit/store/store_fixture.h"

namespace takt::store {
namespace {

namespace fs = std::filesystem;

class BackupTest : public StoreTest {
 protected:
  [[nodiscard]] std::string copy() const { return copies_.path() + "/copy.db"; }

  // As the manual says: nothing of the old database stays.
  void put_back() {
    store_.reset();
    for (const char* end : {"", "-wal", "-shm"}) fs::remove(folder_.path() + "/takt.db" + end);
    fs::copy_file(copy(), folder_.path() + "/takt.db");
  }

  test::TempFolder copies_;
};

TEST_F(BackupTest, IsOneFileOfItsOwnerAndSaysWhatIsInIt) {
  open();
  ASSERT_TRUE(commit({{new_job("one"), new_job("two")}, {}, {}}).ok());
  const auto report = back_up(folder_.path(), copy());
  ASSERT_TRUE(report.ok()) << report.error().message;
  EXPECT_EQ(report->store_id, store_->id());
  EXPECT_EQ(report->jobs, 2);
  EXPECT_EQ(report->revision, revision_);
  struct stat status {};
  ASSERT_EQ(::stat(copy().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777U, 0600U);
  EXPECT_EQ(status.st_size, report->bytes);
  EXPECT_EQ(list_directory(copies_.fd())->size(), 1U) << "nothing beside it";
}

TEST_F(BackupTest, IsOfOneMomentWhileTheStoreIsWritten) {
  open();
  std::promise<void> some;
  std::atomic<bool> enough = false;
  std::thread writing([&] {
    for (int at = 0; !enough; ++at) {
      EXPECT_TRUE(commit({{new_job(), new_job(), new_job()}, {}, {}}).ok());
      if (at == 20) some.set_value();
    }
  });
  some.get_future().wait();
  const auto report = back_up(folder_.path(), copy());
  enough = true;
  writing.join();
  ASSERT_TRUE(report.ok()) << report.error().message;
  EXPECT_GE(report->jobs, 60);
  EXPECT_EQ(report->jobs % 3, 0) << "whole batches";
  put_back();
  open();
  EXPECT_GT(snapshot_.revision, report->revision);
  ASSERT_EQ(snapshot_.jobs.size(), static_cast<std::size_t>(report->jobs));
}

TEST_F(BackupTest, NeedsNoScheduler) {
  open();
  ASSERT_TRUE(commit({{new_job("kept")}, {}, {}}).ok());
  store_.reset();
  ASSERT_TRUE(back_up(folder_.path(), copy()).ok());
  put_back();
  open();
  EXPECT_TRUE(get("kept").ok());
}

TEST_F(BackupTest, OverwritesNothing) {
  open();
  ASSERT_TRUE(write_file(AT_FDCWD, copy(), "precious", 0644).ok());
  EXPECT_EQ(back_up(folder_.path(), copy()).error().code, ErrorCode::kExists);
  EXPECT_EQ(read_file(AT_FDCWD, copy(), 100).value(), "precious");
  EXPECT_EQ(list_directory(copies_.fd())->size(), 1U);
}

TEST_F(BackupTest, SaysWhyItCannotBe) {
  const auto nothing = back_up(folder_.path(), copy());
  ASSERT_FALSE(nothing.ok());
  EXPECT_EQ(nothing.error().code, ErrorCode::kNotFound);
  EXPECT_NE(nothing.error().message.find("there is no " + folder_.path() + "/takt.db"),
            std::string::npos)
      << nothing.error().message;
  open();
  const auto nowhere = back_up(folder_.path(), copies_.path() + "/none/copy.db");
  ASSERT_FALSE(nowhere.ok());
  EXPECT_NE(nowhere.error().message.find("No such file"), std::string::npos);
  EXPECT_TRUE(list_directory(copies_.fd())->empty()) << "nothing is left of either";
}

TEST_F(BackupTest, ADamagedDatabaseIsNotTakenForABackup) {
  open();
  ASSERT_TRUE(commit({{new_job("name")}, {}, {}}).ok());
  store_.reset();
  const std::string path = folder_.path() + "/takt.db";
  std::int64_t page = 0;
  {
    SQLite::Database database(path, SQLite::OPEN_READONLY);
    page =
        database.execAndGet("SELECT rootpage FROM sqlite_master WHERE name = 'jobs_whole_by_user'")
            .getInt64();
  }
  const auto file = open_at(AT_FDCWD, path, O_WRONLY);
  ASSERT_EQ(::pwrite(file->get(), "garbage", 7, (page - 1) * 4096), 7);
  const auto report = back_up(folder_.path(), copy());
  ASSERT_FALSE(report.ok());
  EXPECT_EQ(report.error().code, ErrorCode::kDataLoss);
  EXPECT_NE(report.error().message.find("takt.db: the database is damaged"), std::string::npos)
      << report.error().message;
  EXPECT_TRUE(list_directory(copies_.fd())->empty());
}

// A watcher resumes from a revision, and jobs are numbered by theirs: what came after the backup
// has used some, which the restored store does not know.
TEST_F(BackupTest, PutBackItUsesNoRevisionASecondTime) {
  open();
  ASSERT_TRUE(commit({{new_job("kept")}, {}, {}}).ok());
  ASSERT_TRUE(back_up(folder_.path(), copy()).ok());
  for (int at = 0; at < 3; ++at) {
    ASSERT_TRUE(commit({{new_job("lost"), new_job("lost")}, {}, {}}).ok());
    reopen();
  }
  ASSERT_TRUE(commit({{new_job("lost")}, {}, {}}).ok());
  const std::int64_t used = revision_;
  put_back();
  open();
  EXPECT_TRUE(get("kept").ok());
  EXPECT_FALSE(get("lost").ok());
  EXPECT_GT(new_job().number, used);
  // Also of the epoch in which the backup was made.
  put_back();
  fs::remove(folder_.path() + "/lock");
  const std::int64_t again = revision_;
  open();
  EXPECT_GT(new_job().number, again);
}

// Workers refuse a lower epoch than one that they have seen, and have seen those after the backup.
TEST_F(BackupTest, PutBackItHasAHigherEpochThanAnyBefore) {
  open();
  ASSERT_TRUE(commit({{new_job("kept")}, {}, {}}).ok());
  ASSERT_TRUE(back_up(folder_.path(), copy()).ok());
  ASSERT_TRUE(commit({{new_job("lost")}, {}, {}}).ok());
  const Uuid id = store_->id();
  std::int64_t epoch = store_->epoch();
  for (int at = 0; at < 3; ++at) {
    reopen();
    EXPECT_GT(store_->epoch(), epoch);
    epoch = store_->epoch();
  }
  put_back();
  open();
  EXPECT_EQ(store_->id(), id);
  EXPECT_GT(store_->epoch(), epoch);
  EXPECT_EQ(snapshot_.jobs.size(), 1U);
  EXPECT_EQ(get("lost").error().code, ErrorCode::kNotFound);
}

}  // namespace
}  // namespace takt::store
