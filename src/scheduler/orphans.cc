// SPDX-License-Identifier: Apache-2.0
// Attempts of this scheduler that are not on record here. Guarantees: nothing but an operator ends
// one; what is known is what a worker in reach said last.
#include <algorithm>
#include <utility>

#include "base/limits.h"
#include "scheduler/audit.h"
#include "scheduler/fleet.h"

namespace takt::scheduler {

void Fleet::note_orphan(WorkerEntry& entry, const Attempt& attempt) {
  const auto found = entry.orphans.find(attempt.id.job_id);
  const bool known = found != entry.orphans.end();
  if (!known)
    audit_orphan(attempt.id, entry.record, "which is not on record here; it is left alone");
  if (!known && entry.orphans.size() >= limits::kOrphansMax) return;
  Attempt news = attempt;
  news.worker_id = entry.record.id;
  news.worker_name = entry.record.name;
  news.boot_id = entry.record.boot_id;
  entry.orphans[attempt.id.job_id] = std::move(news);
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
    if (orphan == entry.orphans.end() || entry.session == nullptr) continue;
    audit_orphan(orphan->second.id, entry.record, "which is stopped by " + request.by);
    stop_attempt(entry, orphan->second.id, request);
    found = true;
  }
  if (found) return {};
  return Error{ErrorCode::kNotFound,
               "no worker in reach has an orphan of job " + job.str() + "; see takt orphans",
               "job_id", 0};
}

}  // namespace takt::scheduler
