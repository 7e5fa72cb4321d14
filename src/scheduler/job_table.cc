// SPDX-License-Identifier: Apache-2.0
#include "scheduler/job_table.h"

#include <utility>

#include "base/check.h"
#include "scheduler/audit.h"

namespace takt::scheduler {

JobTable::JobTable(Ledger& ledger, Hooks hooks) : ledger_(ledger), hooks_(std::move(hooks)) {}

std::int64_t JobTable::add(Job job, WallTime now) {
  const std::int64_t number = ledger_.next_revision();
  job.revision = number;
  job.submit_time = now;
  LiveJob live{number, {}, queue_.ticket(demand_of(job.spec))};
  store::JobWrite write{number, std::move(job), now, true};
  JobSpec spec = std::exchange(write.job.spec, {});
  live.job = write.job;  // without the spec, which may be large
  write.job.spec = std::move(spec);
  ledger_.record(std::move(write));
  ledger_.after_commit([this, id = live.job.id](const Result<void>& committed) {
    if (const LiveJob* job_now = find(id); committed && job_now) audit_submitted(job_now->job);
  });
  queue_.push(live.ticket, number, live.job.id);
  const auto placed = jobs_.emplace(live.job.id, std::move(live));
  TAKT_CHECK(placed.second, "a new job's id is known already");
  hooks_.on_queued();
  return number;
}

void JobTable::restore(std::vector<store::LiveJob> jobs) {
  for (store::LiveJob& stored : jobs) {
    LiveJob live{stored.number, {}, queue_.ticket(demand_of(stored.job.spec))};
    stored.job.spec = {};
    live.job = std::move(stored.job);
    if (live.job.state == JobState::kQueued) {
      queue_.push(live.ticket, live.number, live.job.id);
    } else if (const auto worker = occupied(live.job)) {
      ++placed_;
      hooks_.on_occupied(*worker, live.job.id);
    }
    jobs_.emplace(live.job.id, std::move(live));
  }
  hooks_.on_queued();
}

void JobTable::clear() {
  for (auto& [id, live] : jobs_) queue_.erase(live.ticket, live.number);
  jobs_.clear();
  placed_ = 0;
}

LiveJob* JobTable::find(const Uuid& id) {
  const auto found = jobs_.find(id);
  return found == jobs_.end() ? nullptr : &found->second;
}

// The worker on which the job takes a slot.
std::optional<Uuid> JobTable::occupied(const Job& job) {
  const Attempt* attempt = job.current_attempt();
  if (attempt == nullptr || has_ended(attempt->state)) return std::nullopt;
  return attempt->worker_id;
}

bool JobTable::change(LiveJob& live, const JobEvent& event) {
  const JobState before = live.job.state;
  const std::optional<Uuid> worker_before = occupied(live.job);
  const WallTime now = wall_now();
  if (!apply(live.job, event, now)) return false;
  live.job.revision = ledger_.next_revision();
  ledger_.record(store::JobWrite{live.number, live.job, now, false});
  follow(live, before, worker_before);
  return true;
}

void JobTable::follow(LiveJob& live, JobState before, const std::optional<Uuid>& worker_before) {
  Job& job = live.job;
  // The store has the earlier ones.
  if (job.attempts.size() > 1) job.attempts.erase(job.attempts.begin(), job.attempts.end() - 1);

  const bool was_queued = before == JobState::kQueued;
  const bool is_queued = job.state == JobState::kQueued;
  if (was_queued && !is_queued) queue_.erase(live.ticket, live.number);
  if (!was_queued && is_queued) queue_.push(live.ticket, live.number, job.id);

  const std::optional<Uuid> worker = occupied(job);
  if (worker_before != worker) {
    if (worker_before) {
      --placed_;
      hooks_.on_vacated(*worker_before, job.id);
    }
    if (worker) {
      ++placed_;
      hooks_.on_occupied(*worker, job.id);
    }
  }
  if (!was_queued && is_queued) hooks_.on_queued();
  if (has_ended(job.state)) record_end(live);
  hooks_.on_changed(live);
}

void JobTable::record_end(const LiveJob& live) {
  ledger_.after_commit([this, id = live.job.id](const Result<void>& committed) {
    if (!committed) return;
    const auto found = jobs_.find(id);
    if (found == jobs_.end()) return;
    audit_ended(found->second.job);
    jobs_.erase(found);
    hooks_.on_gone(id);
  });
}

}  // namespace takt::scheduler
