// SPDX-License-Identifier: Apache-2.0
#include "worker/retention.h"

#include <algorithm>

#include "base/limits.h"
#include "base/log.h"
#include "base/units.h"

namespace takt::worker {

std::vector<AttemptId> surplus(std::vector<StoredAttempt> stored, const RetentionLimits& limits,
                               WallTime now) {
  std::sort(stored.begin(), stored.end(), [](const StoredAttempt& a, const StoredAttempt& b) {
    return std::tie(a.time, a.id) < std::tie(b.time, b.id);
  });
  std::uint64_t bytes = 0;
  std::size_t ended = 0;
  for (const StoredAttempt& attempt : stored) {
    bytes += attempt.bytes;
    if (attempt.ended) ++ended;
  }
  std::vector<AttemptId> gone;
  for (const StoredAttempt& attempt : stored) {
    const bool too_old = now - attempt.time > limits.age;
    const bool too_many = attempt.ended && (bytes > limits.bytes || ended > limits.attempts);
    if (!too_old && !too_many) continue;
    gone.push_back(attempt.id);
    bytes -= attempt.bytes;
    if (attempt.ended) --ended;
  }
  return gone;
}

Result<std::size_t> keep_within(const StateFolder& state, RetentionLimits limits,
                                DeletionClock& clock, const std::atomic<bool>& stop) {
  auto stored = state.stored(stop);
  if (!stored) return stored.error();
  const WallTime now = wall_now();
  if (!clock.may_delete(limits.age)) limits.age = microseconds::max();
  std::size_t removed = 0;
  for (const AttemptId& id : surplus(std::move(*stored), limits, now)) {
    if (stop) break;
    if (auto done = state.remove_stored(id); !done) return done.error();
    ++removed;
  }
  return removed;
}

Retention::Retention(Core& core)
    : core_(core),
      clock_({.directory = core.state.path(), .program = "takt-worker"}),
      thread_(core.loop) {
  sweep_in(limits::kRetentionFirst);
}

Retention::~Retention() { stopping_ = true; }

void Retention::sweep_in(nanoseconds pause) {
  timer_ = core_.loop.add_timer(pause, [this] { sweep(); });
}

void Retention::sweep() {
  const config::WorkerConfig& config = core_.config;  // as it is now: a reload may change it
  const RetentionLimits limits{.age = config.retain_time,
                               .bytes = static_cast<std::uint64_t>(config.retain_bytes),
                               .attempts = static_cast<std::size_t>(config.retain_attempts)};
  thread_.run(
      [this, limits, &state = core_.state] {
        return keep_within(state, limits, clock_, stopping_);
      },
      [this](const Result<std::size_t>& removed) {
        if (!removed) {
          log_warning("the history cannot be kept within its bounds: " + removed.error().message);
        } else if (*removed > 0) {
          log_info("removed " + std::to_string(*removed) +
                   " old attempts, to keep the history within its bounds (retain_… in [jobs])");
        }
        sweep_in(limits::kRetentionPause);
      });
}

}  // namespace takt::worker
