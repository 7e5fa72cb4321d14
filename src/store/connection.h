// SPDX-License-Identifier: Apache-2.0
// One connection to the database file, and statements as one fluent class. Guarantees: statements
// are prepared once; a Query leaves its statement reset, however it is left. SQLiteCpp throws out
// of everything here: run it inside guarded(), which gives an Error instead. One thread at a time.
#pragma once

#include <SQLiteCpp/SQLiteCpp.h>

#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <unordered_map>

#include "base/clock.h"
#include "base/result.h"
#include "base/uuid.h"

namespace takt::store {

class Query {
 public:
  explicit Query(SQLite::Statement& statement) : statement_(statement) {}
  ~Query();
  Query(const Query&) = delete;
  Query& operator=(const Query&) = delete;

  // Values for the statement's ?, from left to right. What is bound must live until the end.
  Query& number(std::int64_t value);
  Query& text(const std::string& value);
  Query& blob(const std::string& value);
  Query& null();
  Query& id(const Uuid& value);
  Query& time(WallTime value) { return number(to_unix_us(value)); }
  Query& time(const std::optional<WallTime>& value);
  template <class Enum>
  requires std::is_enum_v<Enum> Query& value(Enum value) {
    return number(static_cast<std::int64_t>(value));
  }

  // Goes to the next row; false after the last.
  bool next();
  // Runs a statement that has no rows.
  void run();

  // Columns of the row, from left to right.
  std::int64_t get_number() { return statement_.getColumn(column_++).getInt64(); }
  int get_int() { return static_cast<int>(get_number()); }
  std::string get_text() { return statement_.getColumn(column_++).getString(); }
  std::optional<std::string> get_optional_text();
  std::optional<std::int64_t> get_optional_number();
  WallTime get_time() { return from_unix_us(get_number()); }
  std::optional<WallTime> get_optional_time();
  // The value of an enum that runs from 0 to `last`; the nearest one if a newer program wrote it.
  template <class Enum>
  requires std::is_enum_v<Enum> Enum get_value(Enum last) {
    const std::int64_t number = get_number();
    const auto most = static_cast<std::int64_t>(last);
    return static_cast<Enum>(number < 0 ? 0 : number > most ? most : number);
  }

 private:
  SQLite::Statement& statement_;
  int bound_ = 0;
  int column_ = 0;
};

struct ConnectionOptions {
  std::string path;
  bool read_only = false;
  milliseconds busy_timeout{5000};
  std::int64_t max_pages = 0;  // the file never grows beyond this; 0: no bound
};

class Connection {
 public:
  // While it is there, a statement that runs ends with kCancelled soon after `over` gives true.
  // Empty: it runs to its end.
  class Until {
   public:
    Until(Connection& connection, std::function<bool()> over);
    ~Until();
    Until(const Until&) = delete;
    Until& operator=(const Until&) = delete;

   private:
    Connection& connection_;
    std::function<bool()> over_;
  };

  // Opens (and creates, unless read-only) the file with WAL, synchronous=FULL, foreign keys.
  // Errors: those of store_error() and not_usable().
  static Result<std::unique_ptr<Connection>> open(const ConnectionOptions& options);

  // The statement of a string literal, prepared at the first use.
  [[nodiscard]] SQLite::Statement& prepare(const char* sql);
  // The statement of a composed text, until limits::kListStatementsMax other ones were used since.
  [[nodiscard]] SQLite::Statement& prepare_composed(const std::string& sql);
  // The file.
  [[nodiscard]] const std::string& path() const { return path_; }
  // From now on only transactions of this epoch are begun: the one that this process wrote into
  // the database when it took it over.
  void set_epoch(std::int64_t epoch) { epoch_ = epoch; }
  // Begins a transaction that writes. kFailedPrecondition, without one, if another process has
  // taken the database over since: locks are on files, and files can be removed.
  Result<void> begin_write();
  // For transactions.
  [[nodiscard]] SQLite::Database& database() { return database_; }
  // What all in the file takes, without places that are free again.
  std::int64_t used_bytes();
  // Runs statements without rows, unprepared.
  void execute(const char* sql) { database_.exec(sql); }
  // The one number that a query gives.
  std::int64_t number_of(const char* sql) { return database_.execAndGet(sql).getInt64(); }

 private:
  struct Composed {
    Composed(SQLite::Database& database, const std::string& text)
        : sql(text), statement(database, text) {}
    std::string sql;
    SQLite::Statement statement;
  };

  explicit Connection(const ConnectionOptions& options);

  const std::string path_;
  std::int64_t epoch_ = 0;
  SQLite::Database database_;
  std::unordered_map<std::string, std::unique_ptr<SQLite::Statement>> statements_;
  std::list<Composed> composed_;  // the last used one first
};

// The database's file in a state directory.
std::string database_path(const std::string& directory);

// kDataLoss where the file is damaged, or no database; kResourceExhausted when the disk or the file
// is full; kCancelled by Connection::Until; else kUnavailable, with SQLite's words. `what` names
// the file.
Error store_error(const SQLite::Exception& failure, std::string_view what);

// Ends a transaction that went wrong; none may be open any more, where SQLite has ended it already.
void roll_back(Connection& connection);

// Calls `fn`, which gives a Result; an exception of SQLiteCpp becomes an Error.
template <class Fn>
auto guarded(std::string_view what, Fn&& fn) -> decltype(fn()) {
  try {
    return fn();
  } catch (const SQLite::Exception& failure) {
    return store_error(failure, what);
  }
}

}  // namespace takt::store
