// SPDX-License-Identifier: Apache-2.0
// What no hostile client and no worker that lies may bring about: a change of another account's
// job, the end of an attempt that another worker has, records and memory without bounds.
#include <algorithm>

#include "base/limits.h"
#include "scheduler/fleet.h"
#include "simulation/caller.h"
#include "simulation/checks.h"
#include "simulation/world.h"

namespace takt::sim {
namespace {

constexpr std::size_t kWorkerTextsMax = 128 * limits::kKiB;  // of one record

bool is_operator(const std::string& by) { return by == root().display_name(); }

// Of the texts of a record that a worker chooses.
std::size_t text_of(const Capacity& capacity) {
  std::size_t bytes = 0;
  for (const std::string& name : capacity.controllers) bytes += name.size();
  for (const auto& [name, count] : capacity.counted) bytes += name.size();
  for (const auto& [name, count] : capacity.direct.counted) bytes += name.size();
  return bytes;
}

std::size_t text_of(const Attempt& attempt) {
  return attempt.unit.size() + attempt.cgroup.size() + attempt.user.size() +
         attempt.worker_name.size() + attempt.boot_id.size();
}

}  // namespace

void Checks::check_by(const Job& job, const std::string& by, const std::string& what) const {
  check(by == job.submitted_by || is_operator(by) || by == "takt-scheduler", job,
        what + " by " + by + ", and is of " + job.submitted_by);
}

void Checks::check_asked(const Known& before, const Job& job, Change change,
                         const std::string& what) const {
  const bool asked = changes_asked_.contains({job.id, change}) ||
                     (job.part && changes_asked_.contains({job.part->whole, change}));
  check(asked || before.job.submitted_by == mallory().display_name(), job,
        what + ", and neither its account nor an operator asked for it");
}

// What has changed since it was committed last is its own account's doing, or an operator's.
void Checks::check_owner(const Known& before, const Job& job) const {
  check(job.submitted_by == before.job.submitted_by, job, "it changes its submitter");
  const Attempt* last = job.current_attempt();
  const bool by_liar = last != nullptr && hosts_.at(last->worker_id).lies;
  if (job.stop_requested) check_by(job, job.stop_requested->by, "it is stopped");
  if (job.end && job.end->cause == EndCause::kStopped && !by_liar)
    check_by(job, job.end->stopped_by, "it has been stopped");
  if (job.hold && job.hold != before.job.hold) {
    check_by(job, job.hold->by, "it is held");
    check_asked(before, job, Change::kHold, "it is held");
  }
  if (!job.hold && before.job.hold && job.state == JobState::kQueued)
    check_asked(before, job, Change::kRelease, "it is released");
  if (job.priority != before.job.priority)
    check_asked(before, job, Change::kPriority, "its priority changes");
  if (job.state == JobState::kPaused && before.job.state != JobState::kPaused && !by_liar)
    check_asked(before, job, Change::kFreeze, "it is paused");
}

void Checks::check_new(const Job& job) const {
  const bool by_operator = is_operator(job.submitted_by);
  if (job.spec && !by_operator)
    check(job.spec->user == job.submit_user, job,
          "it runs as " + job.spec->user + " and is of " + job.submitted_by);
  if (job.retry_of.is_nil() || by_operator) return;
  const auto first = jobs_.find(job.retry_of);
  check(first != jobs_.end() && first->second.job.submitted_by == job.submitted_by, job,
        "it repeats the job of another account");
}

void Checks::on_taken_from(const rpc::Caller& caller, const Uuid& job) const {
  const auto known = jobs_.find(job);
  if (known == jobs_.end())
    return World::the().broken("job " + job.str() + " is acknowledged and not on disk");
  check(known->second.job.submitted_by == caller.display_name(), known->second.job,
        "a request of " + caller.display_name() + " is answered with it");
}

// The word of a worker counts for what it has, and no record of that is without bounds.
void Checks::check_word(const Known& known, const Try& tried, const Attempt& attempt) const {
  const Host& host = host_of(tried);
  const std::string note = attempt.end ? attempt.end->note : "";
  for (const std::string& text : {attempt.unit, note})
    check(!is_lie(text) || text == lie_of(host.name), known.job,
          "an attempt that " + host.name + " has is reported by another worker: " + text);
  check(text_of(attempt) <= limits::kPathMaxBytes * 2, known.job,
        "a worker's text about it has " + std::to_string(text_of(attempt)) + " bytes");
  check(attempt.end.has_value() == has_ended(attempt.state), known.job,
        "an attempt of it has ended without an end");
  if (host.lies) return;
  const bool runs = attempt.state == JobState::kRunning || attempt.state == JobState::kPaused;
  check(!runs || tried.ran, known.job, "an attempt of it is on record as running and never ran");
}

// What workers' clocks say is held against ours.
void Checks::check_times(const store::JobWrite& write) const {
  const Job& job = write.job;
  const WallTime latest = std::max(write.time, job.submit_time);
  if (job.end_time)
    check(*job.end_time >= job.submit_time && *job.end_time <= latest, job,
          "it has ended before it was submitted, or will end");
}

void Checks::check_worker(const WorkerRecord& worker) const {
  const auto host = hosts_.find(worker.id);
  if (host == hosts_.end())
    return World::the().broken("a worker is on record that there is not: " + worker.name);
  if (worker.name != host->second.name)
    World::the().broken("worker " + host->second.name + " is on record as " + worker.name);
  if (worker.address != "unix:/" + host->second.name)
    World::the().broken("worker " + worker.name + " is on record at " + worker.address);
  const Capacity& capacity = worker.capacity;
  if (text_of(capacity) > kWorkerTextsMax)
    World::the().broken("worker " + worker.name + " is on record with " +
                        std::to_string(text_of(capacity)) + " bytes of text");
  for (const auto& [name, count] : capacity.counted)
    if (count < 0 || count > limits::kCountedMax)
      World::the().broken("worker " + worker.name + " is on record with " + std::to_string(count) +
                          " of " + name);
}

std::vector<AttemptId> Checks::attempts_elsewhere(const Uuid& worker) const {
  std::vector<AttemptId> found;
  for (const auto& [id, known] : jobs_) {
    if (has_ended(known.job.state) || known.job.parts > 0) continue;
    const int last = known.tries.empty() ? 0 : known.tries.rbegin()->first;
    if (known.job.state == JobState::kQueued) {
      found.push_back({id, last + 1});
    } else if (known.tries.at(last).worker != worker) {
      found.push_back({id, last});
    }
  }
  std::sort(found.begin(), found.end());
  return found;
}

std::vector<Checks::Holding> Checks::holdings(const Scheduler& scheduler) const {
  const scheduler::Core* const core = scheduler.core();
  if (core == nullptr) return {};
  std::vector<Holding> all = {
      {core->jobs().of_submitter(mallory().display_name()).jobs, kJobsOfUser,
       "jobs of one account"},
      {scheduler.requests_of(mallory()), kRequestsOfUser, "requests of one account"},
      {scheduler.reads_waiting(), limits::kReaderQueriesMax, "reads that wait"},
      {scheduler.batches_waiting(), limits::kWriterBatchesMax, "batches that wait"}};
  for (const auto& [id, host] : hosts_) {
    const scheduler::WorkerEntry* entry = core->fleet().find(id);
    if (entry == nullptr) continue;
    all.push_back({entry->strays.size(), limits::kStraysMax, "attempts to look up of a worker"});
    all.push_back({entry->orphans.size(), limits::kOrphansMax, "orphans of a worker"});
    all.push_back({entry->adoptions.size(), limits::kOrphansMax, "adoptions of a worker"});
    all.push_back({entry->jobs.size(), limits::kQueueMax, "jobs on a worker"});
  }
  return all;
}

void Checks::look_at_footprint(const Scheduler& scheduler) const {
  for (const Holding& holding : holdings(scheduler))
    if (holding.count > holding.most)
      World::the().broken(std::to_string(holding.count) + " " + holding.what + ", more than " +
                          std::to_string(holding.most));
}

std::string Checks::left_over(const Scheduler& scheduler) const {
  for (const Holding& holding : holdings(scheduler))
    if (holding.count > 0)
      return "the scheduler holds " + std::to_string(holding.count) + " " + holding.what;
  return "";
}

}  // namespace takt::sim
