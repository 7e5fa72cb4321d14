// SPDX-License-Identifier: Apache-2.0
// What the scheduler's disk says, change by change.
#include <algorithm>

#include "job/offer.h"
#include "job/queue.h"
#include "simulation/checks.h"
#include "simulation/world.h"

namespace takt::sim {
namespace {

bool touches(const store::Batch& batch, const Uuid& worker) {
  return std::any_of(batch.workers.begin(), batch.workers.end(),
                     [&](const store::WorkerWrite& write) { return write.worker.id == worker; });
}

bool forgets(const store::Batch& batch, const Uuid& worker) {
  return std::any_of(batch.workers.begin(), batch.workers.end(), [&](const auto& write) {
    return write.worker.id == worker && write.forgotten;
  });
}

}  // namespace

void Checks::on_committed(const store::Batch& batch) {
  std::set<Uuid> wholes;
  std::set<Uuid> workers;
  for (const store::JobWrite& write : batch.jobs) {
    on_write(write, batch);
    if (World::the().failed()) return;
    const Job& job = write.job;
    if (job.part) wholes.insert(job.part->whole);
    if (job.parts > 0) wholes.insert(job.id);
    for (const Attempt& attempt : job.attempts) workers.insert(attempt.worker_id);
  }
  for (const Uuid& whole : wholes) check_whole(jobs_.at(whole));
  for (const Uuid& worker : workers) check_load(worker);
  for (const store::WorkerWrite& write : batch.workers) {
    check_worker(write.worker);
    Host& host = hosts_[write.worker.id];
    host.drained = !write.forgotten && write.worker.drain.has_value();
    host.labels = effective_labels(write.worker);
    if (write.forgotten && !forgotten_.contains(write.worker.id))
      World::the().broken("a worker is forgotten, and nobody asked for it");
    World::the().note("committed worker " + write.worker.name + " " +
                      std::string(worker_state_name(write.worker.state)) +
                      (host.drained ? ", drained" : "") + (write.forgotten ? ", forgotten" : ""));
  }
  touched_wholes_.merge(wholes);
}

void Checks::on_write(const store::JobWrite& write, const store::Batch& batch) {
  const Job& job = write.job;
  World::the().note("committed " + std::to_string(job.revision) + " " + job.id.str() + " " +
                    std::string(state_name(job.state)) +
                    (job.end ? ": " + end_message(*job.end) : ""));
  check(job.revision > revision_, job, "its revision is not newer than what is on disk");
  revision_ = job.revision;
  if (write.is_new) take_new(write);
  Known* known = find(job.id);
  if (known == nullptr) return World::the().broken("a change of a job that was never submitted");
  check(!has_ended(known->job.state), job, "it has ended, and changes");
  if (!write.is_new) check_owner(*known, job);
  check_times(write);
  for (const Attempt& attempt : job.attempts) on_attempt(*known, write, attempt, batch);
  check(job.end.has_value() == has_ended(job.state), job, "an end and no end");
  if (job.end && job.end->cause == EndCause::kStopped) check_stopped(job);
  const std::shared_ptr<const JobSpec> spec = known->job.spec;
  known->job = job;
  known->job.spec = spec;
  int tries = 0;
  for (const auto& [number, tried] : known->tries)
    if (tried.end && tried.end->cause != EndCause::kRejected) ++tries;
  check(job.tries == tries - known->requeues, job, "its tries are counted wrongly");
}

void Checks::take_new(const store::JobWrite& write) {
  const Job& job = write.job;
  const auto [place, is_new] = jobs_.try_emplace(job.id);
  if (!is_new) World::the().broken("job " + job.id.str() + " is submitted twice");
  place->second.job = job;
  place->second.job.state = JobState::kQueued;
  check_new(job);
  if (!job.part) return;
  Known& whole = jobs_.at(job.part->whole);
  whole.parts.push_back(job.id);
  place->second.job.spec = whole.job.spec;
}

void Checks::on_attempt(Known& known, const store::JobWrite& write, const Attempt& attempt,
                        const store::Batch& batch) {
  if (!known.tries.contains(attempt.id.number)) on_placed(known, write, attempt, batch);
  Try& tried = known.tries[attempt.id.number];
  check_word(known, tried, attempt);
  check(!tried.end || tried.end == attempt.end, write.job, "the end of an attempt changes");
  if (attempt.end && !tried.end) {
    on_attempt_ended(known, tried, *attempt.end, batch);
    hosts_[tried.worker].open.erase(attempt.id);
    if (attempt.end->cause == EndCause::kStopped && write.job.state == JobState::kQueued)
      ++known.requeues;
  }
  tried.state = attempt.state;
  tried.end = attempt.end;
}

void Checks::on_placed(Known& known, const store::JobWrite& write, const Attempt& attempt,
                       const store::Batch& batch) {
  const Job& before = known.job;
  check(before.state == JobState::kQueued, before, "it is placed and did not wait");
  if (hosts_.at(attempt.worker_id).lies && is_lie(attempt.unit)) return take_claim(known, attempt);
  check(!before.hold, before, "it is placed while it is held");
  // Its time may have come before the clock was set back.
  const WallTime latest = std::max(write.time, World::the().latest_before_set());
  check(!before.not_before || *before.not_before <= latest, before, "it is placed too early");
  check(!known.stop_told, before, "it is placed after it was stopped");
  for (const auto& [number, tried] : known.tries)
    check(tried.end.has_value(), before, "it is placed while an attempt of it has not ended");
  const Host& host = hosts_[attempt.worker_id];
  if (!touches(batch, attempt.worker_id)) {
    check(!host.drained, before, "it is placed on a drained worker");
    check(constraints_hold(before.spec->constraints, host.labels), before,
          "it is placed where its constraints do not hold");
  }
  check(!before.part || before.part->worker.empty() || before.part->worker == host.name, before,
        "a part is placed on another worker than its own");
  check_dependencies(before.part ? jobs_.at(before.part->whole) : known);
  note_placed(known, attempt);
}

// A worker said that it has an attempt of a job that waits, which is believed, since two would run
// otherwise: of a job that may run there.
void Checks::take_claim(Known& known, const Attempt& attempt) {
  const Job& job = known.job;
  const Host& host = hosts_.at(attempt.worker_id);
  check(constraints_hold(job.spec->constraints, host.labels), job,
        "a worker that it may not run on has it, by its own word");
  check(!job.part || job.part->worker.empty() || job.part->worker == host.name, job,
        "a worker has a part for another one, by its own word");
  note_placed(known, attempt);
}

void Checks::note_placed(Known& known, const Attempt& attempt) {
  hosts_[attempt.worker_id].open.insert(attempt.id);
  known.tries[attempt.id.number] = {
      attempt.worker_id, attempt.boot_id, attempt.state, {}, false, false, {}};
}

void Checks::check_dependencies(const Known& known) {
  for (const Dependency& dependency : known.job.spec->dependencies) {
    const Known* other = find(dependency.job_id);
    const bool holds = other != nullptr && has_ended(other->job.state) &&
                       is_fulfilled(dependency.condition, other->job.state == JobState::kSucceeded);
    check(holds, known.job,
          "it starts before what it waits for has come true: " + dependency.job_id.str() + " is " +
              (other == nullptr ? "not on disk" : std::string(state_name(other->job.state))));
  }
}

// For good, as somebody wanted it.
void Checks::check_stopped(const Job& job) const {
  const bool asked =
      stops_asked_.contains(job.id) || (job.part && stops_asked_.contains(job.part->whole));
  const bool by_drain = job.end->reason.find(kQueueAgain) != std::string::npos;
  check(asked || !by_drain, job, "it has ended, by a drain that queues again what it stops");
}

void Checks::on_attempt_ended(Known& known, Try& tried, const JobEnd& end,
                              const store::Batch& batch) {
  const Job& job = known.job;
  if (host_of(tried).lies) return;
  if (end.cause == EndCause::kWorkerLost) {
    const bool rebooted = hosts_[tried.worker].past_boots.contains(tried.boot);
    if (rebooted || forgets(batch, tried.worker)) return;
    check(job.spec->lease.has_value(), job, "without a lease it is ended for lost contact");
  }
  if (end.cause == EndCause::kExited)
    check(tried.exit_code == end.exit_code, job, "it is told to have exited as it did not");
  check(!tried.alive, job, "its attempt is told to have ended, and it runs");
}

void Checks::check_whole(const Known& whole) {
  const Job& job = whole.job;
  int ended = 0;
  int succeeded = 0;
  int live = 0;
  for (const Uuid& id : whole.parts) {
    const Known& part = jobs_.at(id);
    if (has_ended(part.job.state)) ++ended;
    if (part.job.state == JobState::kSucceeded) ++succeeded;
    // Of a worker that lies, some are there by its word.
    live += static_cast<int>(
        std::count_if(part.tries.begin(), part.tries.end(), [this](const auto& entry) {
          return !entry.second.end.has_value() && !host_of(entry.second).lies;
        }));
  }
  check(static_cast<int>(whole.parts.size()) == job.parts, job, "not all of its parts are there");
  check(has_ended(job.state) == (ended == job.parts), job, "it does not end with its last part");
  const int most = job.spec->array ? job.spec->array->max_running : 0;
  check(most == 0 || live <= most, job, "more of its parts are out at once than may be");
  if (!job.end) return;
  check(job.end->parts_total == job.parts && job.end->parts_failed == job.parts - succeeded, job,
        "its end counts its parts wrongly");
}

void Checks::check_load(const Uuid& worker) {
  Amounts used;
  const Host& host = hosts_[worker];
  if (host.lies) return;
  for (const AttemptId& attempt : host.open)
    used += demand_of(*jobs_.at(attempt.job_id).job.spec).amounts;
  const bool fits = used.slots <= host.capacity.slots &&
                    used.cpu_millicores <= host.capacity.cpu_millicores &&
                    used.memory_bytes <= host.capacity.memory_bytes &&
                    std::all_of(used.counted.begin(), used.counted.end(), [&](const auto& entry) {
                      const auto found = host.capacity.counted.find(entry.first);
                      return found != host.capacity.counted.end() && entry.second <= found->second;
                    });
  if (!fits) World::the().broken("worker " + host.name + " has more than its slots and amounts");
}

}  // namespace takt::sim
