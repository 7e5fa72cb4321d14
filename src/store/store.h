// SPDX-License-Identifier: Apache-2.0
// The scheduler's memory that outlives it. Guarantees: one process at a time has it open; each open
// by a scheduler has a higher epoch, also if a backup was put back; a store written by a newer
// program is refused, untouched, and so is one that is damaged; none takes the place of one that
// has vanished; where two processes have it open even so, as when the lock file was removed,
// only the later one commits; no revision is used twice, also if a backup was put back; what was
// answered as committed survives a crash and a power loss.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/limits.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "base/uuid.h"
#include "store/reader.h"
#include "store/types.h"
#include "store/writer.h"

namespace takt::store {

struct StoreOptions {
  std::string directory;  // exists; the files "takt.db…" and "lock" are in it
  std::size_t event_history_max = limits::kEventHistoryMax;
  HistoryLimits history;
  milliseconds busy_timeout{5000};
  std::int64_t max_pages = 0;  // the database never grows beyond this; 0: no bound
};

class Store {
 public:
  // Opens the store, creates it if it is not there, and reads what is alive. Errors:
  // kFailedPrecondition (in use, written by a newer program, read-only), kDataLoss (damaged, or
  // gone), kNotFound and kPermissionDenied (the folder), kUnavailable (SQLite's words).
  static Result<std::unique_ptr<Store>> open(const StoreOptions& options);

  // The store's own UUID: the owner of the attempts that its schedulers start.
  [[nodiscard]] const Uuid& id() const { return id_; }
  // Which scheduler on this store this is: the milliseconds since 1970 at which it took over, or
  // the last one's and one more.
  [[nodiscard]] std::int64_t epoch() const { return epoch_; }

  // What was alive when it was opened. Once.
  [[nodiscard]] Snapshot take_snapshot() { return std::move(snapshot_); }

  [[nodiscard]] Writer& writer() { return *writer_; }
  [[nodiscard]] Reader& reader() { return *reader_; }

 private:
  Store() = default;

  UniqueFd lock_;
  Uuid id_;
  std::int64_t epoch_ = 0;
  Snapshot snapshot_;
  std::unique_ptr<Writer> writer_;
  std::unique_ptr<Reader> reader_;
};

}  // namespace takt::store
