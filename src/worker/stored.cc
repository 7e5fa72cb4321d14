// SPDX-License-Identifier: Apache-2.0
#include "worker/stored.h"

#include "worker/end_mapping.h"

#include <algorithm>
#include <utility>

namespace takt::worker {
namespace {

Result<Attempt> attempt_in(const StateFolder& state, const AttemptId& id, int folder,
                           const Acceptance& acceptance) {
  const auto record = attempt::read_exit_record(folder);
  if (!record) return record.error();
  Attempt attempt = accepted_attempt(id, acceptance);
  attempt.worker_id = state.worker_id();
  if (auto supervisor = attempt::read_supervisor_record(folder)) {
    attempt.cgroup = supervisor->cgroup_path;
    attempt.launcher = launcher_of(*supervisor);
    attempt.leader_pid = supervisor->leader_pid;
  }
  set_end(attempt, *record, acceptance.spec);
  return attempt;
}

// Adds the size of the spec to `bytes`. Scripts and input are not kept in memory.
std::optional<HistoryEntry::Read> read_entry(const StateFolder& state, const AttemptId& id,
                                             std::size_t& bytes) {
  const auto folder = state.open_folder(id);
  if (!folder) return std::nullopt;
  auto acceptance = read_acceptance(folder->get());
  if (!acceptance) return std::nullopt;
  bytes += stored_bytes(acceptance->spec);
  auto attempt = attempt_in(state, id, folder->get(), *acceptance);
  if (!attempt) return std::nullopt;
  JobSpec rest;
  rest.readers = std::move(acceptance->spec.readers);
  acceptance->spec = std::move(rest);
  return HistoryEntry::Read{std::move(*attempt), std::move(*acceptance)};
}

}  // namespace

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
  return attempt_in(state, key.id, found->fd.get(), found->acceptance);
}

Result<HistoryPage> read_history_page(const StateFolder& state, const HistoryRange& range) {
  const auto& after = range.after;
  const std::size_t jobs_max = range.attempts_max + 1;  // one more shows that there are more
  auto jobs = state.jobs(after ? std::optional(after->job_id) : std::nullopt, jobs_max);
  if (!jobs) return jobs.error();
  const bool more = jobs->size() == jobs_max;
  if (after) jobs->insert(jobs->begin(), after->job_id);
  HistoryPage page;
  AttemptId last = after.value_or(AttemptId());
  std::size_t bytes = 0;
  for (const Uuid& job_id : *jobs) {
    for (const int number : state.attempts_of(job_id)) {
      const AttemptId id{job_id, number};
      if (after && id <= *after) continue;
      if (page.entries.size() == range.attempts_max || bytes > kHistoryPageBytes) {
        page.next_after = last;
        return page;
      }
      HistoryEntry entry{.id = id, .read = {}};
      if (!range.live.contains(id)) entry.read = read_entry(state, id, bytes);
      page.entries.push_back(std::move(entry));
      last = id;
    }
    last = std::max(last, AttemptId{job_id, 0});
  }
  if (more) page.next_after = last;
  return page;
}

}  // namespace takt::worker
