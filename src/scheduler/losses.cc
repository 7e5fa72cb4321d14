// SPDX-License-Identifier: Apache-2.0
// When a worker is LOST, and when the jobs with a lease that were on it are given up. Guarantees: a
// job is given up only when its supervisor must have ended it, which does so by the last sign of
// life that its worker had of us, whatever became of the worker; a job without a lease never is.
#include <algorithm>
#include <utility>
#include <vector>

#include "base/limits.h"
#include "base/units.h"
#include "scheduler/audit.h"
#include "scheduler/fleet.h"

namespace takt::scheduler {
namespace {

// Two hosts' clocks may run at rates that differ by a hundredth.
microseconds by_any_clock(microseconds span) { return span + span / 50 + limits::kLeaseSlack; }

}  // namespace

// Nothing that it has heard of us is younger.
BootTime Fleet::last_contact(const WorkerEntry& entry) const {
  return entry.session == nullptr ? entry.last_beat
                                  : std::max(entry.last_beat, entry.session->last_beat());
}

std::optional<BootTime> Fleet::lease_over(const WorkerEntry& entry, const Uuid& job) const {
  const LiveJob* live = parts_.jobs.find(job);
  if (live == nullptr || !live->lease) return std::nullopt;
  microseconds span = *live->lease;
  // Who is being stopped with a longer grace than its own has that, too.
  if (const auto& stop = live->job.stop_requested; stop && stop->grace)
    span = std::max(span, *stop->grace + microseconds(limits::kBackstop));
  return last_contact(entry) + by_any_clock(span);
}

// Arms the timer for what comes next, or for nothing while the worker is there.
void Fleet::watch_losses(WorkerEntry& entry) {
  entry.loss.reset();
  if (entry.record.state == WorkerState::kReady) return;
  std::optional<BootTime> next;
  if (entry.record.state == WorkerState::kUnreachable)
    next = last_contact(entry) + options_.lost_after;
  for (const Uuid& job : entry.jobs)
    if (const auto over = lease_over(entry, job); over && (!next || *over < *next)) next = over;
  if (!next) return;
  entry.loss = parts_.loop.add_timer(*next, [this, id = entry.record.id] {
    const auto found = workers_.find(id);
    if (found != workers_.end()) on_loss_timer(found->second);
  });
}

void Fleet::on_loss_timer(WorkerEntry& entry) {
  const BootTime now = BootClock::now();
  if (entry.record.state == WorkerState::kUnreachable &&
      now >= last_contact(entry) + options_.lost_after)
    set_state(entry, WorkerState::kLost,
              "no contact for " + format_duration(options_.lost_after) + "; " + entry.why_down);
  const std::vector<Uuid> jobs(entry.jobs.begin(), entry.jobs.end());
  for (const Uuid& job : jobs) {
    const auto over = lease_over(entry, job);
    if (!over || *over > now) continue;
    JobEnd end;
    end.cause = EndCause::kWorkerLost;
    end.detail = "no contact with " + entry.record.name + " for longer than the job's lease";
    parts_.jobs.change(*parts_.jobs.find(job), Ended{std::move(end), std::nullopt});
  }
  watch_losses(entry);
}

// Ends an attempt whose worker is given up. One with a lease may run until then, so it is not tried
// again sooner.
void Fleet::lose(LiveJob& live, JobEnd end, BootTime until) {
  Ended event{std::move(end), std::nullopt};
  if (live.lease && until > BootClock::now())
    event.lost_until =
        wall_now() + std::chrono::duration_cast<microseconds>(until - BootClock::now());
  parts_.jobs.change(live, event);
}

}  // namespace takt::scheduler
