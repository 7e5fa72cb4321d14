// SPDX-License-Identifier: Apache-2.0
// Between those who read an attempt's output and those who know that there is more. Guarantees: no
// wake-up is lost: wait() with the turn that was read before looking returns at once if anything
// has happened since. Thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <utility>

#include "base/clock.h"

namespace takt::worker {

class OutputGate {
 public:
  struct Look {
    std::uint64_t turn = 0;         // for wait()
    std::optional<WallTime> ended;  // when the attempt ended, with all of its output in the files
  };

  // Called before the files are read.
  [[nodiscard]] Look look() const {
    const std::lock_guard lock(mutex_);
    return {turn_, ended_};
  }

  // Calls `fn` once, on some thread: when something happens after `turn`. The number takes it back.
  std::uint64_t wait(std::uint64_t turn, std::function<void()> fn) {
    {
      const std::lock_guard lock(mutex_);
      if (turn == turn_) {
        waiting_.emplace(++last_id_, std::move(fn));
        return last_id_;
      }
    }
    fn();
    return 0;
  }
  void forget(std::uint64_t id) {
    const std::lock_guard lock(mutex_);
    waiting_.erase(id);
  }

  // There may be more in the files.
  void grown() { next_turn(std::nullopt); }

  // There will be no more.
  void mark_ended(WallTime when) { next_turn(when); }

 private:
  void next_turn(std::optional<WallTime> ended) {
    std::map<std::uint64_t, std::function<void()>> woken;
    {
      const std::lock_guard lock(mutex_);
      ++turn_;
      if (ended) ended_ = ended;
      woken.swap(waiting_);
    }
    for (auto& [id, fn] : woken) fn();
  }

  mutable std::mutex mutex_;
  std::uint64_t turn_ = 0;
  std::uint64_t last_id_ = 0;
  std::optional<WallTime> ended_;
  std::map<std::uint64_t, std::function<void()>> waiting_;
};

}  // namespace takt::worker
