// SPDX-License-Identifier: Apache-2.0
#include "scheduler/dispatcher.h"

#include <algorithm>
#include <utility>

#include "base/limits.h"

namespace takt::scheduler {

Dispatcher::Dispatcher(sd::EventLoop& loop, const Queue& queue, Place place)
    : loop_(loop), queue_(queue), place_(std::move(place)) {}

void Dispatcher::set_offer(const WorkerRecord& worker, bool available, std::size_t taken) {
  const auto [found, added] = index_.try_emplace(worker.id, offers_.size());
  if (added) {
    offers_.emplace_back();
    direct_.push_back(0);
  }
  Offer& offer = offers_[found->second];
  offer.worker_id = worker.id;
  offer.labels = effective_labels(worker);
  offer.launchers = worker.capacity.launchers;
  offer.slots = available ? worker.capacity.slots : 0;
  direct_[found->second] = worker.capacity.direct_slots;
  offer.used = static_cast<int>(taken) + worker.capacity.direct_slots;
  if (offer.has_room()) dirty_ = true;
}

void Dispatcher::set_taken(const Uuid& worker, std::size_t taken) {
  const auto found = index_.find(worker);
  if (found == index_.end()) return;
  Offer& offer = offers_[found->second];
  const int used = static_cast<int>(taken) + direct_[found->second];
  if (used < offer.used) dirty_ = true;
  offer.used = used;
}

void Dispatcher::exclude(const Uuid& worker, const Queue::Line* line, BootTime until) {
  if (excluded_.size() >= limits::kWorkersMax) expire();
  if (excluded_.size() >= limits::kWorkersMax) excluded_.clear();  // at worst asked too early
  excluded_[{worker, line}] = until;
  arm();
}

void Dispatcher::readmit(const Uuid& worker) {
  const auto first = excluded_.lower_bound({worker, nullptr});
  auto last = first;
  while (last != excluded_.end() && last->first.first == worker) ++last;
  if (first != last) dirty_ = true;
  excluded_.erase(first, last);
}

void Dispatcher::expire() {
  const BootTime now = BootClock::now();
  dirty_ = true;
  std::erase_if(excluded_, [now](const auto& entry) { return entry.second <= now; });
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

bool Dispatcher::excluded(const Offer& offer, const Queue::Line& line, BootTime now) const {
  const auto found = excluded_.find({offer.worker_id, &line});
  return found != excluded_.end() && found->second > now;
}

void Dispatcher::run() {
  if (!std::exchange(dirty_, false) || queue_.waiting() == 0) return;
  const BootTime now = BootClock::now();
  const auto placements = takt::place(queue_, offers_, limits::kPlacementsPerTurn,
                                      [&](const Offer& offer, const Queue::Line& line) {
                                        return !excluded_.empty() && excluded(offer, line, now);
                                      });
  for (const Placement& placement : placements)
    place_(placement.job_id, offers_[placement.offer].worker_id);
  if (placements.size() < limits::kPlacementsPerTurn) return;
  dirty_ = true;
  again_ = loop_.add_timer(nanoseconds(0), [this] { expire(); });  // the next turn goes on
}

void Dispatcher::clear() {
  offers_.clear();
  direct_.clear();
  index_.clear();
  excluded_.clear();
  dirty_ = false;
  again_.reset();
}

}  // namespace takt::scheduler
