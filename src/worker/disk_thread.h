// SPDX-License-Identifier: Apache-2.0
// One thread for what may block on a disk, so that the loop never does. Guarantees: tasks run one
// after the other in order of posting; each result is posted to the loop; the destructor runs what
// is queued and joins.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

#include "sd/event_loop.h"

namespace takt::worker {

class DiskThread {
 public:
  explicit DiskThread(sd::EventLoop& loop);
  ~DiskThread();
  DiskThread(const DiskThread&) = delete;
  DiskThread& operator=(const DiskThread&) = delete;

  // Runs `task` on the thread, then `then` with its result on the loop. Loop thread only, which
  // bounds the queue: starts, ends and queries in flight are bounded.
  template <class Task, class Then>
  void run(Task task, Then then) {
    push([this, task = std::move(task), then = std::move(then)]() mutable {
      std::ignore = loop_.post(
          [result = task(), then = std::move(then)]() mutable { then(std::move(result)); });
    });
  }

 private:
  void push(std::function<void()> task);
  void work();

  sd::EventLoop& loop_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> tasks_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace takt::worker
