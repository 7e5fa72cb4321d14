// SPDX-License-Identifier: Apache-2.0
// The loop's timers: any number of them over one sd-event timer. Guarantees: due timers run in
// order of their time, then of adding (sd-event promises no order among timers found due together);
// a timer that adds itself again, due at once, limits::kTimerChainMax times in a row waits
// limits::kTimerChainPause and is logged, so that a fault of this kind cannot occupy the loop. Part
// of EventLoop; loop thread only.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>

#include "base/clock.h"
#include "base/result.h"
#include "sd/iteration_clock.h"
#include "sd/source.h"

struct sd_event;
struct sd_event_source;

namespace takt::sd {

class TimerQueue {
 public:
  // Runs on CLOCK_BOOTTIME; on CLOCK_MONOTONIC where there are no boot-time timers.
  static Result<std::unique_ptr<TimerQueue>> create(sd_event* event, IterationClock& iterations);
  ~TimerQueue();
  TimerQueue(const TimerQueue&) = delete;
  TimerQueue& operator=(const TimerQueue&) = delete;

  [[nodiscard]] Source add(BootTime when, std::function<void()> fn);

 private:
  struct Timer;
  struct Key {
    BootTime when;
    std::uint64_t number;
    friend auto operator<=>(const Key&, const Key&) = default;
  };

  explicit TimerQueue(IterationClock& clock) : clock_(clock) {}
  void arm();
  void run_due();
  int chain_of(BootTime& when, const std::function<void()>& fn);
  static int on_time(sd_event_source* source, std::uint64_t usec, void* self);

  IterationClock& clock_;
  sd_event_source* source_ = nullptr;
  bool boot_clock_ = true;
  std::uint64_t next_number_ = 0;
  int running_chain_ = 0;  // of the timer whose function runs; else 0
  BootTime complained_;    // of a chain
  std::map<Key, std::shared_ptr<Timer>> timers_;
};

}  // namespace takt::sd
