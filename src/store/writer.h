// SPDX-License-Identifier: Apache-2.0
// The one thread that writes. Guarantees: batches are committed in the order given, several in one
// commit when they gathered while the last one was under way; every batch's callback is called
// exactly once, in that order, on the writer's thread. After a commit has failed, its batches and
// all later ones fail, until reload() has read the live state again. Nothing is written, and
// nothing loaded, once another process has taken the database over. Between batches it keeps the
// history and the store within their bounds, in small steps that take a quarter of its time at
// most; after a jump of the wall clock no job goes because of its age (base/clock_guard.h).
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/deletion_clock.h"
#include "base/result.h"
#include "store/purge.h"
#include "store/types.h"
#include "store/write_batch.h"

namespace takt::store {

class Writer {
 public:
  using Committed = std::function<void(Result<void>)>;
  using Loaded = std::function<void(Result<Snapshot>)>;

  // Takes the connection and starts the thread.
  Writer(std::unique_ptr<Connection> connection, std::size_t event_history_max,
         const HistoryLimits& history);
  // Commits what waits, then ends the thread.
  ~Writer();
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  // Queues a batch; an empty one is answered in its turn. False if limits::kWriterBatchesMax wait:
  // then nothing was taken and the callback is not called. Any thread.
  [[nodiscard]] bool commit(Batch batch, Committed done);

  // Reads the live state after all that was queued before, and takes batches again if that worked.
  // Any thread.
  void reload(Loaded done);

  // Other bounds of the history, from now on. Any thread.
  void set_history(const HistoryLimits& limits);

  // What the database takes, as of the last commit or step of the history. Any thread.
  [[nodiscard]] std::int64_t used_bytes() const { return used_bytes_; }

  // Batches that wait. Any thread.
  [[nodiscard]] std::size_t waiting() const;

 private:
  struct Item {
    Batch batch;
    Committed done;
    Loaded loaded;  // set: this is a reload
  };

  void run();
  bool take(std::vector<Item>& items);
  void purge_if_due();
  [[nodiscard]] std::optional<nanoseconds> until_purge() const;
  void commit_run(std::vector<Item>& items);
  void measure();
  void reload_now(const Item& item);
  Result<Snapshot> load_own();
  Result<void> commit_items(const std::vector<Item>& items);

  const std::unique_ptr<Connection> connection_;
  HistoryTrimmer trimmer_;        // of the thread, as what follows
  std::optional<Error> failure_;  // of a commit, until the state is loaded anew
  Purge purge_;
  DeletionClock clock_;
  BootTime purge_rest_;  // no step before that
  Purge::Gone purged_;   // and not reported yet
  std::atomic<std::int64_t> used_bytes_ = 0;

  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  std::deque<Item> items_;
  std::optional<HistoryLimits> history_;  // not taken over yet
  bool stopping_ = false;

  std::thread thread_;
};

// The clock by which jobs get old, kept beside the database.
DeletionClock clock_of(const Connection& connection);

}  // namespace takt::store
