// SPDX-License-Identifier: Apache-2.0
// The event loop of a daemon, over sd-event. Guarantees: everything it calls runs on the one thread
// that is in run(); post() and exit() may be called from any thread; all else belongs to the loop's
// thread (before run(): to the thread that made the loop). A turn is: wait, run all that is ready
// (bounded), run the turn-end hooks. One that takes too long is logged with the handler that took
// most of it (sd/iteration_clock.h).
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "sd/source.h"

struct sd_event;
struct sd_event_source;

namespace takt::sd {

class IterationClock;
class TimerQueue;

class EventLoop {
 public:
  static Result<std::unique_ptr<EventLoop>> create();
  ~EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  // Runs until exit(); gives exit's code. The calling thread becomes the loop's. Once only.
  Result<int> run();

  // Ends run() after the current turn and its hooks; the first code counts. Any thread. Tasks
  // posted before it from the same thread still run.
  void exit(int code);

  // True on the loop's thread (before run(): on the thread that made the loop).
  [[nodiscard]] bool in_loop() const;

  // Has `task` run on the loop, in order of posting. Any thread, never blocks for long. False when
  // limits::kLoopPostsMax tasks wait already or run() has returned: then `task` is never called.
  // Tasks that never ran are destroyed with the loop.
  [[nodiscard]] bool post(std::function<void()> task);

  // Calls `fn` with the epoll events seen on `fd` (level-triggered). Remove the source before the
  // descriptor is closed. Fails where epoll does (a regular file, a bad descriptor).
  Result<Source> add_io(int fd, std::uint32_t events, std::function<void(std::uint32_t)> fn);

  // Calls `fn` once at or after `when`. Timers that are due run in order of their time, equal ones
  // in order of adding.
  [[nodiscard]] Source add_timer(BootTime when, std::function<void()> fn);
  [[nodiscard]] Source add_timer(nanoseconds delay, std::function<void()> fn);

  // Calls `fn` for each `signal` to the process. Blocks the signal in the calling thread: call it
  // before other threads are started, which inherit the mask. One source for a signal.
  Result<Source> add_signal(int signal, std::function<void()> fn);

  // Calls `fn` once, when the process behind `pidfd` has ended. Remove the source before `pidfd` is
  // closed.
  Result<Source> add_pidfd(int pidfd, std::function<void()> fn);

  // Has `fn` run at the end of every turn in which anything ran, before the loop sleeps; hooks run
  // in order of adding, for the life of the loop. What they start runs in the next turn.
  void on_turn_end(std::function<void()> fn);

  // Runs a task that the running handler only carries, such as one of a mailbox: in the log of slow
  // iterations it goes by its own name.
  void run_within(const std::function<void()>& task);

  // Iterations so far that took longer than limits::kIterationSlow.
  [[nodiscard]] std::uint64_t slow_iterations() const;

  // Feeds the service watchdog from the loop, where WatchdogSec= asks for it; else does nothing.
  void enable_watchdog();

  // STATUS= of the service; nothing without a service manager.
  void set_status(const std::string& text);

  // The sd-event object, for src/sd itself.
  [[nodiscard]] sd_event* handle() const { return event_; }

 private:
  EventLoop();
  Result<void> open();
  Result<void> turn();
  void wake();
  void run_posted();
  void feed_watchdog(nanoseconds pause);

  sd_event* event_ = nullptr;
  UniqueFd wake_fd_;
  Source wake_source_;
  const std::unique_ptr<IterationClock> clock_;
  std::unique_ptr<TimerQueue> timers_;
  Source watchdog_;
  std::vector<std::function<void()>> turn_end_;
  std::atomic<std::thread::id> thread_;

  std::mutex mutex_;  // guards what follows
  std::deque<std::function<void()>> posted_;
  bool ended_ = false;
  bool exit_asked_ = false;
  int exit_code_ = 0;
};

}  // namespace takt::sd
