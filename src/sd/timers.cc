// SPDX-License-Identifier: Apache-2.0
#include "sd/timers.h"

#include <systemd/sd-event.h>
#include <time.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <utility>

#include "base/limits.h"
#include "base/log.h"
#include "sd/handler_name.h"

namespace takt::sd {
namespace {

// 0 would mean sd-event's default of 250 ms.
constexpr std::uint64_t kAccuracyUs = 1;

std::uint64_t ceil_us(nanoseconds span) {
  return static_cast<std::uint64_t>(
      std::chrono::ceil<microseconds>(std::max(span, nanoseconds(0))).count());
}

std::uint64_t monotonic_us() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return ceil_us(seconds(now.tv_sec) + nanoseconds(now.tv_nsec));
}

}  // namespace

struct TimerQueue::Timer final : SourceNode {
  Timer(TimerQueue* queue_in, Key key_in, int chain_in, std::function<void()> fn_in)
      : queue(queue_in), key(key_in), chain(chain_in), fn(std::move(fn_in)) {}

  void cancel() override {
    if (queue != nullptr) std::exchange(queue, nullptr)->timers_.erase(key);
  }

  TimerQueue* queue;  // null once fired, cancelled or the queue is gone
  Key key;
  int chain;  // timers due at once, each added by the one before, up to this one; else 0
  std::function<void()> fn;
};

Result<std::unique_ptr<TimerQueue>> TimerQueue::create(sd_event* event,
                                                       IterationClock& iterations) {
  std::unique_ptr<TimerQueue> queue(new TimerQueue(iterations));
  const auto add = [&](clockid_t clock) {
    return sd_event_add_time(event, &queue->source_, clock, UINT64_MAX, kAccuracyUs, on_time,
                             queue.get());
  };
  int r = add(CLOCK_BOOTTIME);
  if (r == -EOPNOTSUPP || r == -EINVAL) {
    queue->boot_clock_ = false;
    r = add(CLOCK_MONOTONIC);
  }
  if (r < 0) return system_error("making the loop's timer", -r);
  r = sd_event_source_set_enabled(queue->source_, SD_EVENT_OFF);
  if (r < 0) return system_error("making the loop's timer", -r);
  return queue;
}

TimerQueue::~TimerQueue() {
  for (auto& [key, timer] : timers_) timer->queue = nullptr;
  sd_event_source_disable_unref(source_);
}

Source TimerQueue::add(BootTime when, std::function<void()> fn) {
  const int chain = chain_of(when, fn);
  const Key key{when, next_number_++};
  auto timer = std::make_shared<Timer>(this, key, chain, std::move(fn));
  const auto place = timers_.emplace(key, timer).first;
  if (place == timers_.begin()) arm();
  return Source(std::move(timer));
}

int TimerQueue::chain_of(BootTime& when, const std::function<void()>& fn) {
  const BootTime now = BootClock::now();
  if (when > now) return 0;
  if (running_chain_ < limits::kTimerChainMax) return running_chain_ + 1;
  when = now + limits::kTimerChainPause;
  if (complained_ == BootTime() || now - complained_ >= std::chrono::minutes(1)) {
    complained_ = now;
    log_warning("a timer of the event loop was due at once " +
                std::to_string(limits::kTimerChainMax) +
                " times in a row, and waits now: " + handler_name(fn.target_type()));
  }
  return 0;
}

void TimerQueue::arm() {
  if (timers_.empty()) return;
  const BootTime when = timers_.begin()->first.when;
  const std::uint64_t usec = boot_clock_ ? ceil_us(when.time_since_epoch())
                                         : monotonic_us() + ceil_us(when - BootClock::now());
  int r = sd_event_source_set_time(source_, usec);
  if (r >= 0) r = sd_event_source_set_enabled(source_, SD_EVENT_ONESHOT);
  if (r == -ESTALE) return;  // the loop has ended, and calls nobody any more
  TAKT_CHECK(r >= 0, "cannot arm the loop's timer: error %d", -r);
}

void TimerQueue::run_due() {
  const BootTime now = BootClock::now();
  const std::uint64_t added_later = next_number_;  // those wait for the next round
  while (!timers_.empty()) {
    const auto first = timers_.begin();
    if (first->first.when > now || first->first.number >= added_later) break;
    const std::shared_ptr<Timer> timer = std::move(first->second);
    timers_.erase(first);
    timer->queue = nullptr;
    running_chain_ = timer->chain;
    clock_.run(timer->fn);
    running_chain_ = 0;
  }
  arm();
}

int TimerQueue::on_time(sd_event_source*, std::uint64_t, void* self) {
  static_cast<TimerQueue*>(self)->run_due();
  return 0;
}

}  // namespace takt::sd
