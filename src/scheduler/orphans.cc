// SPDX-License-Identifier: Apache-2.0
// Attempts of jobs that are not live here. Guarantees: of a job that has ended on record, the
// attempt was given up, and is stopped; of one that is not on record, nothing but an operator ends
// it; what is known is what a worker in reach said last.
#include <algorithm>
#include <utility>

#include "base/limits.h"
#include "scheduler/audit.h"
#include "scheduler/fleet.h"

namespace takt::scheduler {

bool in_reach(const WorkerEntry& entry) {
  return entry.session != nullptr && entry.session->settled();
}

Error Fleet::no_orphan(const Uuid& job) const {
  for (const auto& [id, entry] : workers_)
    if (entry.orphans.contains(job) && !in_reach(entry))
      return make_error(ErrorCode::kUnavailable, "worker " + entry.record.name +
                                                     ", which has an orphan of job " + job.str() +
                                                     ", is out of reach; try again");
  return Error{ErrorCode::kNotFound,
               "no worker in reach has an orphan of job " + job.str() + "; see takt orphans",
               "job_id", 0};
}

// How many there are is the worker's word: beyond the bound, its next list has them again.
void Fleet::look_up(WorkerEntry& entry, const Attempt& attempt) {
  if (entry.orphans.contains(attempt.id.job_id)) return note_orphan(entry, attempt);
  if (entry.strays.size() >= limits::kStraysMax && !entry.strays.contains(attempt.id)) return;
  entry.strays[attempt.id] = attempt;
  if (!entry.look_up_again) look_up_strays(entry);
}

// A few at a time; how they stand is in the store only.
void Fleet::look_up_strays(WorkerEntry& entry) {
  if (entry.looks_up || entry.strays.empty()) return;
  entry.looks_up = true;
  std::vector<AttemptId> attempts;
  std::vector<Uuid> jobs;
  for (auto at = entry.strays.begin();
       at != entry.strays.end() && jobs.size() < limits::kSpecsPerRead; ++at) {
    attempts.push_back(at->first);
    jobs.push_back(at->first.job_id);
  }
  parts_.reader.outcomes(store::own_asker(), jobs,
                         [this, mailbox = parts_.mailbox, worker = entry.record.id,
                          attempts](Result<std::vector<std::optional<store::JobOutcome>>> found) {
                           mailbox->post([this, worker, attempts, found = std::move(found)] {
                             if (const auto known = workers_.find(worker); known != workers_.end())
                               on_outcomes(known->second, attempts, found);
                           });
                         });
}

void Fleet::on_outcomes(WorkerEntry& entry, const std::vector<AttemptId>& attempts,
                        const Result<std::vector<std::optional<store::JobOutcome>>>& outcomes) {
  entry.looks_up = false;
  if (!outcomes) {
    log_warning("attempts that worker " + entry.record.name +
                    " holds are looked up later: " + outcomes.error().message,
                {{"TAKT_WORKER_ID", entry.record.id.str()}});
    entry.look_up_again =
        parts_.loop.add_timer(nanoseconds(limits::kReloadPause), [this, id = entry.record.id] {
          WorkerEntry& again = workers_.at(id);
          again.look_up_again.reset();
          look_up_strays(again);
        });
    return;
  }
  for (std::size_t at = 0; at < attempts.size(); ++at) {
    const auto stray = entry.strays.extract(attempts[at]);
    if (stray.empty()) continue;  // it has ended meanwhile, or the worker lists anew
    const Attempt& attempt = stray.mapped();
    const auto& outcome = (*outcomes)[at];
    if (parts_.jobs.find(attempt.id.job_id) != nullptr) {  // meanwhile
      on_stray(entry, attempt);
      continue;
    }
    if (!outcome || !has_ended(outcome->state)) {
      note_orphan(entry, attempt);
      continue;
    }
    audit_orphan(attempt.id, entry.record, "which was given up; it is stopped");
    stop_attempt(entry, attempt.id, {"takt-scheduler", "it was given up", {}});
  }
  look_up_strays(entry);
}

void Fleet::note_orphan(WorkerEntry& entry, const Attempt& attempt) {
  const auto found = entry.orphans.find(attempt.id.job_id);
  const bool known = found != entry.orphans.end();
  if (!known)
    audit_orphan(attempt.id, entry.record, "which is not on record here; it is left alone");
  if (!known && entry.orphans.size() >= limits::kOrphansMax) return;
  if (known && attempt.id < found->second.id) return;
  Attempt news = attempt;
  news.worker_id = entry.record.id;
  news.worker_name = entry.record.name;
  news.boot_id = entry.record.boot_id;
  entry.orphans[attempt.id.job_id] = std::move(news);
}

void Fleet::forget_orphan(WorkerEntry& entry, const AttemptId& id) {
  const auto found = entry.orphans.find(id.job_id);
  if (found != entry.orphans.end() && found->second.id == id) entry.orphans.erase(found);
}

std::vector<Attempt> Fleet::orphans_after(const Uuid& job, std::size_t most) const {
  std::vector<Attempt> all;
  for (const auto& [id, entry] : workers_)
    for (auto at = entry.orphans.upper_bound(job); at != entry.orphans.end(); ++at)
      all.push_back(at->second);
  std::sort(all.begin(), all.end(),
            [](const Attempt& left, const Attempt& right) { return left.id < right.id; });
  // Two workers may have one of the same job: a page never ends between them.
  while (all.size() > most && all[most].id.job_id == all[most - 1].id.job_id) ++most;
  all.resize(std::min(all.size(), most));
  return all;
}

Result<void> Fleet::stop_orphan(const Uuid& job, const StopRequest& request) {
  bool found = false;
  for (auto& [id, entry] : workers_) {
    const auto orphan = entry.orphans.find(job);
    if (orphan == entry.orphans.end() || !in_reach(entry)) continue;
    audit_orphan(orphan->second.id, entry.record, "which is stopped by " + request.by);
    stop_attempt(entry, orphan->second.id, request);
    found = true;
  }
  if (found) return {};
  return no_orphan(job);
}

}  // namespace takt::scheduler
