// SPDX-License-Identifier: Apache-2.0
#include "scheduler/dispatcher.h"

#include <algorithm>

#include "base/limits.h"

namespace takt::scheduler {

Dispatcher::Dispatcher(sd::EventLoop& loop, Queue& queue, Placer::Place place)
    : loop_(loop),
      place_(std::move(place)),
      placer_(queue,
              [this](const Uuid& worker, std::uint64_t line) { return excluded(worker, line); }) {}

void Dispatcher::exclude(const Uuid& worker, const Queue::Line& line, BootTime until) {
  if (excluded_.size() >= limits::kWorkersMax) expire();
  if (excluded_.size() >= limits::kWorkersMax) excluded_.clear();  // at worst asked too early
  excluded_[{worker, line.id}] = until;
  arm();
}

void Dispatcher::readmit(const Uuid& worker) {
  const auto first = excluded_.lower_bound({worker, 0});
  auto last = first;
  while (last != excluded_.end() && last->first.first == worker) ++last;
  if (first == last) return;
  excluded_.erase(first, last);
  placer_.look_again(worker);
}

void Dispatcher::expire() {
  const BootTime now = BootClock::now();
  std::erase_if(excluded_, [&](const auto& entry) {
    const bool over = entry.second <= now;
    if (over) placer_.look_again(entry.first.first);
    return over;
  });
  arm();
}

// Wakes at the end of the first exclusion.
void Dispatcher::arm() {
  again_.reset();
  if (excluded_.empty()) return;
  BootTime next = BootTime::max();
  for (const auto& [pair, until] : excluded_) next = std::min(next, until);
  again_ = loop_.add_timer(next, [this] { expire(); });
}

bool Dispatcher::excluded(const Uuid& worker, std::uint64_t line) const {
  if (excluded_.empty()) return false;
  const auto found = excluded_.find({worker, line});
  return found != excluded_.end() && found->second > now_;
}

void Dispatcher::run() {
  now_ = BootClock::now();
  if (placer_.pass(limits::kPlacementsPerTurn, place_))
    more_ = loop_.add_timer(nanoseconds(0), [] {});  // the next turn goes on
}

void Dispatcher::clear() {
  placer_.clear();
  excluded_.clear();
  again_.reset();
  more_.reset();
}

}  // namespace takt::scheduler
