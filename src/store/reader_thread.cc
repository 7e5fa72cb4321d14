// SPDX-License-Identifier: Apache-2.0
// When the reader reads: its queue and its thread. Simulations put their own in its place.
#include <utility>

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

// Too many wait: those that no client waits for make room.
Result<void> Reader::post(const Asker& asker, ReadTask task) {
  std::vector<ReadTask> gone;
  Result<void> pushed;
  {
    const std::lock_guard lock(mutex_);
    pushed = queue_.push(asker, task);
    if (!pushed) gone = queue_.take_gone();
    if (!gone.empty()) pushed = queue_.push(asker, std::move(task));
  }
  for (const ReadTask& one : gone) one(nullptr);
  if (pushed) changed_.notify_one();
  return pushed;
}

ReadUse Reader::use(const std::string& account, bool is_operator) {
  const std::lock_guard lock(mutex_);
  return queue_.use(account, is_operator);
}

void Reader::run() {
  while (true) {
    DueRead read;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
      if (queue_.empty()) return;
      read = queue_.pop();
    }
    const Connection::Until until(*connection_, read.has_gone);
    read.task(connection_.get());
  }
}

}  // namespace takt::store
