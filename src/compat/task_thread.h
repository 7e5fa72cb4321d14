// SPDX-License-Identifier: Apache-2.0
// One thread that runs what is posted to it, in order: it owns all state of the old workers, and it
// may wait for the disk, which the daemon's loop must not. Guarantees: tasks never run beside each
// other; after stop() nothing runs any more.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <thread>

#include "base/clock.h"

namespace takt::compat {

class TaskThread {
 public:
  using Task = std::function<void()>;

  TaskThread();
  // stop(), unless that was done.
  ~TaskThread();
  TaskThread(const TaskThread&) = delete;
  TaskThread& operator=(const TaskThread&) = delete;

  // Has `task` run. Any thread. Dropped after stop(). Whoever posts bounds what waits: a session by
  // its window, calls by their number.
  void post(Task task);

  // Has `task` run once, after `delay`. Any thread. Dropped by stop().
  void post_later(nanoseconds delay, Task task);

  // Runs `task` there and waits for it. Not from a task; not after stop().
  void run(Task task);

  // Runs what was posted before, then ends the thread. Any thread but its own.
  void stop();

 private:
  void loop();
  // The next task, once there is one; nothing when it is time to end. Called with the lock.
  Task next(std::unique_lock<std::mutex>& lock);

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Task> posted_;
  std::multimap<BootTime, Task> timed_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace takt::compat
