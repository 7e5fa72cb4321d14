// SPDX-License-Identifier: Apache-2.0
// One thread for what may block on a disk, so that the loop never does. Guarantees: tasks run one
// after the other in order of posting; each result is posted to the loop; the destructor runs what
// is queued and joins.
#pragma once

#include <tuple>
#include <utility>

#include "sd/event_loop.h"
#include "worker/work_thread.h"

namespace takt::worker {

class DiskThread {
 public:
  explicit DiskThread(sd::EventLoop& loop) : loop_(loop) {}

  // Runs `task` on the thread, then `then` with its result on the loop. Loop thread only, which
  // bounds the queue: starts, ends and accounts that list are bounded.
  template <class Task, class Then>
  void run(Task task, Then then) {
    thread_.push([this, task = std::move(task), then = std::move(then)]() mutable {
      std::ignore = loop_.post(
          [result = task(), then = std::move(then)]() mutable { then(std::move(result)); });
    });
  }

 private:
  sd::EventLoop& loop_;
  WorkThread thread_;
};

}  // namespace takt::worker
