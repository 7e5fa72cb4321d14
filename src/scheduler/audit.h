// SPDX-License-Identifier: Apache-2.0
// Lines that an administrator may search for: each has a MESSAGE_ID and the ids that it is about.
#pragma once

#include <string>
#include <string_view>

#include "base/log.h"
#include "job/job.h"
#include "job/worker.h"

namespace takt::scheduler {

// Never change them: catalogs and scripts know them.
inline constexpr std::string_view kJobSubmittedId = "7a1c40e5d2f64d0bb0f3a1f2c9d83e01";
inline constexpr std::string_view kJobStopRequestedId = "7a1c40e5d2f64d0bb0f3a1f2c9d83e02";
inline constexpr std::string_view kJobEndedId = "7a1c40e5d2f64d0bb0f3a1f2c9d83e03";
inline constexpr std::string_view kJobPlacedId = "7a1c40e5d2f64d0bb0f3a1f2c9d83e04";
inline constexpr std::string_view kStartRefusedId = "7a1c40e5d2f64d0bb0f3a1f2c9d83e05";
inline constexpr std::string_view kOrphanId = "7a1c40e5d2f64d0bb0f3a1f2c9d83e06";
inline constexpr std::string_view kWorkerStateId = "7a1c40e5d2f64d0bb0f3a1f2c9d83e07";
inline constexpr std::string_view kWorkerRegisteredId = "7a1c40e5d2f64d0bb0f3a1f2c9d83e08";
inline constexpr std::string_view kStoreFailedId = "7a1c40e5d2f64d0bb0f3a1f2c9d83e09";
inline constexpr std::string_view kStoreReloadedId = "7a1c40e5d2f64d0bb0f3a1f2c9d83e0a";
inline constexpr std::string_view kJobFreezeRequestedId = "7a1c40e5d2f64d0bb0f3a1f2c9d83e0b";
inline constexpr std::string_view kJobWaitingChangedId = "7a1c40e5d2f64d0bb0f3a1f2c9d83e0c";
inline constexpr std::string_view kWorkerDrainId = "7a1c40e5d2f64d0bb0f3a1f2c9d83e0d";
inline constexpr std::string_view kJobRetriedId = "7a1c40e5d2f64d0bb0f3a1f2c9d83e0f";
inline constexpr std::string_view kWorkerForgottenId = "7a1c40e5d2f64d0bb0f3a1f2c9d83e0e";

void audit_submitted(const Job& job);
void audit_stop_requested(const Job& job, const StopRequest& request);
void audit_freeze_requested(const Job& job, const std::string& by, bool frozen);
// `what`: "is held", "has priority 3".
void audit_waiting_changed(const Job& job, const std::string& by, const std::string& what);
// Its last attempt has ended, and it waits again.
void audit_retried(const Job& job);
void audit_ended(const Job& job);
void audit_placed(const Job& job);
void audit_refused(const AttemptId& attempt, const WorkerRecord& worker, const std::string& why);
void audit_orphan(const AttemptId& attempt, const WorkerRecord& worker, const std::string& why);
// It is on record now.
void audit_adopted(const AttemptId& attempt, const WorkerRecord& worker, const std::string& by);
void audit_worker_state(const WorkerRecord& worker, const std::string& why);
void audit_registered(const WorkerRecord& worker);
// It takes no new jobs, or takes them again.
void audit_drain(const WorkerRecord& worker, const std::string& by, const std::string& reason);
void audit_forgotten(const WorkerRecord& worker, const std::string& by);
void audit_store_failed(const Error& error);
void audit_store_reloaded();

}  // namespace takt::scheduler
