// SPDX-License-Identifier: Apache-2.0
#include "scheduler/audit.h"

#include <utility>
#include <vector>

namespace takt::scheduler {
namespace {

using Fields = std::vector<LogField>;

Fields fields(std::string_view id) { return {message_id(id)}; }

Fields job_fields(std::string_view id, const Job& job) {
  Fields all = fields(id);
  all.push_back({"TAKT_JOB_ID", job.id.str()});
  all.push_back({"TAKT_SUBMITTED_BY", job.submitted_by});
  if (const Attempt* attempt = job.current_attempt()) {
    all.push_back({"TAKT_ATTEMPT", std::to_string(attempt->id.number)});
    all.push_back({"TAKT_WORKER_ID", attempt->worker_id.str()});
  }
  return all;
}

Fields attempt_fields(std::string_view id, const AttemptId& attempt, const WorkerRecord& worker) {
  Fields all = fields(id);
  all.push_back({"TAKT_JOB_ID", attempt.job_id.str()});
  all.push_back({"TAKT_ATTEMPT", std::to_string(attempt.number)});
  all.push_back({"TAKT_WORKER_ID", worker.id.str()});
  return all;
}

Fields worker_fields(std::string_view id, const WorkerRecord& worker) {
  Fields all = fields(id);
  all.push_back({"TAKT_WORKER_ID", worker.id.str()});
  all.push_back({"TAKT_WORKER_STATE", std::string(worker_state_name(shown_state(worker)))});
  return all;
}

std::string on_worker(const Attempt* attempt) {
  return attempt == nullptr ? "" : " on " + attempt->worker_name;
}

}  // namespace

void audit_submitted(const Job& job) {
  const std::string parts = job.parts == 0 ? "" : " with " + std::to_string(job.parts) + " parts";
  log_info("job " + job.id.str() + parts + " submitted by " + job.submitted_by,
           job_fields(kJobSubmittedId, job));
}

void audit_stop_requested(const Job& job, const StopRequest& request) {
  Fields all = job_fields(kJobStopRequestedId, job);
  all.push_back({"TAKT_STOPPED_BY", request.by});
  const std::string why = request.reason.empty() ? "" : ": " + request.reason;
  log_info("stop of job " + job.id.str() + " asked for by " + request.by + why, std::move(all));
}

void audit_freeze_requested(const Job& job, const std::string& by, bool frozen) {
  Fields all = job_fields(kJobFreezeRequestedId, job);
  all.push_back({"TAKT_REQUESTED_BY", by});
  log_info(std::string(frozen ? "pause" : "resumption") + " of job " + job.id.str() +
               " asked for by " + by,
           std::move(all));
}

void audit_waiting_changed(const Job& job, const std::string& by, const std::string& what) {
  Fields all = job_fields(kJobWaitingChangedId, job);
  all.push_back({"TAKT_REQUESTED_BY", by});
  log_info("job " + job.id.str() + " " + what + ", by " + by, std::move(all));
}

void audit_retried(const Job& job) {
  const Attempt* attempt = job.current_attempt();
  if (attempt == nullptr || !attempt->end) return;
  Fields all = job_fields(kJobRetriedId, job);
  all.push_back({"TAKT_END_CAUSE", std::string(cause_name(attempt->end->cause))});
  log_notice("attempt " + attempt->id.str() + on_worker(attempt) +
                 " failed: " + end_message(*attempt->end) + "; it is tried again",
             std::move(all));
}

void audit_ended(const Job& job) {
  if (!job.end) return;
  Fields all = job_fields(kJobEndedId, job);
  all.push_back({"TAKT_STATE", std::string(state_name(job.state))});
  all.push_back({"TAKT_END_CAUSE", std::string(cause_name(job.end->cause))});
  log_info("job " + job.id.str() + on_worker(job.current_attempt()) + " " +
               std::string(state_name(job.state)) + ": " + end_message(*job.end),
           std::move(all));
}

void audit_placed(const Job& job) {
  log_debug("job " + job.id.str() + " goes to" + on_worker(job.current_attempt()).substr(3),
            job_fields(kJobPlacedId, job));
}

void audit_refused(const AttemptId& attempt, const WorkerRecord& worker, const std::string& why) {
  log_notice("worker " + worker.name + " did not take " + attempt.str() + ": " + why,
             attempt_fields(kStartRefusedId, attempt, worker));
}

void audit_orphan(const AttemptId& attempt, const WorkerRecord& worker, const std::string& why) {
  log_warning("worker " + worker.name + " holds " + attempt.str() + ", " + why,
              attempt_fields(kOrphanId, attempt, worker));
}

void audit_adopted(const AttemptId& attempt, const WorkerRecord& worker, const std::string& by) {
  Fields all = attempt_fields(kOrphanId, attempt, worker);
  all.push_back({"TAKT_REQUESTED_BY", by});
  log_notice("attempt " + attempt.str() + ", which worker " + worker.name +
                 " holds, is taken into the record by " + by,
             std::move(all));
}

void audit_worker_state(const WorkerRecord& worker, const std::string& why) {
  const LogLevel level =
      worker.state == WorkerState::kUnreachable ? LogLevel::kWarning : LogLevel::kNotice;
  log(level,
      "worker " + worker.name + " is " + std::string(worker_state_name(worker.state)) + ": " + why,
      worker_fields(kWorkerStateId, worker));
}

void audit_registered(const WorkerRecord& worker) {
  log_notice("worker " + worker.name + " registered at " + worker.address,
             worker_fields(kWorkerRegisteredId, worker));
}

void audit_drain(const WorkerRecord& worker, const std::string& by, const std::string& reason) {
  Fields all = worker_fields(kWorkerDrainId, worker);
  all.push_back({"TAKT_REQUESTED_BY", by});
  log_notice("worker " + worker.name +
                 (worker.drain ? " takes no new jobs: drained by " : " takes jobs again: by ") +
                 by + (reason.empty() ? "" : ": " + reason),
             std::move(all));
}

void audit_forgotten(const WorkerRecord& worker, const std::string& by) {
  Fields all = worker_fields(kWorkerForgottenId, worker);
  all.push_back({"TAKT_REQUESTED_BY", by});
  log_notice("worker " + worker.name + " is forgotten, by " + by + "; its jobs ended as lost",
             std::move(all));
}

void audit_store_failed(const Error& error) {
  log_error(error.message + "; requests are refused until the store works again",
            fields(kStoreFailedId));
}

void audit_store_reloaded() {
  log_notice("the store works again; its state was loaded anew", fields(kStoreReloadedId));
}

}  // namespace takt::scheduler
