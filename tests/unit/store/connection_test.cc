// SPDX-License-Identifier: Apache-2.0
// However many filters come, few statements are kept.
#include "store/connection.h"

#include <gtest/gtest.h>
#include <sqlite3.h>

#include <algorithm>
#include <optional>
#include <string>

#include "base/limits.h"
#include "store/queries.h"
#include "unit/store/store_fixture.h"

namespace takt::store {
namespace {

std::size_t statements_of(Connection& connection) {
  std::size_t count = 0;
  sqlite3* const database = connection.database().getHandle();
  for (sqlite3_stmt* one = sqlite3_next_stmt(database, nullptr); one != nullptr;
       one = sqlite3_next_stmt(database, one))
    ++count;
  return count;
}

// How often a statement that is kept has run; none: it is not kept.
std::optional<int> runs_of(Connection& connection, const std::string& sql) {
  sqlite3* const database = connection.database().getHandle();
  for (sqlite3_stmt* one = sqlite3_next_stmt(database, nullptr); one != nullptr;
       one = sqlite3_next_stmt(database, one))
    if (sql == sqlite3_sql(one)) return sqlite3_stmt_status(one, SQLITE_STMTSTATUS_RUN, 0);
  return std::nullopt;
}

class ConnectionTest : public StoreTest {};

TEST_F(ConnectionTest, StatementsOfFiltersAreBounded) {
  open();
  ASSERT_TRUE(commit({{new_job("one")}, {}, {}}).ok());
  auto connection = Connection::open({.path = database_path(folder_.path()), .read_only = true});
  ASSERT_TRUE(connection.ok()) << connection.error().message;
  std::size_t most = 0;
  for (std::size_t shape = 0; shape < 512; ++shape) {
    JobFilter filter;
    filter.page_size = 10;
    for (std::size_t i = 0; i < shape % 64; ++i) filter.labels["k" + std::to_string(i)] = "v";
    if ((shape / 64) % 2 == 1) filter.name = "one";
    if ((shape / 128) % 2 == 1) filter.user = "alice";
    if (shape / 256 == 1) filter.states = {JobState::kQueued};
    const auto page = query_jobs(**connection, filter);
    ASSERT_TRUE(page.ok()) << page.error().message;
    EXPECT_EQ(page->jobs.size(), shape % 64 == 0 ? 1U : 0U);
    most = std::max(most, statements_of(**connection));
  }
  EXPECT_LE(most, limits::kListStatementsMax + 20) << "and those of fixed texts";
}

TEST_F(ConnectionTest, AStatementThatIsUsedAgainStays) {
  open();
  auto connection = Connection::open({.path = database_path(folder_.path()), .read_only = true});
  ASSERT_TRUE(connection.ok()) << connection.error().message;
  constexpr int kOthers = 4 * static_cast<int>(limits::kListStatementsMax);
  for (int i = 1; i <= kOthers; ++i) {
    ASSERT_TRUE(Query((*connection)->prepare_composed("SELECT 0")).next());
    static_cast<void>((*connection)->prepare_composed("SELECT " + std::to_string(i)));
  }
  // One that was prepared again begins at none; its address may be the same.
  EXPECT_EQ(runs_of(**connection, "SELECT 0"), kOthers);
}

}  // namespace
}  // namespace takt::store
