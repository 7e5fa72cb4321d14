// SPDX-License-Identifier: Apache-2.0
// When the writer writes: its queue and its thread. Simulations put their own in its place.
#include <utility>

#include "base/limits.h"
#include "store/writer.h"

namespace takt::store {

Writer::Writer(std::unique_ptr<Connection> connection, std::size_t event_history_max,
               const HistoryLimits& history)
    : connection_(std::move(connection)),
      trimmer_(event_history_max),
      purge_(history),
      clock_(clock_of(*connection_)),
      thread_([this] { run(); }) {}

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

void Writer::set_history(const HistoryLimits& limits) {
  {
    const std::lock_guard lock(mutex_);
    history_ = limits;
  }
  changed_.notify_one();
}

std::size_t Writer::waiting() const {
  const std::lock_guard lock(mutex_);
  return items_.size();
}

void Writer::run() {
  std::vector<Item> items;
  while (take(items)) {
    if (!items.empty() && items.back().loaded) {
      reload_now(items.back());
    } else if (!items.empty()) {
      commit_run(items);
    }
    items.clear();
    purge_if_due();
  }
}

// Waits for batches that are committed together, for one reload, or for what the history needs;
// false at the end.
bool Writer::take(std::vector<Item>& items) {
  const std::optional<nanoseconds> patience = until_purge();
  std::unique_lock lock(mutex_);
  const auto something = [this] { return stopping_ || !items_.empty() || history_; };
  if (patience) {
    changed_.wait_for(lock, *patience, something);
  } else {
    changed_.wait(lock, something);
  }
  if (history_) purge_.set_limits(*std::exchange(history_, {}));
  if (items_.empty()) return !stopping_;
  do {
    items.push_back(std::move(items_.front()));
    items_.pop_front();
  } while (!items_.empty() && !items_.front().loaded && !items.back().loaded);
  return true;
}

}  // namespace takt::store
