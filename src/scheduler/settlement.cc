// SPDX-License-Identifier: Apache-2.0
// What a session's beginning settles, and what its end leaves open.
#include <utility>
#include <vector>

#include "base/limits.h"
#include "scheduler/audit.h"
#include "scheduler/convert_worker.h"
#include "scheduler/fleet.h"

namespace takt::scheduler {

Result<void> Fleet::on_hello(WorkerEntry& entry, const v1::WorkerHello& hello) {
  WorkerRecord news = entry.record;
  if (auto taken = apply_hello(news, hello); !taken) return taken;
  entry.record = std::move(news);
  entry.listed.clear();
  entry.started.clear();
  entry.strays.clear();
  entry.orphans.clear();
  return {};
}

void Fleet::on_settled(WorkerEntry& entry) {
  entry.silence.reset();
  entry.loss.reset();
  entry.why_down.clear();
  if (entry.record.state == WorkerState::kReady) {
    parts_.ledger.record(entry.record);  // labels, capacity or boot may be new
  } else {
    set_state(entry, WorkerState::kReady, "its session is open");
  }
  parts_.dispatcher.readmit(entry.record.id);
  const std::vector<Uuid> jobs(entry.jobs.begin(), entry.jobs.end());
  for (const Uuid& job : jobs) settle(entry, job);
  entry.listed.clear();
  follow_fault(entry);
  refresh_offer(entry);
  send_drain(entry.record.id);
}

// One attempt that is alive as far as we know.
void Fleet::settle(WorkerEntry& entry, const Uuid& job) {
  LiveJob* live = parts_.jobs.find(job);
  const Attempt* attempt = live == nullptr ? nullptr : live->job.current_attempt();
  if (attempt == nullptr || has_ended(attempt->state)) return;
  if (entry.listed.contains(job)) {
    if (live->job.stop_requested) send_stop(*live, *live->job.stop_requested);
    return;
  }
  if (attempt->boot_id != entry.record.boot_id) {
    JobEnd end;
    end.cause = EndCause::kWorkerLost;
    end.detail = "the worker's host was rebooted";
    parts_.jobs.change(*live, Ended{std::move(end), std::nullopt});
    return;
  }
  // It never arrived. After the commit of the attempt, if that is under way still.
  parts_.ledger.after_commit([this, id = attempt->id](const Result<void>& committed) {
    if (committed) parts_.start(id);
  });
  if (live->job.stop_requested) {
    parts_.ledger.after_commit(
        [this, job, request = *live->job.stop_requested](const Result<void>& committed) {
          const LiveJob* still = parts_.jobs.find(job);
          if (committed && still != nullptr) send_stop(*still, request);
        });
  }
}

void Fleet::on_down(WorkerEntry& entry, const std::string& why) {
  fail_adoptions(entry, why);
  // Each reason once: it is dialled again and again. Of a worker that was there, a change of state
  // tells.
  if (entry.record.state != WorkerState::kReady && entry.why_down != why)
    audit_worker_state(entry.record, why);
  entry.why_down = why;
  if (entry.record.state == WorkerState::kReady && !entry.silence) expect_silence(entry);
  watch_losses(entry);
  refresh_offer(entry);
}

void Fleet::on_capacity(WorkerEntry& entry, const v1::Capacity& message) {
  auto capacity = capacity_from_proto(message);
  if (!capacity) {
    log_warning("worker " + entry.record.name +
                    " sent a capacity that is ignored: " + capacity.error().message,
                {{"TAKT_WORKER_ID", entry.record.id.str()}});
    return;
  }
  entry.record.capacity = std::move(*capacity);
  parts_.ledger.record(entry.record);
  parts_.dispatcher.readmit(entry.record.id);
  follow_fault(entry);
  refresh_offer(entry);
}

}  // namespace takt::scheduler
