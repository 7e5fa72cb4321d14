// SPDX-License-Identifier: Apache-2.0
// A database that is damaged, gone or not to be used: refused, with the file and the way out.
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <filesystem>
#include <thread>

#include "support/small_disk.h"
#include "unit/store/store_fixture.h"

namespace takt::store {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kPage = 4096;

class DamageTest : public StoreTest {
 protected:
  [[nodiscard]] std::string path() const { return options_.directory + "/takt.db"; }

  // A closed store with some jobs.
  void fill() {
    open();
    Batch batch;
    for (int at = 0; at < 100; ++at) {
      batch.jobs.push_back(new_job("job-" + std::to_string(at)));
      edit(batch.jobs.back(), [](JobSpec& spec) { spec.script.assign(3000, 'x'); });
    }
    ASSERT_TRUE(commit(std::move(batch)).ok());
    store_.reset();
  }
  // Overwrites the beginning of a page, counted from 1.
  void spoil(std::int64_t page) {
    const auto file = open_at(AT_FDCWD, path(), O_WRONLY);
    ASSERT_TRUE(file.ok());
    const std::string garbage(200, '\x5a');
    ASSERT_EQ(::pwrite(file->get(), garbage.data(), garbage.size(), (page - 1) * kPage), 200);
  }
  std::int64_t root_of(const std::string& name) {
    SQLite::Database database(path(), SQLite::OPEN_READONLY);
    return database.execAndGet("SELECT rootpage FROM sqlite_master WHERE name = '" + name + "'")
        .getInt64();
  }
  void expect_refused(ErrorCode code, const std::string& words) {
    const auto opened = Store::open(options_);
    ASSERT_FALSE(opened.ok());
    EXPECT_EQ(opened.error().code, code);
    EXPECT_NE(opened.error().message.find(words), std::string::npos) << opened.error().message;
    EXPECT_NE(opened.error().message.find(options_.directory), std::string::npos)
        << opened.error().message;
    const bool way_out = opened.error().message.find("put back a backup") != std::string::npos;
    EXPECT_EQ(way_out, code == ErrorCode::kDataLoss) << opened.error().message;
  }
};

TEST_F(DamageTest, WhatIsNoDatabaseIsRefusedAndLeftAlone) {
  const std::string text(20000, 't');
  ASSERT_TRUE(write_file(AT_FDCWD, path(), text, 0600).ok());
  expect_refused(ErrorCode::kDataLoss, "file is not a database");
  EXPECT_EQ(read_file(AT_FDCWD, path(), 30000).value(), text);
}

TEST_F(DamageTest, AFileThatWasCutShortIsRefused) {
  fill();
  const auto size = fs::file_size(path());
  fs::resize_file(path(), size / 2 / kPage * kPage);
  expect_refused(ErrorCode::kDataLoss, "malformed");
  fs::resize_file(path(), 1000);
  expect_refused(ErrorCode::kDataLoss, "the database is damaged");
}

TEST_F(DamageTest, ADatabaseThatIsGoneIsNotReplacedByANewOne) {
  fill();
  fs::resize_file(path(), 0);
  expect_refused(ErrorCode::kDataLoss, "gone or empty, though the store ");
  fs::remove(path());
  expect_refused(ErrorCode::kDataLoss, "To begin anew without its jobs remove ");
  expect_refused(ErrorCode::kDataLoss, "gone or empty");
  fs::remove(options_.directory + "/lock");
  open();
  EXPECT_TRUE(snapshot_.jobs.empty());
}

TEST_F(DamageTest, DamageThatLoadingMeetsIsRefused) {
  for (const char* what : {"jobs", "jobs_by_state", "specs", "events", "meta", "workers_by_name"}) {
    SCOPED_TRACE(what);
    test::TempFolder folder;
    options_.directory = folder.path();
    revision_ = 0;
    fill();
    spoil(root_of(what));
    if (std::string(what) == "workers_by_name") {
      EXPECT_TRUE(Store::open(options_).ok()) << "which loading does not need";
    } else {
      expect_refused(ErrorCode::kDataLoss, "the database is damaged");
    }
    options_.directory = folder_.path();
  }
}

TEST_F(DamageTest, DamageThatIsMetLaterIsToldAsThat) {
  fill();
  spoil(root_of("jobs_whole_by_user"));
  open();
  JobFilter filter;
  filter.user = "alice";
  filter.page_size = 10;
  const auto page = list(filter);
  ASSERT_FALSE(page.ok());
  EXPECT_EQ(page.error().code, ErrorCode::kDataLoss);
  EXPECT_NE(page.error().message.find("cannot read " + path() + ": the database is damaged"),
            std::string::npos)
      << page.error().message;
  EXPECT_TRUE(get("job-7").ok()) << "what is not hit is read";
  const auto written = commit({{new_job("more")}, {}, {}});
  ASSERT_FALSE(written.ok());
  EXPECT_EQ(written.error().code, ErrorCode::kDataLoss);
  EXPECT_NE(written.error().message.find("cannot commit to " + path()), std::string::npos);
  EXPECT_NE(written.error().message.find("put back a backup"), std::string::npos);
}

TEST_F(DamageTest, ARowThatIsNotWhatWasWrittenIsDamage) {
  fill();
  SQLite::Database(path(), SQLite::OPEN_READWRITE)
      .exec("UPDATE jobs SET id = 'x' WHERE number % 100 = 7");
  expect_refused(ErrorCode::kDataLoss, "jobs.id");
}

TEST_F(DamageTest, AFolderThatIsNotThereIsNamed) {
  options_.directory = folder_.path() + "/none";
  expect_refused(ErrorCode::kNotFound, "there is no ");
}

TEST_F(DamageTest, WhatMayNotBeUsedSaysForWhom) {
  fill();
  // Credentials are those of a thread, where the kernel is asked without the C library.
  std::thread nobody([this] {
    ASSERT_EQ(::syscall(SYS_setresuid, 65534, 65534, 65534), 0);
    expect_refused(ErrorCode::kPermissionDenied, "user 65534 may not use ");
  });
  nobody.join();
  ASSERT_EQ(::chmod(options_.directory.c_str(), 0777), 0);
  ASSERT_EQ(::chmod((options_.directory + "/lock").c_str(), 0666), 0);
  std::thread other([this] {
    ASSERT_EQ(::syscall(SYS_setresuid, 65534, 65534, 65534), 0);
    expect_refused(ErrorCode::kPermissionDenied, "may not use " + path());
  });
  other.join();
  open();
  EXPECT_EQ(snapshot_.jobs.size(), 100U);
}

TEST_F(DamageTest, AReadOnlyFileSystemIsToldAsThat) {
  test::SmallDisk disk(8 << 20);
  options_.directory = disk.path();
  fill();
  ASSERT_EQ(::mount(nullptr, disk.path().c_str(), nullptr, MS_REMOUNT | MS_RDONLY, nullptr), 0);
  expect_refused(ErrorCode::kUnavailable, "on a file system that is read-only");
}

}  // namespace
}  // namespace takt::store
