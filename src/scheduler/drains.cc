// SPDX-License-Identifier: Apache-2.0
// What operators do to workers: drain, undrain, forget.
#include <algorithm>
#include <utility>
#include <vector>

#include "base/limits.h"
#include "base/utf8.h"
#include "rpc/convert.h"
#include "scheduler/audit.h"
#include "scheduler/fleet.h"

namespace takt::scheduler {

Result<Uuid> Fleet::resolve(const std::string& key) const {
  if (key.empty()) return invalid("worker_id", "is empty; give a worker's UUID or its name");
  if (const auto id = Uuid::parse(key); id && workers_.contains(*id)) return *id;
  std::vector<Uuid> named;
  for (const auto& [id, entry] : workers_)
    if (entry.record.name == key) named.push_back(id);
  if (named.size() == 1) return named.front();
  if (named.empty())
    return Error{ErrorCode::kNotFound, "no worker has the id or name \"" + key + "\"", "worker_id",
                 0};
  std::string text;
  std::sort(named.begin(), named.end());
  for (std::size_t at = 0; at < std::min(named.size(), limits::kCandidatesListed); ++at)
    text += (at == 0 ? "" : ", ") + named[at].str();
  return Error{ErrorCode::kFailedPrecondition,
               "several workers have the name \"" + key + "\": " + text + "; give the id",
               "worker_id", 0};
}

void Fleet::drain(const Uuid& id, const Drain& drain) {
  WorkerEntry& entry = workers_.at(id);
  Drain news = drain;
  if (entry.record.drain) news.start_time = entry.record.drain->start_time;
  entry.record.drain = std::move(news);
  parts_.ledger.record(entry.record);
  parts_.ledger.after_commit([record = entry.record](const Result<void>& committed) {
    if (committed) audit_drain(record, record.drain->by, record.drain->reason);
  });
  await_deadline(entry);
  refresh_offer(entry);
  send_drain(id);
}

Result<void> Fleet::undrain(const Uuid& id, const std::string& by) {
  WorkerEntry& entry = workers_.at(id);
  if (!entry.record.drain) return {};
  const std::string& fault = entry.record.capacity.fault;
  if (entry.record.drain->by == kDrainedItself && !fault.empty())
    return make_error(ErrorCode::kFailedPrecondition,
                      "worker " + entry.record.name + " has drained itself: " + fault +
                          "; it tries one job now and then, and takes jobs again once one runs; to "
                          "have it try now, fix the cause and restart takt-worker on its host");
  end_drain(entry, by);
  follow_fault(entry);
  return {};
}

void Fleet::end_drain(WorkerEntry& entry, const std::string& by) {
  entry.record.drain.reset();
  entry.drain_end.reset();
  parts_.ledger.record(entry.record);
  parts_.ledger.after_commit([record = entry.record, by](const Result<void>& committed) {
    if (committed) audit_drain(record, by, "");
  });
  refresh_offer(entry);
  send_drain(entry.record.id);
}

// A worker whose host fails to start jobs is drained by itself, unless an operator has drained it.
void Fleet::follow_fault(WorkerEntry& entry) {
  const std::string& fault = entry.record.capacity.fault;
  const auto& now = entry.record.drain;
  const bool own = now && now->by == kDrainedItself;
  if (fault.empty()) {
    if (own) end_drain(entry, std::string(kDrainedItself));
  } else if (!now || (own && now->reason != fault)) {
    drain(entry.record.id, {std::string(kDrainedItself), fault, wall_now(), {}});
  }
}

// The worker refuses direct starts meanwhile. What it misses, the next session begins with.
void Fleet::send_drain(const Uuid& id) {
  parts_.ledger.after_commit([this, id](const Result<void>& committed) {
    const auto found = workers_.find(id);
    if (!committed || found == workers_.end() || !in_reach(found->second)) return;
    v1::SessionRequest message;
    v1::DrainCommand* command = message.mutable_drain();
    if (const auto& drain = found->second.record.drain) {
      command->mutable_drain()->set_requested_by(clean_text(drain->by));
      command->mutable_drain()->set_reason(clean_text(drain->reason));
      *command->mutable_drain()->mutable_start_time() = rpc::time_to_proto(drain->start_time);
    }
    found->second.session->send(std::move(message));
  });
}

// The wall clock may be set, so it is looked at now and then.
void Fleet::await_deadline(WorkerEntry& entry) {
  entry.drain_end.reset();
  if (!entry.record.drain || !entry.record.drain->deadline) return;
  const auto ahead = std::clamp(time_between(wall_now(), *entry.record.drain->deadline),
                                nanoseconds(0), nanoseconds(limits::kWallClockLook));
  entry.drain_end = parts_.loop.add_timer(ahead, [this, id = entry.record.id] {
    const auto found = workers_.find(id);
    if (found != workers_.end()) on_drain_timer(found->second);
  });
}

// Stops what is still there after the deadline. Once: a job that somebody has asked to stop has its
// own grace.
void Fleet::on_drain_timer(WorkerEntry& entry) {
  if (*entry.record.drain->deadline > wall_now()) return await_deadline(entry);
  const StopRequest request{
      entry.record.drain->by,
      "worker " + entry.record.name + " is drained" +
          (entry.record.drain->reason.empty() ? "" : ": " + entry.record.drain->reason),
      {},
      entry.record.drain->requeue};
  const std::vector<Uuid> jobs(entry.jobs.begin(), entry.jobs.end());
  for (const Uuid& job : jobs) {
    LiveJob* const live = parts_.jobs.find(job);
    if (live == nullptr || live->job.stop_requested) continue;
    parts_.jobs.change(*live, StopRequested{request});
    parts_.ledger.after_commit([this, job, request](const Result<void>& committed) {
      const LiveJob* still = parts_.jobs.find(job);
      if (!committed || still == nullptr) return;
      audit_stop_requested(still->job, request);
      send_stop(*still, request);
    });
  }
}

Result<void> Fleet::forget(const Uuid& id, const std::string& by) {
  WorkerEntry& entry = workers_.at(id);
  if (entry.record.state == WorkerState::kReady)
    return make_error(ErrorCode::kFailedPrecondition,
                      "worker " + entry.record.name +
                          " is in reach; stop it first (systemctl stop takt-worker, on its host), "
                          "or drain it");
  JobEnd end;
  end.cause = EndCause::kWorkerLost;
  end.detail = "the worker was forgotten by " + by;
  const std::vector<Uuid> jobs(entry.jobs.begin(), entry.jobs.end());
  for (const Uuid& job : jobs)
    if (LiveJob* const live = parts_.jobs.find(job))
      lose(*live, end, lease_over(entry, job).value_or(BootTime::min()));
  WorkerRecord record = entry.record;
  parts_.dispatcher.placer().remove(id);
  fail_adoptions(entry, "it was forgotten");
  workers_.erase(id);
  parts_.ledger.record_forgotten(record);
  parts_.ledger.after_commit([record = std::move(record), by](const Result<void>& committed) {
    if (committed) audit_forgotten(record, by);
  });
  return {};
}

}  // namespace takt::scheduler
