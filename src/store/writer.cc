// SPDX-License-Identifier: Apache-2.0
#include "store/writer.h"

#include <algorithm>
#include <utility>

#include "base/limits.h"
#include "store/snapshot.h"

namespace takt::store {

Writer::Writer(std::unique_ptr<Connection> connection, std::size_t event_history_max)
    : connection_(std::move(connection)), trimmer_(event_history_max), thread_([this] { run(); }) {}

Writer::~Writer() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_one();
  thread_.join();
}

bool Writer::commit(Batch batch, Committed done) {
  {
    const std::lock_guard lock(mutex_);
    if (items_.size() >= limits::kWriterBatchesMax) return false;
    items_.push_back({std::move(batch), std::move(done), {}});
  }
  changed_.notify_one();
  return true;
}

void Writer::reload(Loaded done) {
  {
    const std::lock_guard lock(mutex_);
    items_.push_back({{}, {}, std::move(done)});
  }
  changed_.notify_one();
}

std::size_t Writer::waiting() const {
  const std::lock_guard lock(mutex_);
  return items_.size();
}

void Writer::run() {
  while (true) {
    std::vector<Item> items;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return stopping_ || !items_.empty(); });
      if (items_.empty()) return;
      do {
        items.push_back(std::move(items_.front()));
        items_.pop_front();
      } while (!items_.empty() && !items_.front().loaded && !items.back().loaded);
    }
    if (items.back().loaded) {
      reload_now(items.back());
    } else {
      commit_run(items);
    }
  }
}

void Writer::commit_run(std::vector<Item>& items) {
  if (!failure_) {
    if (const auto done = commit_items(items); !done) failure_ = done.error();
  }
  for (Item& item : items) {
    item.done(failure_ ? Result<void>(*failure_) : Result<void>());
  }
}

Result<void> Writer::commit_items(const std::vector<Item>& items) {
  const bool nothing =
      std::all_of(items.begin(), items.end(), [](const Item& item) { return item.batch.empty(); });
  if (nothing) return {};
  auto written = guarded("the store cannot commit", [&]() -> Result<void> {
    connection_->execute("BEGIN IMMEDIATE");
    std::int64_t newest = 0;
    std::size_t added = 0;
    for (const Item& item : items) {
      write_batch(*connection_, item.batch);
      added += item.batch.jobs.size();
      if (!item.batch.jobs.empty()) newest = item.batch.jobs.back().job.revision;
    }
    if (added > 0) trimmer_.trim(*connection_, newest, added);
    connection_->execute("COMMIT");
    return {};
  });
  if (!written) {
    // Fails where SQLite has rolled back by itself already.
    (void)guarded("roll back", [&]() -> Result<void> {
      connection_->execute("ROLLBACK");
      return {};
    });
  }
  return written;
}

void Writer::reload_now(const Item& item) {
  Result<Snapshot> snapshot = load_snapshot(*connection_);
  if (snapshot) failure_.reset();
  item.loaded(std::move(snapshot));
}

}  // namespace takt::store
