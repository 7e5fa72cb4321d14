// SPDX-License-Identifier: Apache-2.0
#include "worker/recovery.h"

#include <poll.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "attempt/folder.h"
#include "base/log.h"
#include "base/process.h"
#include "worker/damage.h"
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

// When a process of this boot started, by the wall clock.
WallTime start_time_of(std::uint64_t ticks) {
  const auto per_second = static_cast<std::uint64_t>(::sysconf(_SC_CLK_TCK));
  const auto rest = static_cast<std::int64_t>(ticks % per_second * 1'000'000'000 / per_second);
  const nanoseconds since_boot =
      seconds(static_cast<std::int64_t>(ticks / per_second)) + nanoseconds(rest);
  const auto age = BootClock::now().time_since_epoch() - since_boot;
  return wall_now() - std::chrono::duration_cast<microseconds>(age);
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
  take_back_readable();
  auto ids = core_.state.active();
  if (!ids) return ids.error();
  for (const AttemptId& id : *ids)
    if (auto recovered = recover(id); !recovered) return recovered.error().in(id.str());
  if (!ids->empty())
    log_notice("found " + std::to_string(ids->size()) + " attempts of an earlier run, " +
               std::to_string(core_.attempts.all().size()) + " of them to look after");
  return {};
}

// What a newer worker wrote, and an older one could not read, may be good again.
void Recovery::take_back_readable() {
  const auto ids = core_.state.damaged();
  if (!ids) return log_warning("damaged attempts cannot be listed: " + ids.error().message);
  for (const AttemptId& id : *ids) {
    const auto folder = core_.state.open_folder(id);
    if (!folder || !read_acceptance(folder->get())) continue;
    log_notice("attempt " + id.str() + " can be read again", {{"TAKT_JOB_ID", id.job_id.str()}});
    if (auto taken = core_.state.take_back(id); !taken)
      log_error("attempt " + id.str() + ": " + taken.error().message);
  }
}

Result<void> Recovery::recover(const AttemptId& id) {
  auto folder = core_.state.open_folder(id);
  if (!folder) {
    if (folder.error().code != ErrorCode::kNotFound) return set_aside(id, folder.error());
    discard(id);
    return {};
  }
  auto acceptance = read_acceptance(folder->get());
  if (!acceptance) {
    const bool fresh = acceptance.error().error_number == ENOENT && !core_.state.may_have_run(id);
    if (!fresh) return set_aside(id, acceptance.error());
    discard(id);
    return {};
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
  auto end = attempt::read_exit_record(live->folder.get());
  if (!end && end.error().code != ErrorCode::kNotFound) {
    if (!is_damage(end.error())) return end.error();
    set_file_aside(core_, *live, attempt::kExitFile, end.error());
  }
  auto supervisor = find_supervisor(live);
  const bool none = !supervisor && supervisor.error().code == ErrorCode::kNotFound;
  if (!supervisor && !none) return supervisor.error();
  if (none && !end && live->damage.empty() && same_boot) {
    discard(id);
    return {};
  }
  core_.attempts.add(live);
  if (supervisor) take_cgroup(live, *supervisor);
  if (end) {
    // The sync of this file may have been refused (see Ending::write_end). Without space for a new
    // one, it has to do.
    if (auto written = attempt::write_record(live->folder.get(), *end); !written)
      log_warning("attempt " + id.str() + ": " + written.error().message);
    ending_.without_process(live);
  } else {
    settle(live, supervisor ? *supervisor : attempt::SupervisorRecord());
  }
  return {};
}

// The record, or what can be said without it.
Result<attempt::SupervisorRecord> Recovery::find_supervisor(const LivePtr& live) {
  auto record = attempt::read_supervisor_record(live->folder.get());
  if (record) return record;
  if (record.error().code == ErrorCode::kNotFound) {
    const bool same_boot = live->acceptance.boot_id == boot_id();
    if (!same_boot || !core_.state.may_have_run(live->record.id)) return record;
  } else if (!is_damage(record.error())) {
    return record;
  }
  note_damage(*live, attempt::kSupervisorFile, record.error());
  if (live->acceptance.boot_id != boot_id()) return attempt::SupervisorRecord();
  return supervisor_by_cgroup(*live);
}

// The cgroup has the attempt's name; in its leaf supervisor/ is nobody but the supervisor, which
// was made there in the moment before `go`.
attempt::SupervisorRecord Recovery::supervisor_by_cgroup(const LiveAttempt& live) const {
  attempt::SupervisorRecord record;
  for (const Launcher which : {Launcher::kCgroup, Launcher::kScope}) {
    const AttemptLauncher* launcher = core_.launcher(which);
    const auto base = launcher == nullptr ? Result<cgroup::Cgroup>(cgroup::Cgroup())
                                          : launcher->find(live.record.id);
    const auto inode = base ? base->inode() : Result<std::uint64_t>(base.error());
    if (!inode) continue;
    record.boot_id = boot_id();
    record.launcher =
        which == Launcher::kCgroup ? attempt::Launcher::kCgroup : attempt::Launcher::kScope;
    record.cgroup_path = base->path();
    record.cgroup_inode = *inode;
    const auto leaf = base->open_child(attempt::kSupervisorLeaf);
    const auto pids = leaf ? leaf->processes() : Result<std::vector<pid_t>>(leaf.error());
    if (!pids || pids->size() != 1) return record;
    const auto ticks = process_start_ticks(pids->front());
    if (!ticks) return record;
    record.pid = pids->front();
    record.start_ticks = *ticks;
    record.go_time = start_time_of(*ticks);
    return record;
  }
  return record;
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
    core_.attempts.remove(*live);
    return discard(live->record.id);
  }
  if (!same_boot) {
    LostAttempt lost{.supervisor = supervisor, .stop = std::nullopt, .same_boot = false};
    if (auto stop = attempt::read_stop_record(live->folder.get())) lost.stop = std::move(*stop);
    live->end_record = lost_record(lost, live->acceptance.spec, wall_now());
    if (live->end_record->note.empty()) live->end_record->note = live->damage;
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
  resume_stop(live);
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

// A stop that was asked for, whatever became of its record.
void Recovery::resume_stop(const LivePtr& live) {
  auto stop = attempt::read_stop_record(live->folder.get());
  if (!stop && stop.error().code == ErrorCode::kNotFound) return;
  if (!stop) note_damage(*live, attempt::kStopFile, stop.error());
  stopping_.resume(live, stop ? *stop : attempt::StopRecord());
}

void Recovery::discard(const AttemptId& id) {
  log_info("attempt " + id.str() + " never ran; it is forgotten here");
  if (auto removed = core_.state.discard_attempt(id); !removed)
    log_error("attempt " + id.str() + ": " + removed.error().message);
}

Result<void> Recovery::set_aside(const AttemptId& id, const Error& error) {
  if (!is_damage(error)) return error;
  set_attempt_aside(core_, id, error);
  return {};
}

}  // namespace takt::worker
