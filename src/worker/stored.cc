// SPDX-License-Identifier: Apache-2.0
#include "worker/stored.h"

#include "worker/end_mapping.h"

namespace takt::worker {

Attempt accepted_attempt(const AttemptId& id, const Acceptance& acceptance) {
  Attempt attempt;
  attempt.id = id;
  attempt.state = JobState::kStarting;
  attempt.boot_id = acceptance.boot_id;
  attempt.unit = attempt::unit_name(name_of(id));
  attempt.user = acceptance.user;
  attempt.launcher = acceptance.spec.launcher;
  return attempt;
}

Launcher launcher_of(const attempt::SupervisorRecord& supervisor) {
  return supervisor.launcher == attempt::Launcher::kCgroup ? Launcher::kCgroup : Launcher::kScope;
}

Result<Attempt> stored_attempt(const StateFolder& state, const AttemptKey& key) {
  const auto found = state.open_attempt(key);
  if (!found) return found.error();
  const int folder = found->fd.get();
  const auto record = attempt::read_exit_record(folder);
  if (!record) return record.error();
  Attempt attempt = accepted_attempt(key.id, found->acceptance);
  attempt.worker_id = state.worker_id();
  if (auto supervisor = attempt::read_supervisor_record(folder)) {
    attempt.cgroup = supervisor->cgroup_path;
    attempt.launcher = launcher_of(*supervisor);
    attempt.leader_pid = supervisor->leader_pid;
  }
  set_end(attempt, *record, found->acceptance.spec);
  return attempt;
}

}  // namespace takt::worker
