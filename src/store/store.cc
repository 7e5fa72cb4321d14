// SPDX-License-Identifier: Apache-2.0
#include "store/store.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "base/fs.h"
#include "store/connection.h"
#include "store/migrations.h"
#include "store/snapshot.h"
#include "store/trouble.h"

namespace takt::store {
namespace {

constexpr std::size_t kUuidText = 64;  // more than one has

std::string lock_path(const std::string& directory) { return directory + "/lock"; }

// The lock is on an open file, whose text is the id of the store that was here last.
Result<UniqueFd> take_lock(const std::string& directory) {
  const std::string name = lock_path(directory);
  auto file = open_at(AT_FDCWD, name, O_RDWR | O_CREAT, 0600);
  if (!file) return not_usable(name, true, file.error().message);
  if (::flock(file->get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return system_error("cannot lock " + name);
    return make_error(ErrorCode::kUnavailable,
                      "another scheduler uses " + directory + "; stop it first");
  }
  return file;
}

Result<void> note_id(const UniqueFd& lock, const std::string& id, const std::string& name) {
  if (::ftruncate(lock.get(), 0) != 0 || ::lseek(lock.get(), 0, SEEK_SET) != 0)
    return system_error("cannot write " + name);
  return write_all(lock.get(), id, name);
}

// A new store where one was is a fleet whose jobs nobody knows any more: not by accident.
Error vanished(const std::string& path, const std::string& id, const std::string& lock) {
  return make_error(ErrorCode::kDataLoss,
                    path + " is gone or empty, though the store " + id +
                        " was there; put back a backup: takt-scheduler(8) says how. To begin anew "
                        "without its jobs remove " +
                        lock);
}

struct Identity {
  Uuid id;
  std::int64_t epoch = 0;
};

// Workers refuse an epoch lower than one that they have seen. A backup that is put back knows none
// of those since it was made, but its time is later than theirs.
Result<Identity> take_over(Connection& connection, const std::string& what) {
  const std::int64_t now_ms = to_unix_us(wall_now()) / 1000;
  Query(
      connection.prepare("UPDATE meta SET value = CAST(max(CAST(value AS INTEGER) + 1, ?) AS TEXT)"
                         " WHERE key = 'epoch'"))
      .number(now_ms)
      .run();
  Identity identity;
  identity.epoch =
      connection.number_of("SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'epoch'");
  Query query(connection.prepare("SELECT value FROM meta WHERE key = 'store_id'"));
  if (!query.next()) return damaged(what, "it has no store_id");
  auto id = Uuid::parse(query.get_text(), "store_id");
  if (!id) return damaged(what, id.error().message);
  identity.id = *id;
  return identity;
}

Result<Identity> prepare(Connection& connection, const UniqueFd& lock,
                         const StoreOptions& options) {
  const std::string& path = connection.path();
  const std::string lock_name = lock_path(options.directory);
  const std::string what = "cannot open " + path;
  auto known = read_all(lock.get(), kUuidText, lock_name);
  if (!known) return known.error();
  return guarded(what, [&]() -> Result<Identity> {
    if (!known->empty() && connection.number_of("SELECT count(*) FROM sqlite_master") == 0)
      return vanished(path, *known, lock_name);
    if (auto checked = prepare_schema(connection, path); !checked) return checked.error();
    auto identity = take_over(connection, what);
    if (identity && identity->id.str() != *known)
      if (auto noted = note_id(lock, identity->id.str(), lock_name); !noted) return noted.error();
    return identity;
  });
}

}  // namespace

Result<std::unique_ptr<Store>> Store::open(const StoreOptions& options) {
  std::unique_ptr<Store> store(new Store());
  if (auto good = check_folder(options.directory); !good) return good.error();
  auto lock = take_lock(options.directory);
  if (!lock) return lock.error();
  store->lock_ = std::move(*lock);

  const std::string path = database_path(options.directory);
  auto connection = Connection::open({path, false, options.busy_timeout, options.max_pages});
  if (!connection) return connection.error();
  auto identity = prepare(**connection, store->lock_, options);
  if (!identity) return identity.error();
  store->id_ = identity->id;
  store->epoch_ = identity->epoch;
  (*connection)->set_epoch(identity->epoch);
  auto snapshot = load_snapshot(**connection);
  if (!snapshot) return snapshot.error();
  store->snapshot_ = std::move(*snapshot);

  auto reading = Connection::open({path, true, options.busy_timeout, 0});
  if (!reading) return reading.error();
  store->writer_ =
      std::make_unique<Writer>(std::move(*connection), options.event_history_max, options.history);
  store->reader_ = std::make_unique<Reader>(std::move(*reading));
  return store;
}

}  // namespace takt::store
