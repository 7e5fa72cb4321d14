// SPDX-License-Identifier: Apache-2.0
#include "job/reservations.h"

#include <algorithm>
#include <iterator>

#include "base/limits.h"

namespace takt {

bool Reservations::allows(const Offer& offer, const Rank& rank, const Amounts& need) const {
  for (const auto& [before, held] : held_) {
    if (!(before < rank)) return true;
    if (held.offer != &offer) continue;
    Amounts beside = held.beside;
    beside += need;
    if (!fits(held.need, beside, offer.total)) return false;
  }
  return true;
}

void Reservations::placed(const Offer& offer, const Rank& rank, const Uuid& job,
                          const Amounts& amounts) {
  for (auto& [before, held] : held_) {
    if (!(before < rank)) return;
    if (held.offer != &offer) continue;
    held.beside += amounts;
    held.jobs_beside.emplace(job, amounts);
  }
}

void Reservations::vacated(const Offer& offer, const Uuid& job) {
  for (auto& [rank, held] : held_) {
    if (held.offer != &offer) continue;
    const auto beside = held.jobs_beside.find(job);
    if (beside == held.jobs_beside.end()) continue;
    held.beside -= beside->second;
    held.jobs_beside.erase(beside);
  }
}

bool Reservations::wants(const Rank& rank) const {
  if (held_.contains(rank)) return false;
  return held_.size() < limits::kReservationsMax || rank < std::prev(held_.end())->first;
}

bool Reservations::holds(const Offer& offer) const {
  return std::any_of(held_.begin(), held_.end(),
                     [&](const auto& entry) { return entry.second.offer == &offer; });
}

const Offer* Reservations::held_for(const Rank& rank) const {
  const auto found = held_.find(rank);
  return found == held_.end() ? nullptr : found->second.offer;
}

Offer* Reservations::add(const Rank& rank, const Amounts& need, Offer& offer) {
  held_[rank] = {need, &offer, {}, {}};
  if (held_.size() <= limits::kReservationsMax) return nullptr;
  const auto last = std::prev(held_.end());
  Offer* const released = last->second.offer;
  held_.erase(last);
  return released;
}

Offer* Reservations::release(const Rank& rank) {
  const auto found = held_.find(rank);
  if (found == held_.end()) return nullptr;
  Offer* const offer = found->second.offer;
  held_.erase(found);
  return offer;
}

std::vector<Offer*> Reservations::drop_stale(const Queue& queue) {
  std::vector<Offer*> released;
  std::erase_if(held_, [&](const auto& entry) {
    const auto& [rank, held] = entry;
    const Queue::Line* line = queue.line_of_head(rank);
    const bool good = line != nullptr && held.offer->open && could_hold(*held.offer, line->demand);
    if (!good) released.push_back(held.offer);
    return !good;
  });
  return released;
}

void Reservations::drop(const Offer& offer) {
  std::erase_if(held_, [&](const auto& entry) { return entry.second.offer == &offer; });
}

}  // namespace takt
