// SPDX-License-Identifier: Apache-2.0
#include "store/store.h"

#include <fcntl.h>
#include <sys/file.h>

#include <cerrno>
#include <utility>

#include "base/fs.h"
#include "store/connection.h"
#include "store/migrations.h"
#include "store/snapshot.h"

namespace takt::store {
namespace {

Result<UniqueFd> take_lock(const std::string& directory) {
  const std::string name = directory + "/lock";
  auto file = open_at(AT_FDCWD, name, O_RDWR | O_CREAT, 0600);
  if (!file) return file.error();
  if (::flock(file->get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return system_error("cannot lock " + name);
    return make_error(ErrorCode::kFailedPrecondition,
                      "another scheduler uses " + directory + "; stop it first");
  }
  return file;
}

struct Identity {
  Uuid id;
  std::int64_t epoch = 0;
};

Result<Identity> take_over(Connection& connection) {
  connection.execute(
      "UPDATE meta SET value = CAST(CAST(value AS INTEGER) + 1 AS TEXT) WHERE key = 'epoch'");
  Identity identity;
  identity.epoch =
      connection.number_of("SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'epoch'");
  Query query(connection.prepare("SELECT value FROM meta WHERE key = 'store_id'"));
  if (!query.next()) return make_error(ErrorCode::kDataLoss, "the store has no store_id");
  auto id = Uuid::parse(query.get_text(), "store_id");
  if (!id) return id.error();
  identity.id = *id;
  return identity;
}

}  // namespace

Result<std::unique_ptr<Store>> Store::open(const StoreOptions& options) {
  std::unique_ptr<Store> store(new Store());
  auto lock = take_lock(options.directory);
  if (!lock) return lock.error();
  store->lock_ = std::move(*lock);

  const std::string path = options.directory + "/takt.db";
  auto connection = Connection::open({path, false, options.busy_timeout, options.max_pages});
  if (!connection) return connection.error();
  auto identity = guarded("cannot open " + path, [&]() -> Result<Identity> {
    if (auto checked = prepare_schema(**connection, path); !checked) return checked.error();
    return take_over(**connection);
  });
  if (!identity) return identity.error();
  store->id_ = identity->id;
  store->epoch_ = identity->epoch;
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
