// SPDX-License-Identifier: Apache-2.0
#include "store/connection.h"

#include <sqlite3.h>

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
    : database_(
          options.path,
          options.read_only ? SQLite::OPEN_READONLY : SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE,
          static_cast<int>(options.busy_timeout.count())) {}

Result<std::unique_ptr<Connection>> Connection::open(const ConnectionOptions& options) {
  using Opened = std::unique_ptr<Connection>;
  return guarded("cannot open " + options.path, [&]() -> Result<Opened> {
    Opened opened(new Connection(options));
    if (!options.read_only) {
      // A query, since the answer is the mode that was taken.
      const std::string mode = opened->database_.execAndGet("PRAGMA journal_mode=WAL").getString();
      if (mode != "wal") {
        return make_error(ErrorCode::kFailedPrecondition,
                          options.path + " cannot use a write-ahead log (journal mode " + mode +
                              "); put it on a local file system");
      }
      opened->execute("PRAGMA synchronous=FULL");
      opened->execute("PRAGMA foreign_keys=ON");
      if (options.max_pages > 0) {
        opened->number_of(("PRAGMA max_page_count=" + std::to_string(options.max_pages)).c_str());
      }
    }
    return opened;
  });
}

SQLite::Statement& Connection::prepare_dynamic(std::string sql) {
  const auto found = statements_.find(sql);
  if (found != statements_.end()) return *found->second;
  auto statement = std::make_unique<SQLite::Statement>(database_, sql);
  return *statements_.emplace(std::move(sql), std::move(statement)).first->second;
}

void roll_back(Connection& connection) {
  try {
    connection.execute("ROLLBACK");
  } catch (const SQLite::Exception&) {
    // There was none.
  }
}

Error store_error(const SQLite::Exception& failure, std::string_view what) {
  const bool full = failure.getErrorCode() == SQLITE_FULL;
  std::string text(what);
  text += ": ";
  text += failure.what();
  return make_error(full ? ErrorCode::kResourceExhausted : ErrorCode::kUnavailable,
                    std::move(text));
}

}  // namespace takt::store
