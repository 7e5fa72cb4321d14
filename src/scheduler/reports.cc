// SPDX-License-Identifier: Apache-2.0
// What workers say of attempts. An end is acknowledged once it is on disk, and again each time that
// it comes again, for as long as anybody may have missed it.
#include <algorithm>
#include <utility>

#include "base/limits.h"
#include "base/utf8.h"
#include "job/offer.h"
#include "rpc/convert.h"
#include "rpc/status.h"
#include "scheduler/audit.h"
#include "scheduler/fleet.h"

namespace takt::scheduler {
namespace {

constexpr auto kRefusedPause = limits::kHeartbeat;  // where the worker says no time

// Whether the job may have been sent there. No other worker is believed: once the attempt is on
// record it would be sent the spec, by listing the attempt no more.
bool may_have(const WorkerRecord& worker, const LiveJob& live) {
  return constraints_hold(live.demand().constraints, effective_labels(worker));
}

}  // namespace

void Fleet::on_report(WorkerEntry& entry, const v1::AttemptReport& report) {
  auto attempt = rpc::attempt_from_proto(report.attempt());
  if (!attempt) {
    log_warning("worker " + entry.record.name +
                    " sent a report that is ignored: " + attempt.error().message,
                {{"TAKT_WORKER_ID", entry.record.id.str()}});
    return;
  }
  LiveJob* live = parts_.jobs.find(attempt->id.job_id);
  const Attempt* current = live == nullptr ? nullptr : live->job.current_attempt();
  const bool ours =
      current != nullptr && current->id == attempt->id && current->worker_id == entry.record.id;
  if (!ours) return on_stray(entry, *attempt);
  entry.listed.insert(attempt->id.job_id);
  if (has_ended(current->state) && !attempt->end) {
    audit_orphan(attempt->id, entry.record, "which was given up; it is stopped");
    return stop_attempt(entry, attempt->id, {"takt-scheduler", "it was given up", {}});
  }
  parts_.jobs.change(*live, Reported{*attempt});
  parts_.on_report(*live);
  if (attempt->end) acknowledge(entry.record.id, attempt->id);
}

// An attempt that is not the one that the job has on this worker now.
void Fleet::on_stray(WorkerEntry& entry, const Attempt& attempt) {
  // Known to have ended, superseded, or purged: the end is in nobody's way any more.
  if (attempt.end) {
    entry.strays.erase(attempt.id);
    forget_orphan(entry, attempt.id);
    return acknowledge(entry.record.id, attempt.id);
  }
  LiveJob* live = parts_.jobs.find(attempt.id.job_id);
  const Attempt* current = live == nullptr ? nullptr : live->job.current_attempt();
  if (current != nullptr && current->id.number > attempt.id.number) {
    audit_orphan(attempt.id, entry.record, "which a later attempt has replaced; it is stopped");
    stop_attempt(entry, attempt.id, {"takt-scheduler", "a later attempt took its place", {}});
    return;
  }
  if (live == nullptr) return look_up(entry, attempt);
  if (!may_have(entry.record, *live) || !adopt(entry, *live, attempt))
    return note_orphan(entry, attempt);
  audit_orphan(attempt.id, entry.record, "whose job waits on record here; it is adopted");
}

// Better than to run the job a second time.
bool Fleet::adopt(WorkerEntry& entry, LiveJob& live, Attempt attempt) {
  attempt.worker_id = entry.record.id;
  attempt.worker_name = entry.record.name;
  attempt.boot_id = entry.record.boot_id;
  if (!parts_.jobs.change(live, Adopted{std::move(attempt)})) return false;
  entry.listed.insert(live.job.id);
  return true;
}

void Fleet::on_refused(WorkerEntry& entry, const v1::StartRefused& refused) {
  const auto job = Uuid::parse(refused.job_id(), "refused.job_id");
  if (job) forget_orphan(entry, {*job, refused.attempt()});
  LiveJob* live = job ? parts_.jobs.find(*job) : nullptr;
  const Attempt* current = live == nullptr ? nullptr : live->job.current_attempt();
  if (current == nullptr || current->worker_id != entry.record.id) return;
  const AttemptId id{*job, refused.attempt()};
  std::string why = clean_text(refused.message(), limits::kReasonMaxBytes);
  if (!parts_.jobs.change(*live,
                          StartRefused{refused.attempt(), std::move(why),
                                       clean_text(refused.failed_step(), limits::kNameMaxBytes)}))
    return;
  audit_refused(id, entry.record, refused.message());
  if (live->job.state != JobState::kQueued) return;  // it has come back too often
  nanoseconds pause = kRefusedPause;
  if (refused.has_retry_time()) {
    pause = std::clamp<nanoseconds>(
        time_between(wall_now(), rpc::time_from_proto(refused.retry_time())), limits::kReconnectMin,
        limits::kLostAfter);
  }
  parts_.dispatcher.exclude(entry.record.id, *live->ticket.line(), BootClock::now() + pause);
  // A stop that came meanwhile finds nothing to stop any more.
  if (live->job.stop_requested) parts_.jobs.change(*live, StopRequested{*live->job.stop_requested});
}

void Fleet::acknowledge(const Uuid& worker, const AttemptId& attempt) {
  parts_.ledger.after_commit([this, worker, attempt](const Result<void>& committed) {
    const auto found = workers_.find(worker);
    if (!committed || found == workers_.end() || found->second.session == nullptr) return;
    v1::SessionRequest message;
    message.mutable_acknowledge()->set_job_id(attempt.job_id.str());
    message.mutable_acknowledge()->set_attempt(attempt.number);
    found->second.session->send(std::move(message));
  });
}

void Fleet::stop_attempt(WorkerEntry& entry, const AttemptId& attempt, const StopRequest& request) {
  if (entry.session == nullptr) return;
  v1::SessionRequest message;
  v1::StopCommand* stop = message.mutable_stop();
  stop->set_job_id(attempt.job_id.str());
  stop->set_attempt(attempt.number);
  stop->set_stopped_by(clean_text(request.by));
  stop->set_reason(clean_text(request.reason));
  if (request.grace) *stop->mutable_grace() = rpc::duration_to_proto(*request.grace);
  entry.session->send(std::move(message));
}

}  // namespace takt::scheduler
