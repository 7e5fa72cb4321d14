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

Result<Attempt> stored_attempt(const StateFolder& state, const AttemptId& id) {
  auto folder = state.open_attempt(id);
  if (!folder) return folder.error();
  auto acceptance = read_acceptance(folder->get());
  if (!acceptance) return acceptance.error();
  auto record = attempt::read_exit_record(folder->get());
  if (!record) return record.error();
  Attempt attempt = accepted_attempt(id, *acceptance);
  attempt.worker_id = state.worker_id();
  if (auto supervisor = attempt::read_supervisor_record(folder->get())) {
    attempt.cgroup = supervisor->cgroup_path;
    attempt.launcher = launcher_of(*supervisor);
    attempt.leader_pid = supervisor->leader_pid;
  }
  set_end(attempt, *record, acceptance->spec);
  return attempt;
}

}  // namespace takt::worker
