// SPDX-License-Identifier: Apache-2.0
#include "worker/recovery.h"

#include <poll.h>
#include <sys/inotify.h>

#include "attempt/folder.h"
#include "base/log.h"
#include "base/process.h"
#include "worker/end_mapping.h"
#include "worker/stored.h"

namespace takt::worker {
namespace {

// A parked supervisor whose worker has gone ends at once; this bounds the wait for one that cannot.
constexpr int kSettleTries = 100;
constexpr int kSettleStepMs = 50;

// Whether the supervisor of the record is alive; its pidfd goes to `pidfd`.
bool open_supervisor(const attempt::SupervisorRecord& supervisor, UniqueFd& pidfd) {
  if (supervisor.boot_id != boot_id()) return false;
  auto opened = open_pidfd(supervisor.pid);
  if (!opened) return false;
  // After the pidfd is open, so that both speak of the same process.
  const auto ticks = process_start_ticks(supervisor.pid);
  if (!ticks || *ticks != supervisor.start_ticks || pidfd_ended(opened->get())) return false;
  pidfd = std::move(*opened);
  return true;
}

// Until it is known whether `go` arrived: the line is there, or the supervisor is gone. Such an
// attempt was caught in the moment of its start, and is settled within milliseconds.
void await_go(const LiveAttempt& live, attempt::SupervisorRecord& supervisor) {
  UniqueFd pidfd;
  if (supervisor.go_time || !open_supervisor(supervisor, pidfd)) return;
  for (int i = 0; i < kSettleTries && !supervisor.go_time; ++i) {
    pollfd watched{.fd = pidfd.get(), .events = POLLIN, .revents = 0};
    const bool gone = ::poll(&watched, 1, kSettleStepMs) > 0;
    if (auto again = attempt::read_supervisor_record(live.folder.get())) supervisor = *again;
    if (gone) return;
  }
}

}  // namespace

Result<void> Recovery::run() {
  auto ids = core_.state.active();
  if (!ids) return ids.error();
  for (const AttemptId& id : *ids) recover(id);
  if (!ids->empty())
    log_notice("found " + std::to_string(ids->size()) + " attempts of an earlier run, " +
               std::to_string(core_.attempts.all().size()) + " of them to look after");
  return {};
}

void Recovery::recover(const AttemptId& id) {
  auto folder = core_.state.open_attempt(id);
  if (!folder) {
    if (folder.error().code == ErrorCode::kNotFound) return discard(id);
    return set_aside(id, folder.error());
  }
  auto acceptance = read_acceptance(folder->get());
  if (!acceptance) {
    const bool fresh = acceptance.error().error_number == ENOENT;
    return fresh ? discard(id) : set_aside(id, acceptance.error());
  }
  const bool same_boot = acceptance->boot_id == boot_id();
  auto live = std::make_shared<LiveAttempt>();
  live->record = accepted_attempt(id, *acceptance);
  live->record.worker_id = core_.state.worker_id();
  live->record.worker_name = core_.config.name;
  live->acceptance = std::move(*acceptance);
  live->folder = std::move(*folder);
  live->output = std::make_shared<OutputGate>();
  live->step = Step::kGo;
  auto supervisor = attempt::read_supervisor_record(live->folder.get());
  auto end = attempt::read_exit_record(live->folder.get());
  if (!supervisor && supervisor.error().code == ErrorCode::kNotFound && !end && same_boot)
    return discard(id);
  core_.attempts.add(live);
  if (supervisor) take_cgroup(live, *supervisor);
  if (end) return ending_.without_process(live);
  settle(live, supervisor ? *supervisor : attempt::SupervisorRecord());
}

void Recovery::settle(const LivePtr& live, const attempt::SupervisorRecord& found) {
  attempt::SupervisorRecord supervisor = found;
  const bool same_boot = live->acceptance.boot_id == boot_id();
  await_go(*live, supervisor);
  live->record.start_time = supervisor.go_time;
  live->record.leader_pid = supervisor.leader_pid;
  live->record.state = JobState::kRunning;
  if (same_boot && adopt(live, supervisor)) return;
  if (attempt::read_exit_record(live->folder.get())) return ending_.without_process(live);
  if (same_boot && supervisor.pid != 0 && !supervisor.go_time) {
    if (AttemptLauncher* launcher = core_.launcher(live->record.launcher)) launcher->release(*live);
    core_.attempts.remove(live->record.id);
    return discard(live->record.id);
  }
  if (!same_boot) {
    LostAttempt lost{.supervisor = supervisor, .stop = std::nullopt, .same_boot = false};
    if (auto stop = attempt::read_stop_record(live->folder.get())) lost.stop = std::move(*stop);
    return end_as(live, lost_record(lost, live->acceptance.spec, wall_now()));
  }
  ending_.without_process(live);
}

// The attempt's cgroup, if it is there still, so that it can be emptied, and given back at the end.
void Recovery::take_cgroup(const LivePtr& live, const attempt::SupervisorRecord& supervisor) {
  live->record.cgroup = supervisor.cgroup_path;
  live->record.launcher = launcher_of(supervisor);
  live->record.leader_pid = supervisor.leader_pid;
  auto tree = cgroup::Tree::find();
  if (!tree || supervisor.boot_id != boot_id()) return;
  auto base = cgroup::Cgroup::open(*tree, supervisor.cgroup_path);
  const auto inode = base ? base->inode() : Result<std::uint64_t>(base.error());
  if (!inode || *inode != supervisor.cgroup_inode) return;
  live->base = std::move(*base);
  AttemptLauncher* launcher = core_.launcher(live->record.launcher);
  if (launcher != nullptr) launcher->adopt(*live);
}

bool Recovery::adopt(const LivePtr& live, const attempt::SupervisorRecord& supervisor) {
  UniqueFd pidfd;
  if (!live->base || !live->base.contains(supervisor.pid)) return false;
  if (!open_supervisor(supervisor, pidfd)) return false;
  live->pid = supervisor.pid;
  live->pidfd = std::move(pidfd);
  ending_.watch_supervisor(live);
  watch_leader(live);
  if (supervisor.leader_status || supervisor.ending_cause) ending_.leader_ended(live);
  pausing_.adopt(live);
  stopping_.watch_time_limit(live);
  if (auto stop = attempt::read_stop_record(live->folder.get())) stopping_.resume(live, *stop);
  log_info("job " + live->record.id.str() + " runs on: adopted", fields_of(*live));
  return true;
}

// The control socket went with the earlier worker; the record says when the leader has ended.
void Recovery::watch_leader(const LivePtr& live) {
  const std::string path = core_.state.file_path(live->record.id, attempt::kSupervisorFile);
  auto watch =
      core_.inotify.watch(path, IN_MODIFY, [this, weak = std::weak_ptr(live)](std::uint32_t) {
        const LivePtr found = weak.lock();
        if (!found) return;
        auto record = attempt::read_supervisor_record(found->folder.get());
        if (!record) return;
        found->record.leader_pid = record->leader_pid;
        if (record->leader_status || record->ending_cause) ending_.leader_ended(found);
      });
  if (!watch) return log_warning("inotify: " + watch.error().message + "; endings show late");
  live->leader_watch = std::move(*watch);
}

void Recovery::end_as(const LivePtr& live, attempt::ExitRecord record) {
  live->own_end = std::move(record);
  ending_.without_process(live);
}

void Recovery::discard(const AttemptId& id) {
  log_info("attempt " + id.str() + " never ran; it is forgotten here");
  if (auto removed = core_.state.discard_attempt(id); !removed)
    log_error("attempt " + id.str() + ": " + removed.error().message);
}

void Recovery::set_aside(const AttemptId& id, const Error& error) {
  log_error("attempt " + id.str() + " cannot be read and is set aside: " + error.message,
            {{"TAKT_JOB_ID", id.job_id.str()}});
  if (auto forgotten = core_.state.forget_active(id); !forgotten)
    log_error("attempt " + id.str() + ": " + forgotten.error().message);
}

}  // namespace takt::worker
