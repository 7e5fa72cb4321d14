// SPDX-License-Identifier: Apache-2.0
// What this worker allows, whoever asks. Pure: configuration and request in, verdict out.
#pragma once

#include <string>

#include "base/result.h"
#include "config/worker_config.h"
#include "job/spec.h"
#include "rpc/caller.h"
#include "worker/user_lookup.h"

namespace takt::worker {

// Whether the caller may start jobs here without a scheduler (key direct in [access]).
// kPermissionDenied, naming the key. The original design's conductor, which has a section of its
// own ([compat]), always may.
Result<void> may_start_directly(const rpc::Caller& caller, const config::WorkerConfig& config);

// THE decision on whom an attempt runs as: the user that was asked for; else the caller's own over
// the unix socket (root's own is the default user: nothing runs as root by accident); else, for
// callers over TCP and schedulers, the default user. kPermissionDenied, naming "spec.user", if the
// caller may not ask for that user, has no name to run as, or the configuration forbids it.
Result<std::string> decide_run_as(const rpc::Caller& caller, const JobSpec& spec,
                                  const config::WorkerConfig& config);

// Whether the configuration lets this identity run jobs. Root, by any name, needs allow_root; every
// other uid below limits::kSystemUidsBelow, but the default user's, has to be named in full in
// users.
Result<void> check_identity(const UserIdentity& identity, const config::WorkerConfig& config);

// Whether the spec asks for nothing that the configuration forbids; names the field.
Result<void> check_spec(const JobSpec& spec, const config::WorkerConfig& config);

// Whether the caller may ask for all that the spec asks for; names the field.
Result<void> check_rights(const rpc::Caller& caller, const JobSpec& spec);

// The most processes of a job: as configured, else limits::kTasksDefault.
std::int64_t most_tasks(const config::WorkerConfig& config);

// Gives a spec that check_spec has passed the configuration's limits where it asks for none. Where
// `tasks_limited` is false (no pids controller), it gets no limit of processes that is not
// configured.
void give_limits(JobSpec& spec, const config::WorkerConfig& config, bool tasks_limited);

}  // namespace takt::worker
