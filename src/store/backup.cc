// SPDX-License-Identifier: Apache-2.0
#include "store/backup.h"

#include <SQLiteCpp/Backup.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <memory>
#include <utility>

#include "base/fs.h"
#include "store/connection.h"
#include "store/trouble.h"

namespace takt::store {
namespace {

constexpr int kPagesPerStep = 1024;
constexpr milliseconds kBusyTimeout{30000};

Error exists(const std::string& file) {
  return make_error(ErrorCode::kExists,
                    file + " is there already, and a backup overwrites nothing; give another name");
}

// The file under its passing name; removed again unless it was kept.
class Partial {
 public:
  static Result<Partial> create(const std::string& file) {
    struct stat status {};
    if (::lstat(file.c_str(), &status) == 0) return exists(file);
    Partial partial(file);
    auto made = open_at(AT_FDCWD, partial.name_, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
    if (!made) return partial.name_.clear(), made.error();
    return partial;
  }
  ~Partial() {
    if (!name_.empty()) ::unlink(name_.c_str());
  }
  Partial(Partial&& other) noexcept
      : file_(std::exchange(other.file_, {})), name_(std::exchange(other.name_, {})) {}
  Partial& operator=(Partial&&) = delete;

  [[nodiscard]] const std::string& name() const { return name_; }

  // Makes it durable under its real name.
  Result<void> keep() {
    if (auto synced = sync_file(AT_FDCWD, name_); !synced) return synced;
    int done = ::renameat2(AT_FDCWD, name_.c_str(), AT_FDCWD, file_.c_str(), RENAME_NOREPLACE);
    if (done != 0 && errno == EEXIST) return exists(file_);
    // Not every file system can do that.
    if (done != 0 && errno == EINVAL) done = ::rename(name_.c_str(), file_.c_str());
    if (done != 0) return system_error("cannot rename " + name_ + " to " + file_);
    name_.clear();
    const std::size_t slash = file_.rfind('/');
    const std::string folder = slash == std::string::npos ? "." : file_.substr(0, slash + 1);
    return sync_directory(AT_FDCWD, folder);
  }

 private:
  explicit Partial(std::string file)
      : file_(std::move(file)), name_(file_ + ".partial." + std::to_string(::getpid())) {}

  std::string file_;
  std::string name_;
};

// All of it from one moment: the transaction is held open, so that what the scheduler commits
// meanwhile neither gets in nor makes the copy begin again.
Result<void> copy(Connection& source, const std::string& to) {
  const std::string what = "cannot back up " + source.path() + " to " + to;
  return guarded(what, [&]() -> Result<void> {
    SQLite::Database copied(to, SQLite::OPEN_READWRITE);
    copied.exec("PRAGMA synchronous=OFF");  // it is synced as a whole
    source.execute("BEGIN");
    source.number_of("SELECT count(*) FROM sqlite_master");
    SQLite::Backup backup(copied, source.database());
    int done = SQLITE_OK;
    while (done == SQLITE_OK) done = backup.executeStep(kPagesPerStep);
    if (done == SQLITE_DONE) return {};
    return make_error(ErrorCode::kUnavailable, what + ": it is locked; try again");
  });
}

// Makes one file of the copy, checks it and counts what is in it.
Result<BackupReport> check(const std::string& file) {
  return guarded("cannot read the copy " + file, [&]() -> Result<BackupReport> {
    SQLite::Database copied(file, SQLite::OPEN_READWRITE);
    // The copy says of itself that it has a write-ahead log; without that it needs no other file.
    copied.execAndGet("PRAGMA journal_mode=DELETE");
    const std::string found = copied.execAndGet("PRAGMA integrity_check(1)").getString();
    if (found != "ok") return make_error(ErrorCode::kDataLoss, found);
    BackupReport report;
    SQLite::Statement id(copied, "SELECT value FROM meta WHERE key = 'store_id'");
    if (!id.executeStep()) return make_error(ErrorCode::kDataLoss, "it has no store_id");
    auto parsed = Uuid::parse(id.getColumn(0).getString(), "store_id");
    if (!parsed) return parsed.error();
    report.store_id = *parsed;
    report.revision = copied.execAndGet("SELECT ifnull(max(revision), 0) FROM events").getInt64();
    report.jobs = copied.execAndGet("SELECT count(*) FROM jobs").getInt64();
    struct stat status {};
    if (::stat(file.c_str(), &status) == 0) report.bytes = status.st_size;
    return report;
  });
}

}  // namespace

Result<BackupReport> back_up(const std::string& directory, const std::string& file) {
  const std::string path = database_path(directory);
  auto partial = Partial::create(file);
  if (!partial) return partial.error();
  auto source = Connection::open({.path = path, .read_only = true, .busy_timeout = kBusyTimeout});
  if (!source) return source.error();
  if (auto copied = copy(**source, partial->name()); !copied) return copied.error();
  source->reset();
  auto report = check(partial->name());
  if (!report && report.error().code == ErrorCode::kDataLoss)
    return damaged("cannot back up " + path, report.error().message);
  if (!report) return report.error();
  if (auto kept = partial->keep(); !kept) return kept.error();
  return report;
}

}  // namespace takt::store
