// SPDX-License-Identifier: Apache-2.0
#include "compat/task_thread.h"

#include <pthread.h>
#include <signal.h>

#include <utility>

namespace takt::compat {

TaskThread::TaskThread() {
  // Signals are the main thread's.
  sigset_t all{};
  sigset_t before{};
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  thread_ = std::thread([this] { loop(); });
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

TaskThread::~TaskThread() { stop(); }

void TaskThread::post(Task task) {
  const std::lock_guard lock(mutex_);
  if (stopping_) return;
  posted_.push_back(std::move(task));
  changed_.notify_all();
}

void TaskThread::post_later(nanoseconds delay, Task task) {
  const std::lock_guard lock(mutex_);
  if (stopping_) return;
  timed_.emplace(BootClock::now() + delay, std::move(task));
  changed_.notify_all();
}

void TaskThread::run(Task task) {
  bool done = false;
  post([this, &task, &done] {
    task();
    const std::lock_guard lock(mutex_);
    done = true;
    changed_.notify_all();
  });
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&done] { return done; });
}

void TaskThread::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    changed_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
  // What is left may hold what posts again when it goes.
  std::multimap<BootTime, Task> dropped;
  const std::lock_guard lock(mutex_);
  dropped.swap(timed_);
}

TaskThread::Task TaskThread::next(std::unique_lock<std::mutex>& lock) {
  while (true) {
    const BootTime now = BootClock::now();
    if (!stopping_ && !timed_.empty() && timed_.begin()->first <= now)
      return std::move(timed_.extract(timed_.begin()).mapped());
    if (!posted_.empty()) {
      Task task = std::move(posted_.front());
      posted_.pop_front();
      return task;
    }
    if (stopping_) return {};
    if (timed_.empty()) {
      changed_.wait(lock);
    } else {
      changed_.wait_for(lock, timed_.begin()->first - now);
    }
  }
}

void TaskThread::loop() {
  std::unique_lock lock(mutex_);
  while (Task task = next(lock)) {
    lock.unlock();
    task();
    task = nullptr;  // what it holds goes without the lock
    lock.lock();
  }
}

}  // namespace takt::compat
