// SPDX-License-Identifier: Apache-2.0
// When the reader reads: its queue and its thread. Simulations put their own in its place.
#include <utility>

#include "base/limits.h"
#include "store/connection.h"
#include "store/reader.h"

namespace takt::store {

Reader::Reader(std::unique_ptr<Connection> connection)
    : connection_(std::move(connection)), thread_([this] { run(); }) {}

Reader::~Reader() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_one();
  thread_.join();
}

bool Reader::post(bool own, Task task) {
  {
    const std::lock_guard lock(mutex_);
    if (!own && tasks_.size() >= limits::kReaderQueriesMax) return false;
    tasks_.push_back(std::move(task));
  }
  changed_.notify_one();
  return true;
}

void Reader::run() {
  while (true) {
    Task task;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return stopping_ || !tasks_.empty(); });
      if (tasks_.empty()) return;
      task = std::move(tasks_.front());
      tasks_.pop_front();
    }
    task(*connection_);
  }
}

}  // namespace takt::store
