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
static_assert(sizeof(LiveJob) <= 824, "a job that waits takes less than 1 KiB");

}  // namespace

std::optional<WallTime> LiveJob::give_up_time() const {
  const Attempt* last = job.current_attempt();
  const bool refused = last != nullptr && last->end && last->end->cause == EndCause::kRejected;
  if (job.tries > 0 || (last != nullptr && !refused)) return std::nullopt;
  return queue_deadline;
}

JobTable::JobTable(sd::EventLoop& loop, Ledger& ledger, Hooks hooks)
    : ledger_(ledger),
      hooks_(std::move(hooks)),
      alarms_(loop, [this](const Uuid& id) { on_alarm(id); }) {}

// Keeps what counts of the spec, and not the spec.
LiveJob& JobTable::insert(std::int64_t number, Job job, const std::optional<PartCounts>& parts,
                          std::size_t spec_bytes) {
  const auto [found, is_new] = jobs_.try_emplace(job.id);
  TAKT_CHECK(is_new, "a new job's id is known already");
  LiveJob& live = found->second;
  live.number = number;
  const JobSpec& spec = *job.spec;
  live.ticket = queue_.ticket(demand_of(spec, job.part ? job.part->worker : ""));
  if (spec.queue_time_limit && job.parts == 0)
    live.queue_deadline = std::max(job.submit_time, spec.not_before.value_or(job.submit_time)) +
                          *spec.queue_time_limit;
  if (spec.lease) live.lease = *spec.lease + spec.stop.grace + microseconds(limits::kBackstop);
  if (spec.retry) job.retry = std::make_shared<const RetryPolicy>(*spec.retry);
  if (job.parts > 0)
    wholes_.add(job.id, spec.array ? spec.array->max_running : 0, parts.value_or(PartCounts()));
  live.job = std::move(job);
  live.job.spec.reset();
  if (live.job.part)
    if (Wholes::Whole* whole = wholes_.find(live.job.part->whole))
      Wholes::add_part(*whole, number, live.job);
  live.spec_bytes = static_cast<std::uint32_t>(spec_bytes);
  Holdings& holdings = of_submitter_[live.job.submitted_by];
  ++holdings.jobs;
  holdings.spec_bytes += live.spec_bytes;
  count(live.job, live.job.state, 1);
  return live;
}

std::int64_t JobTable::add(Job job, WallTime now) {
  const std::int64_t number = ledger_.next_revision();
  const std::shared_ptr<const JobSpec> spec = job.spec;
  job.revision = number;
  job.submit_time = now;
  job.priority = spec->priority;
  job.not_before = spec->not_before;
  if (spec->hold) job.hold = Hold{job.submitted_by, false};
  const std::size_t spec_bytes = job.part ? 0 : stored_bytes(*spec);
  ledger_.record(store::JobWrite{number, job, now, true}, spec_bytes);
  LiveJob& live = insert(number, std::move(job), std::nullopt, spec_bytes);
  if (!live.job.part) {
    ledger_.after_commit([this, id = live.job.id](const Result<void>& committed) {
      if (const LiveJob* job_now = find(id); committed && job_now) audit_submitted(job_now->job);
    });
    depend(live.job.id, spec->dependencies);
  }
  stand_in_line(live);
  return number;
}

// On what is in the table and has not ended; who submits, or the store, knows of the others.
void JobTable::depend(const Uuid& id, const std::vector<Dependency>& dependencies) {
  for (const Dependency& dependency : dependencies) {
    const LiveJob* other = find(dependency.job_id);
    if (other != nullptr && !has_ended(other->job.state)) dependencies_.add(id, dependency);
  }
}

void JobTable::restore(std::vector<store::LiveJob> jobs) {
  std::vector<std::pair<Uuid, std::shared_ptr<const JobSpec>>> depend_later;
  std::vector<LiveJob*> waiting;
  for (store::LiveJob& stored : jobs) {
    if (!stored.job.spec->dependencies.empty() && !stored.job.part)
      depend_later.emplace_back(stored.job.id, stored.job.spec);
    std::optional<PartCounts> ended = stored.parts;  // the others come themselves
    if (ended)
      ended = PartCounts{.total = ended->succeeded + ended->failed + ended->stopped,
                         .succeeded = ended->succeeded,
                         .failed = ended->failed,
                         .stopped = ended->stopped};
    const std::size_t spec_bytes =
        stored.job.part ? 0 : stored_bytes(*stored.job.spec) + stored.input_bytes;
    LiveJob& live = insert(stored.number, std::move(stored.job), ended, spec_bytes);
    // What is on a worker has its place before others get one.
    if (live.job.state == JobState::kQueued) {
      waiting.push_back(&live);
    } else {
      stand_in_line(live);
    }
    occupy(live, std::nullopt);
  }
  for (const auto& [id, spec] : depend_later) depend(id, spec->dependencies);
  for (LiveJob* live : waiting) stand_in_line(*live);
}

void JobTable::clear() {
  for (auto& [id, live] : jobs_)
    if (live.in_line) queue_.erase(live.ticket, *live.in_line);
  jobs_.clear();
  of_submitter_.clear();
  alarms_.clear();
  wholes_.clear();
  dependencies_.clear();
  ended_.clear();
  placed_ = 0;
  in_state_.fill(0);
}

LiveJob* JobTable::find(const Uuid& id) {
  const auto found = jobs_.find(id);
  return found == jobs_.end() ? nullptr : &found->second;
}

Holdings JobTable::of_submitter(const std::string& submitted_by) const {
  const auto found = of_submitter_.find(submitted_by);
  return found == of_submitter_.end() ? Holdings() : found->second;
}

std::size_t JobTable::spec_bytes() const {
  std::size_t sum = 0;
  for (const auto& [submitter, holdings] : of_submitter_) sum += holdings.spec_bytes;
  return sum;
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
  if (has_ended(live.job.state)) {
    dependencies_.forget(live.job.id);
    ended_.push_back(live.job);
    tell_dependants();
  }
  return true;
}

// One after another, so that a chain of any length takes no stack.
void JobTable::tell_dependants() {
  if (std::exchange(telling_, true)) return;
  while (!ended_.empty()) {
    const Job ended = std::move(ended_.back());
    ended_.pop_back();
    for (const Dependencies::Waiter& waiter : dependencies_.take(ended.id))
      tell_dependant(waiter, ended);
  }
  telling_ = false;
}

void JobTable::tell_dependant(const Dependencies::Waiter& waiter, const Job& ended) {
  LiveJob* live = find(waiter.job);
  if (live == nullptr || has_ended(live->job.state)) return;
  if (!is_fulfilled(waiter.condition, ended.state == JobState::kSucceeded)) {
    end_early(*live, dependency_failed(ended.id, ended.end));
  } else if (!dependencies_.waits(waiter.job)) {
    stand_in_line_with_parts(*live);
  }
}

void JobTable::end_early(LiveJob& live, const JobEnd& end) {
  Wholes::Whole* whole = wholes_.find(live.job.id);
  if (whole == nullptr) return (void)change(live, Ended{end});
  whole->early_end = end;
  const std::map<std::int64_t, Uuid> parts = whole->live;  // which shrinks meanwhile
  for (const auto& [number, id] : parts)
    if (LiveJob* part = find(id); part->job.state == JobState::kQueued) change(*part, Ended{end});
}

void JobTable::tell_retry(const LiveJob& live) {
  ledger_.after_commit([job = live.job](const Result<void>& committed) {
    if (committed) audit_retried(job);
  });
}

// One that stands for its parts does not count itself.
void JobTable::count(const Job& job, JobState state, std::ptrdiff_t by) {
  if (has_ended(state) || job.parts > 0) return;
  std::size_t& jobs = in_state_.at(static_cast<std::size_t>(state));
  jobs = static_cast<std::size_t>(static_cast<std::ptrdiff_t>(jobs) + by);
}

void JobTable::follow(LiveJob& live, JobState before, const std::optional<Uuid>& worker_before) {
  Job& job = live.job;
  // The store has the earlier ones.
  if (job.attempts.size() > 1) job.attempts.erase(job.attempts.begin(), job.attempts.end() - 1);
  count(job, before, -1);
  count(job, job.state, 1);
  stand_in_line(live);
  occupy(live, worker_before);
  if (has_ended(job.state)) record_end(live);
  hooks_.on_changed(live);
  if (job.part && job.state != before) follow_part(live, before);
}

void JobTable::follow_part(const LiveJob& live, JobState before) {
  Wholes::Whole* whole = wholes_.find(live.job.part->whole);
  LiveJob* job = find(live.job.part->whole);
  if (whole == nullptr || job == nullptr) return;
  Wholes::moved(*whole, live.number, before, live.job.state);
  if (before == JobState::kQueued && !has_ended(live.job.state)) change(*job, PartPlaced{});
  if (whole->live.empty()) change(*job, Ended{Wholes::end_of(*whole, job->job)});
}

void JobTable::stand_in_line_with_parts(LiveJob& live) {
  const Wholes::Whole* whole = wholes_.find(live.job.id);
  if (whole == nullptr) return stand_in_line(live);
  for (const auto& [number, id] : whole->live) stand_in_line(*find(id));
}

bool JobTable::is_blocked(const Job& job) const {
  return dependencies_.waits(job.part ? job.part->whole : job.id);
}

// Of the places that its whole has for parts; true if the job wants one and has it.
bool JobTable::take_place(LiveJob& live, bool wants) {
  Wholes::Whole* whole = live.job.part ? wholes_.find(live.job.part->whole) : nullptr;
  if (whole == nullptr) return wants;
  if (wants) return Wholes::admit(*whole, live.number, live.job.id, live.admitted);
  if (const auto next = Wholes::dismiss(*whole, live.number, live.admitted))
    stand_in_line(*find(*next));
  return false;
}

// Puts the job into its line, or takes it out, and sets its alarm, all as its state says.
void JobTable::stand_in_line(LiveJob& live) {
  if (live.job.parts > 0) return;  // its parts do
  const bool queued = live.job.state == JobState::kQueued;
  const bool early = queued && live.job.not_before && *live.job.not_before > wall_now();
  const bool ready = queued && !early && !live.job.hold && !is_blocked(live.job);
  const bool has_place = take_place(live, ready || occupied(live.job).has_value());
  std::optional<Rank> place;
  if (ready && has_place) place = live.rank();
  if (place != live.in_line) {
    if (live.in_line) queue_.erase(live.ticket, *live.in_line);
    if (place) queue_.push(live.ticket, *place, live.job.id);
    live.in_line = place;
  }
  std::optional<WallTime> alarm;
  if (queued) alarm = early ? live.job.not_before : live.give_up_time();
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
  if (const auto time = live->give_up_time(); time && *time <= wall_now()) {
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
  submitter->second.spec_bytes -= found->second.spec_bytes;
  if (--submitter->second.jobs == 0) of_submitter_.erase(submitter);
  wholes_.remove(found->first);
  jobs_.erase(found);
}

}  // namespace takt::scheduler
