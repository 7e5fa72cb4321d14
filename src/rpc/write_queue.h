// SPDX-License-Identifier: Apache-2.0
// What waits to be written to one stream. Guarantees: at most `max` messages wait; at most one is
// in flight, and it stays where it is until done(). Not thread-safe: its stream locks.
#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <utility>

namespace takt::rpc {

template <class Message>
class WriteQueue {
 public:
  explicit WriteQueue(std::size_t max) : max_(max) {}

  // False, and nothing changed, when it is full.
  [[nodiscard]] bool push(Message message) {
    if (waiting_.size() >= max_) return false;
    waiting_.push_back(std::move(message));
    return true;
  }

  // The message to write now; nullptr while one is in flight or when none waits.
  [[nodiscard]] const Message* begin_write() {
    if (in_flight_ || waiting_.empty()) return nullptr;
    in_flight_.emplace(std::move(waiting_.front()));
    waiting_.pop_front();
    return &*in_flight_;
  }

  // The one in flight was written, or never will be.
  void done() { in_flight_.reset(); }

  // Forgets what waits. What is in flight stays.
  void clear() { waiting_.clear(); }

  [[nodiscard]] bool writing() const { return in_flight_.has_value(); }
  [[nodiscard]] bool idle() const { return !in_flight_ && waiting_.empty(); }
  [[nodiscard]] std::size_t waiting() const { return waiting_.size(); }

 private:
  const std::size_t max_;
  std::deque<Message> waiting_;
  std::optional<Message> in_flight_;
};

}  // namespace takt::rpc
