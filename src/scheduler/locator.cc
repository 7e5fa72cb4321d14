// SPDX-License-Identifier: Apache-2.0
#include "scheduler/locator.h"

#include <utility>

namespace takt::scheduler {

// Before that the worker may not know the attempt yet.
bool Locator::ready(const Job& job) const {
  return job.state != JobState::kQueued && job.state != JobState::kStarting;
}

Location Locator::location_of(const Job& job) const {
  Location location;
  if (const Attempt* attempt = job.current_attempt(); attempt != nullptr && ready(job)) {
    location.attempt = attempt->id.number;
    location.worker = endpoint_of(attempt->worker_id);
  }
  return location;
}

std::uint64_t Locator::locate(const Uuid& job, bool wait, Done done) {
  const LiveJob* live = jobs_.find(job);
  if (live == nullptr) {
    done(Location{.ended = true});
    return 0;
  }
  if (!wait || (ready(live->job) && !has_ended(live->job.state))) {
    done(location_of(live->job));
    return 0;
  }
  // Also one that has ended and is about to be committed: it is told when the table lets it go.
  const std::uint64_t ticket = next_++;
  waiters_.emplace(ticket, Waiter{job, std::move(done)});
  by_job_.emplace(job, ticket);
  return ticket;
}

void Locator::cancel(std::uint64_t ticket) {
  const auto found = waiters_.find(ticket);
  if (found == waiters_.end()) return;
  const auto [first, last] = by_job_.equal_range(found->second.job);
  for (auto at = first; at != last; ++at) {
    if (at->second == ticket) {
      by_job_.erase(at);
      break;
    }
  }
  waiters_.erase(found);
}

Endpoint Locator::endpoint_of(const Uuid& worker) const {
  const WorkerEntry* entry = fleet_.find(worker);
  return entry == nullptr ? Endpoint() : Endpoint{entry->record.address, entry->record.name};
}

void Locator::on_changed(const LiveJob& live) {
  if (by_job_.empty() || !ready(live.job) || has_ended(live.job.state)) return;
  tell(live.job.id, location_of(live.job));
}

void Locator::on_gone(const Uuid& job) { tell(job, Location{.ended = true}); }

void Locator::tell(const Uuid& job, const Location& location) {
  const auto [first, last] = by_job_.equal_range(job);
  std::vector<Done> told;
  for (auto at = first; at != last; ++at) {
    const auto waiter = waiters_.find(at->second);
    told.push_back(std::move(waiter->second.done));
    waiters_.erase(waiter);
  }
  by_job_.erase(first, last);
  for (const Done& done : told) done(location);
}

void Locator::fail_all(const Error& error) {
  by_job_.clear();
  for (const auto& [ticket, waiter] : std::exchange(waiters_, {})) waiter.done(error);
}

}  // namespace takt::scheduler
