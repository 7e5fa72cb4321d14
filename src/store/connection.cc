// SPDX-License-Identifier: Apache-2.0
#include "store/connection.h"

#include <sqlite3.h>

#include <algorithm>
#include <utility>

#include "base/limits.h"
#include "store/trouble.h"

namespace takt::store {

Query::~Query() {
  statement_.tryReset();
  try {
    statement_.clearBindings();
  } catch (const SQLite::Exception&) {
    // Every ? is bound anew at the next use.
  }
}

Query& Query::number(std::int64_t value) {
  statement_.bind(++bound_, value);
  return *this;
}

Query& Query::text(const std::string& value) {
  statement_.bindNoCopy(++bound_, value);
  return *this;
}

Query& Query::blob(const std::string& value) {
  statement_.bindNoCopy(++bound_, value.data(), static_cast<int>(value.size()));
  return *this;
}

Query& Query::null() {
  statement_.bind(++bound_);
  return *this;
}

Query& Query::id(const Uuid& value) {
  statement_.bind(++bound_, value.str());
  return *this;
}

Query& Query::time(const std::optional<WallTime>& value) { return value ? time(*value) : null(); }

bool Query::next() {
  column_ = 0;
  return statement_.executeStep();
}

void Query::run() { statement_.exec(); }

std::optional<std::string> Query::get_optional_text() {
  const SQLite::Column column = statement_.getColumn(column_++);
  if (column.isNull()) return std::nullopt;
  return column.getString();
}

std::optional<std::int64_t> Query::get_optional_number() {
  const SQLite::Column column = statement_.getColumn(column_++);
  if (column.isNull()) return std::nullopt;
  return column.getInt64();
}

std::optional<WallTime> Query::get_optional_time() {
  const auto us = get_optional_number();
  if (!us) return std::nullopt;
  return from_unix_us(*us);
}

Connection::Connection(const ConnectionOptions& options)
    : path_(options.path),
      database_(
          options.path,
          options.read_only ? SQLite::OPEN_READONLY : SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE,
          static_cast<int>(options.busy_timeout.count())) {}

namespace {

constexpr int kStepsBetweenLooks = 100'000;  // of SQLite's machine: some milliseconds

Result<void> prepare_to_write(Connection& connection, const ConnectionOptions& options) {
  // SQLite opens what it may not write for reading.
  if (sqlite3_db_readonly(connection.database().getHandle(), "main") != 0)
    return not_usable(options.path, true, "it can be read only");
  // A query, since the answer is the mode that was taken.
  const std::string mode = connection.database().execAndGet("PRAGMA journal_mode=WAL").getString();
  if (mode != "wal") {
    return make_error(ErrorCode::kFailedPrecondition,
                      options.path + " cannot use a write-ahead log (journal mode " + mode +
                          "); put it on a local file system");
  }
  connection.execute("PRAGMA synchronous=FULL");
  connection.execute("PRAGMA foreign_keys=ON");
  if (options.max_pages > 0)
    connection.number_of(("PRAGMA max_page_count=" + std::to_string(options.max_pages)).c_str());
  return {};
}

bool is_about_access(int code) {
  return code == SQLITE_CANTOPEN || code == SQLITE_READONLY || code == SQLITE_PERM;
}

}  // namespace

Result<std::unique_ptr<Connection>> Connection::open(const ConnectionOptions& options) {
  try {
    std::unique_ptr<Connection> opened(new Connection(options));
    if (!options.read_only)
      if (auto ready = prepare_to_write(*opened, options); !ready) return ready.error();
    return opened;
  } catch (const SQLite::Exception& failure) {
    if (is_about_access(failure.getErrorCode()))
      return not_usable(options.path, !options.read_only, failure.what());
    return store_error(failure, "cannot open " + options.path);
  }
}

Connection::Until::Until(Connection& connection, std::function<bool()> over)
    : connection_(connection), over_(std::move(over)) {
  if (!over_) return;
  const auto look = [](void* until) { return static_cast<Until*>(until)->over_() ? 1 : 0; };
  ::sqlite3_progress_handler(connection_.database_.getHandle(), kStepsBetweenLooks, look, this);
}

Connection::Until::~Until() {
  ::sqlite3_progress_handler(connection_.database_.getHandle(), 0, nullptr, nullptr);
}

SQLite::Statement& Connection::prepare(const char* sql) {
  std::string text = sql;
  const auto found = statements_.find(text);
  if (found != statements_.end()) return *found->second;
  auto statement = std::make_unique<SQLite::Statement>(database_, text);
  return *statements_.emplace(std::move(text), std::move(statement)).first->second;
}

// Callers choose the text, by their filters: one that is kept takes some 70 kB.
SQLite::Statement& Connection::prepare_composed(const std::string& sql) {
  const auto found = std::find_if(composed_.begin(), composed_.end(),
                                  [&](const Composed& one) { return one.sql == sql; });
  if (found != composed_.end()) {
    composed_.splice(composed_.begin(), composed_, found);
  } else {
    composed_.emplace_front(database_, sql);
    if (composed_.size() > limits::kListStatementsMax) composed_.pop_back();
  }
  return composed_.front().statement;
}

Result<void> Connection::begin_write() {
  execute("BEGIN IMMEDIATE");
  const std::int64_t found = [this] {
    Query query(prepare("SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'epoch'"));
    return query.next() ? query.get_number() : 0;
  }();
  if (found == epoch_) return {};
  execute("ROLLBACK");
  return make_error(ErrorCode::kFailedPrecondition,
                    "another scheduler has taken " + path_ + " over (its epoch is " +
                        std::to_string(found) + ", ours " + std::to_string(epoch_) +
                        "); only one may run, and nothing more is written here");
}

std::int64_t Connection::used_bytes() {
  const auto value_of = [this](const char* pragma) {
    Query query(prepare(pragma));
    return query.next() ? query.get_number() : 0;
  };
  return (value_of("PRAGMA page_count") - value_of("PRAGMA freelist_count")) *
         value_of("PRAGMA page_size");
}

void roll_back(Connection& connection) {
  try {
    connection.execute("ROLLBACK");
  } catch (const SQLite::Exception&) {
    // There was none.
  }
}

std::string database_path(const std::string& directory) { return directory + "/takt.db"; }

Error store_error(const SQLite::Exception& failure, std::string_view what) {
  const int code = failure.getErrorCode();
  if (code == SQLITE_CORRUPT || code == SQLITE_NOTADB) return damaged(what, failure.what());
  return make_error(code == SQLITE_FULL        ? ErrorCode::kResourceExhausted
                    : code == SQLITE_INTERRUPT ? ErrorCode::kCancelled
                                               : ErrorCode::kUnavailable,
                    std::string(what) + ": " + failure.what());
}

}  // namespace takt::store
