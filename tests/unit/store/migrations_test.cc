// SPDX-License-Identifier: Apache-2.0
// A file of an older version becomes one of this version, and keeps what it holds.
#include "store/migrations.h"

#include <fcntl.h>

#include <set>

#include "base/fs.h"
#include "unit/store/store_fixture.h"

namespace takt::store {
namespace {

constexpr const char* kOldId = "0a0b0c0d-0000-4000-8000-000000000001";

std::string schema_1() {
  const auto text = read_file(AT_FDCWD, TAKT_SCHEMA_1, 65536);
  EXPECT_TRUE(text.ok());
  return text.value();
}

// "jobs.priority INTEGER" for each column, and the name of each index.
std::set<std::string> shape_of(SQLite::Database& database) {
  std::set<std::string> shape;
  SQLite::Statement columns(
      database,
      "SELECT m.name || '.' || c.name || ' ' || c.type || ' ' || c.\"notnull\" || ' ' || c.pk || "
      "' ' || ifnull(c.dflt_value, '-') FROM sqlite_master AS m, pragma_table_info(m.name) AS c "
      "WHERE m.type = 'table'");
  while (columns.executeStep()) shape.insert(columns.getColumn(0).getString());
  SQLite::Statement indices(database, "SELECT name FROM sqlite_master WHERE type = 'index'");
  while (indices.executeStep()) shape.insert(indices.getColumn(0).getString());
  return shape;
}

class MigrationsTest : public StoreTest {
 protected:
  std::string path() const { return folder_.path() + "/takt.db"; }

  // A file of version 1 with one queued job and one worker.
  void make_old() {
    SQLite::Database database(path(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
    database.exec(schema_1());
    database.exec("PRAGMA user_version=1");
    database.exec("INSERT INTO meta VALUES('epoch', '4'), ('store_id', '" + std::string(kOldId) +
                  "')");
    database.exec(
        "INSERT INTO jobs(number, id, revision, state, name, submit_time_us,"
        " submitted_by, submit_user) VALUES(1, '" +
        std::string(kOldId) + "', 1, 0, 'old', 5, 'user alice', 'alice')");
    JobSpec spec;
    spec.argv = {"/bin/true"};
    spec.labels = {{"team", "ops"}};
    SQLite::Statement insert(database,
                             "INSERT INTO specs(number, spec_record, script) VALUES(1, ?, x'')");
    const std::string record = encode_spec(spec);
    insert.bindNoCopy(1, record.data(), static_cast<int>(record.size()));
    insert.exec();
    database.exec("INSERT INTO events VALUES(1, '" + std::string(kOldId) + "', 0, 5, 0, '" +
                  Uuid().str() + "', NULL)");
  }
};

TEST_F(MigrationsTest, AnOldFileGetsTheShapeOfANewOne) {
  make_old();
  open();
  store_.reset();
  SQLite::Database migrated(path());
  const auto shape = shape_of(migrated);
  test::TempFolder other;
  StoreOptions options = options_;
  options.directory = other.path();
  ASSERT_TRUE(Store::open(options).ok());
  SQLite::Database made(other.path() + "/takt.db");
  EXPECT_EQ(shape, shape_of(made));
  EXPECT_EQ(migrated.execAndGet("PRAGMA user_version").getInt64(), kSchemaVersion);
}

TEST_F(MigrationsTest, AnOldFileKeepsWhatItHolds) {
  make_old();
  open();
  EXPECT_EQ(store_->id().str(), kOldId);
  EXPECT_GT(store_->epoch(), 4);
  ASSERT_EQ(snapshot_.jobs.size(), 1U);
  EXPECT_EQ(snapshot_.jobs[0].job.priority, 0);
  EXPECT_FALSE(snapshot_.jobs[0].job.hold.has_value());
  JobFilter by_label;
  by_label.labels = {{"team", "ops"}};
  by_label.page_size = 10;
  const auto page = list(by_label);
  ASSERT_TRUE(page.ok()) << page.error().message;
  ASSERT_EQ(page->jobs.size(), 1U) << "labels are found, too";
  EXPECT_EQ(page->jobs[0].job.id.str(), kOldId);
}

TEST_F(MigrationsTest, AStepThatFailsLeavesTheFileAsItWas) {
  make_old();
  {
    SQLite::Database database(path(), SQLite::OPEN_READWRITE);
    database.exec("UPDATE specs SET spec_record = x'00'");
  }
  const auto opened = Store::open(options_);
  ASSERT_FALSE(opened.ok());
  EXPECT_NE(opened.error().message.find("a spec in the store"), std::string::npos)
      << opened.error().message;
  SQLite::Database database(path());
  EXPECT_EQ(database.execAndGet("PRAGMA user_version").getInt64(), 1);
  EXPECT_FALSE(database.tableExists("labels"));
}

}  // namespace
}  // namespace takt::store
