// SPDX-License-Identifier: Apache-2.0
#include "scheduler/job_table.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/limits.h"
#include "scheduler/audit.h"

namespace takt::scheduler {

namespace {

// Beside it, some 200 bytes: the nodes of the table, of its line and of the alarms.
static_assert(sizeof(LiveJob) <= 800, "a job that waits takes less than 1 KiB");

}  // namespace

JobTable::JobTable(sd::EventLoop& loop, Ledger& ledger, Hooks hooks)
    : ledger_(ledger),
      hooks_(std::move(hooks)),
      alarms_(loop, [this](const Uuid& id) { on_alarm(id); }) {}

// Keeps what counts of the spec, and not the spec.
LiveJob& JobTable::insert(std::int64_t number, Job job) {
  const auto [found, is_new] = jobs_.try_emplace(job.id);
  TAKT_CHECK(is_new, "a new job's id is known already");
  LiveJob& live = found->second;
  live.number = number;
  live.ticket = queue_.ticket(demand_of(*job.spec));
  const JobSpec& spec = *job.spec;
  if (spec.queue_time_limit)
    live.queue_deadline = std::max(job.submit_time, spec.not_before.value_or(job.submit_time)) +
                          *spec.queue_time_limit;
  if (spec.lease) live.lease = *spec.lease + spec.stop.grace + microseconds(limits::kBackstop);
  if (spec.retry) job.retry = std::make_shared<const RetryPolicy>(*spec.retry);
  live.job = std::move(job);
  live.job.spec.reset();
  ++of_submitter_[live.job.submitted_by];
  if (live.job.state == JobState::kQueued) ++queued_;
  return live;
}

std::int64_t JobTable::add(Job job, WallTime now) {
  const std::int64_t number = ledger_.next_revision();
  job.revision = number;
  job.submit_time = now;
  job.priority = job.spec->priority;
  job.not_before = job.spec->not_before;
  if (job.spec->hold) job.hold = Hold{job.submitted_by, false};
  ledger_.record(store::JobWrite{number, job, now, true});
  ledger_.after_commit([this, id = job.id](const Result<void>& committed) {
    if (const LiveJob* job_now = find(id); committed && job_now) audit_submitted(job_now->job);
  });
  stand_in_line(insert(number, std::move(job)));
  return number;
}

void JobTable::restore(std::vector<store::LiveJob> jobs) {
  for (store::LiveJob& stored : jobs) {
    LiveJob& live = insert(stored.number, std::move(stored.job));
    stand_in_line(live);
    occupy(live, std::nullopt);
  }
}

void JobTable::clear() {
  for (auto& [id, live] : jobs_)
    if (live.in_line) queue_.erase(live.ticket, *live.in_line);
  jobs_.clear();
  of_submitter_.clear();
  alarms_.clear();
  placed_ = 0;
  queued_ = 0;
}

LiveJob* JobTable::find(const Uuid& id) {
  const auto found = jobs_.find(id);
  return found == jobs_.end() ? nullptr : &found->second;
}

std::size_t JobTable::of_submitter(const std::string& submitted_by) const {
  const auto found = of_submitter_.find(submitted_by);
  return found == of_submitter_.end() ? 0 : found->second;
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
  const int tries_before = live.job.tries;
  if (!apply(live.job, event, now)) return false;
  live.job.revision = ledger_.next_revision();
  ledger_.record(store::JobWrite{live.number, live.job, now, false});
  follow(live, before, worker_before);
  if (live.job.tries > tries_before && !has_ended(live.job.state)) tell_retry(live);
  return true;
}

void JobTable::tell_retry(const LiveJob& live) {
  ledger_.after_commit([job = live.job](const Result<void>& committed) {
    if (committed) audit_retried(job);
  });
}

void JobTable::follow(LiveJob& live, JobState before, const std::optional<Uuid>& worker_before) {
  Job& job = live.job;
  // The store has the earlier ones.
  if (job.attempts.size() > 1) job.attempts.erase(job.attempts.begin(), job.attempts.end() - 1);
  if (before == JobState::kQueued) --queued_;
  if (job.state == JobState::kQueued) ++queued_;
  stand_in_line(live);
  occupy(live, worker_before);
  if (has_ended(job.state)) record_end(live);
  hooks_.on_changed(live);
}

// Puts the job into its line, or takes it out, and sets its alarm, all as its state says.
void JobTable::stand_in_line(LiveJob& live) {
  const bool queued = live.job.state == JobState::kQueued;
  const bool early = queued && live.job.not_before && *live.job.not_before > wall_now();
  std::optional<Rank> place;
  if (queued && !early && !live.job.hold) place = live.rank();
  if (place != live.in_line) {
    if (live.in_line) queue_.erase(live.ticket, *live.in_line);
    if (place) queue_.push(live.ticket, *place, live.job.id);
    live.in_line = place;
  }
  std::optional<WallTime> alarm;
  if (queued) alarm = early ? live.job.not_before : live.queue_deadline;
  if (alarm != live.alarm) {
    if (live.alarm) alarms_.cancel(live.job.id, *live.alarm);
    if (alarm) alarms_.set(live.job.id, *alarm);
    live.alarm = alarm;
  }
}

void JobTable::occupy(LiveJob& live, const std::optional<Uuid>& before) {
  const std::optional<Uuid> worker = occupied(live.job);
  if (worker == before) return;
  if (before) {
    --placed_;
    hooks_.on_vacated(*before, live);
  }
  if (worker) {
    ++placed_;
    hooks_.on_occupied(*worker, live);
  }
}

void JobTable::on_alarm(const Uuid& id) {
  LiveJob* const live = find(id);
  if (live == nullptr) return;
  live->alarm.reset();
  if (live->queue_deadline && *live->queue_deadline <= wall_now()) {
    change(*live, Ended{JobEnd{.cause = EndCause::kQueueTimedOut}});
  } else {
    stand_in_line(*live);
  }
}

void JobTable::record_end(const LiveJob& live) {
  ledger_.after_commit([this, id = live.job.id](const Result<void>& committed) {
    if (!committed) return;
    const auto found = jobs_.find(id);
    if (found == jobs_.end()) return;
    audit_ended(found->second.job);
    remove(found);
    hooks_.on_gone(id);
  });
}

void JobTable::remove(std::unordered_map<Uuid, LiveJob>::iterator found) {
  const auto submitter = of_submitter_.find(found->second.job.submitted_by);
  if (--submitter->second == 0) of_submitter_.erase(submitter);
  jobs_.erase(found);
}

}  // namespace takt::scheduler
