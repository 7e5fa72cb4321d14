// SPDX-License-Identifier: Apache-2.0
#include "worker/launch.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "attempt/folder.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/process.h"
#include "base/units.h"
#include "worker/plan.h"
#include "worker/policy.h"

namespace takt::worker {
namespace {

// Scripts hold secrets, and members of a group are other people: the job's user alone reads it. It
// owns the file for that, and can change its own copy, but neither the record nor another
// attempt's.
constexpr mode_t kScriptMode = 0400;

Result<void> write_script(const LiveAttempt& live) {
  const int folder = live.folder.get();
  auto written = write_file(folder, attempt::kScriptFile, live.acceptance.spec.script, 0600);
  if (!written) return written;
  if (::fchownat(folder, attempt::kScriptFile, live.identity.uid, 0, AT_SYMLINK_NOFOLLOW) != 0)
    return system_error("chown script");
  if (::fchmodat(folder, attempt::kScriptFile, kScriptMode, 0) != 0)
    return system_error("chmod script");
  return {};
}

// Its socket closes before its process is gone to the eye, and before its pidfd says so.
bool supervisor_hung_up(const LiveAttempt& live) {
  pollfd watched{.fd = live.control.get(), .events = 0, .revents = 0};
  return live.control && ::poll(&watched, 1, 0) > 0;
}

}  // namespace

Launch::Launch(Core& core, Ending& ending) : core_(core), ending_(ending) {
  ending_.on_last_words([this](const LivePtr& live) { on_control(live); });
  ending_.on_given_back([this](const LivePtr& live) { drop(live); });
  core_.loop.on_turn_end([this] {
    sync_starts();
    start_next();
  });
}

std::size_t Launch::under_way() const {
  std::size_t count = 0;
  for (const auto& [id, live] : core_.attempts.all())
    if (!live->went()) ++count;
  return count;
}

void Launch::begin(const LivePtr& live) {
  not_durable_.push_back(live);
  waiting_.push_back(live);
}

void Launch::start_next() {
  while (!waiting_.empty() && core_.turns < static_cast<std::size_t>(core_.config.starts_at_once)) {
    const LivePtr live = waiting_.front().lock();
    waiting_.pop_front();
    if (!live || live->step != Step::kWaiting) continue;
    ++core_.turns;
    live->holds_turn = true;
    live->step = Step::kPreparing;
    prepare(live);
  }
}

// All starts of this turn become durable together.
void Launch::sync_starts() {
  std::vector<LivePtr> batch;
  std::vector<AttemptId> ids;
  for (const auto& weak : std::exchange(not_durable_, {}))
    if (LivePtr live = weak.lock(); live && !live->went()) {
      ids.push_back(live->record.id);
      batch.push_back(std::move(live));
    }
  if (batch.empty()) return;
  core_.disk.run([&state = core_.state, ids] { return state.sync_starts(ids); },
                 [this, batch](const Result<void>& synced) { on_durable(batch, synced); });
}

void Launch::on_durable(const std::vector<LivePtr>& batch, const Result<void>& synced) {
  for (const LivePtr& live : batch) {
    if (live->went()) continue;
    if (!synced) {
      fail(live, kRecordStep, synced.error());
      continue;
    }
    live->start_durable = true;
    try_go(live);
  }
}

void Launch::prepare(const LivePtr& live) {
  const JobSpec& spec = live->acceptance.spec;
  core_.users.find(live->acceptance.user, spec.group,
                   [this, weak = std::weak_ptr(live)](Result<UserIdentity> identity) {
                     const LivePtr found = weak.lock();
                     if (found && found->step == Step::kPreparing)
                       on_user(found, std::move(identity));
                   });
}

void Launch::on_user(const LivePtr& live, Result<UserIdentity> identity) {
  if (!identity) return fail(live, "user", identity.error());
  if (auto allowed = check_identity(*identity, core_.config); !allowed)
    return fail(live, "policy", allowed.error());
  live->identity = std::move(*identity);
  live->record.user = live->identity.name;
  if (!live->acceptance.spec.script.empty())
    if (auto written = write_script(*live); !written) return fail(live, "script", written.error());
  live->parking = true;
  core_.launcher(live->record.launcher)
      ->park(*live, [this, weak = std::weak_ptr(live)](auto outcome) {
        const LivePtr found = weak.lock();
        if (found) on_parked(found, std::move(outcome));
      });
}

Result<UniqueFd> Launch::write_plan(LiveAttempt& live) const {
  const AttemptId& id = live.record.id;
  auto plan = make_plan({.id = id,
                         .spec = live.acceptance.spec,
                         .identity = live.identity,
                         .config = core_.config,
                         .script_path = core_.state.file_path(id, attempt::kScriptFile),
                         .contact_path = core_.contacts.path(live.acceptance.owner),
                         .last_contact = core_.contacts.last(live.acceptance.owner)});
  if (!plan) return plan.error();
  auto encoded = attempt::encode_plan(*plan);
  if (!encoded) return encoded.error();
  UniqueFd memory(::memfd_create("takt-plan", MFD_CLOEXEC));
  if (!memory) return system_error("memfd_create");
  if (auto written = write_all(memory.get(), *encoded, "plan"); !written) return written.error();
  if (::lseek(memory.get(), 0, SEEK_SET) != 0) return system_error("lseek plan");
  return memory;
}

Result<void> Launch::send_prepare(LiveAttempt& live, const ParkedInPlace& parked) {
  auto plan = write_plan(live);
  if (!plan) return plan.error();
  std::vector<int> fds{live.folder.get(), plan->get()};
  if (parked.job_leaf) fds.push_back(parked.job_leaf.get());
  return attempt::send_message(live.control.get(), attempt::Prepare{.launcher = parked.how}, fds);
}

void Launch::on_parked(const LivePtr& live, std::variant<ParkedInPlace, LaunchFailure> outcome) {
  live->parking = false;
  if (const auto* failure = std::get_if<LaunchFailure>(&outcome)) {
    if (live->step != Step::kPreparing) return ending_.without_process(live);
    const bool not_now = failure->error.code == ErrorCode::kUnavailable;
    if (not_now && !live->owner().is_direct()) return give_back(live, failure->error, "");
    return fail(live, failure->step, failure->error);
  }
  auto& parked = std::get<ParkedInPlace>(outcome);
  live->pid = parked.supervisor.pid;
  live->pidfd = std::move(parked.supervisor.pidfd);
  live->control = std::move(parked.supervisor.control);
  ending_.watch_supervisor(live);
  // Given up meanwhile: it goes when it sees the end of its socket.
  if (live->step != Step::kPreparing) return live->control.reset();
  if (auto sent = send_prepare(*live, parked); !sent)
    return fail_with_supervisor(live, "prepare", sent.error());
  if (auto set = set_nonblocking(live->control.get(), true); !set)
    return fail(live, "prepare", set.error());
  auto source = core_.loop.add_io(live->control.get(), EPOLLIN,
                                  [this, weak = std::weak_ptr(live)](std::uint32_t) {
                                    if (const LivePtr found = weak.lock()) on_control(found);
                                  });
  if (!source) return fail(live, "prepare", source.error());
  live->control_source = std::move(*source);
}

void Launch::on_control(const LivePtr& live) {
  while (live->control) {
    auto packet = attempt::receive_packet(live->control.get());
    if (!packet && packet.error().code == ErrorCode::kUnavailable) return;
    if (!packet || packet->end) {
      // The process itself tells the rest.
      live->control_source.reset();
      live->control.reset();
      if (!live->went() && live->step != Step::kEnding)
        fail(live, "supervisor", supervisor_ended());
      return;
    }
    if (auto message = attempt::decode_message(packet->data)) on_message(live, *message);
  }
}

void Launch::on_message(const LivePtr& live, const attempt::Message& message) {
  if (const auto* ready = std::get_if<attempt::Ready>(&message)) return on_ready(live, *ready);
  if (const auto* failed = std::get_if<attempt::Failed>(&message))
    return fail(live, failed->step,
                Error{.code = ErrorCode::kSystem,
                      .message = failed->text,
                      .field = failed->field,
                      .error_number = failed->error_number});
  if (const auto* started = std::get_if<attempt::Started>(&message)) {
    if (live->step != Step::kGo) return;
    core_.end_turn(*live);
    note_start();
    live->record.leader_pid = started->leader;
    live->record.start_time = started->start_time;
    if (live->record.state == JobState::kStarting) live->record.state = JobState::kRunning;
    log_info("job " + live->record.id.str() + " runs as " + live->record.user, fields_of(*live));
    if (on_running_) on_running_(live);
    core_.changed(live);
    for (auto& settled : std::exchange(live->on_settled, {})) settled(live->record);
    return;
  }
  if (std::holds_alternative<attempt::Ending>(message)) ending_.leader_ended(live);
}

void Launch::on_ready(const LivePtr& live, const attempt::Ready& ready) {
  if (live->step != Step::kPreparing) return;
  auto tree = cgroup::Tree::find();
  if (!tree) return fail(live, "cgroup", tree.error());
  auto base = cgroup::Cgroup::open(*tree, ready.cgroup_path);
  if (!base) return fail(live, "cgroup", base.error());
  const auto inode = base->inode();
  if (!inode || *inode != ready.cgroup_inode || !base->contains(live->pid))
    return fail_with_supervisor(
        live, "cgroup",
        make_error(ErrorCode::kInternal, "the supervisor is not in " + ready.cgroup_path));
  live->base = std::move(*base);
  live->record.cgroup = ready.cgroup_path;
  live->step = Step::kReady;
  try_go(live);
}

void Launch::try_go(const LivePtr& live) {
  if (live->step != Step::kReady || !live->start_durable) return;
  if (auto gone = go(*live); !gone) fail_with_supervisor(live, "record", gone.error());
}

Result<void> Launch::go(LiveAttempt& live) {
  auto ticks = process_start_ticks(live.pid);
  if (!ticks) return ticks.error();
  auto inode = live.base.inode();
  if (!inode) return inode.error();
  attempt::SupervisorRecord record;
  record.pid = live.pid;
  record.start_ticks = *ticks;
  record.boot_id = boot_id();
  record.launcher = live.record.launcher == Launcher::kCgroup ? attempt::Launcher::kCgroup
                                                              : attempt::Launcher::kScope;
  record.unit = live.record.unit;
  record.cgroup_path = live.record.cgroup;
  record.cgroup_inode = *inode;
  if (auto written = attempt::write_record(live.folder.get(), record); !written) return written;
  if (auto sent = attempt::send_message(live.control.get(), attempt::Go{}); !sent) return sent;
  live.step = Step::kGo;
  return {};
}

// Which step meets the end of a supervisor is chance; what is told is that it ended.
void Launch::fail_with_supervisor(const LivePtr& live, const std::string& step,
                                  const Error& error) {
  if (supervisor_hung_up(*live)) return fail(live, "supervisor", supervisor_ended());
  fail(live, step, error);
}

void Launch::fail(const LivePtr& live, const std::string& step, const Error& error) {
  if (live->went()) return;
  if (is_host_fault(step, error)) {
    note_fault(step, error);
    if (!live->owner().is_direct()) return give_back(live, error.in(step), step);
  }
  attempt::ExitRecord end;
  end.cause = attempt::EndCause::kStartFailed;
  end.start_time = end.end_time = wall_now();
  end.failed_step = step;
  end.failed_errno = error.error_number;
  const std::string prefix = "spec.";
  if (error.field.starts_with(prefix)) end.failed_field = error.field.substr(prefix.size());
  // The errno's own text is added for people where the end is shown.
  if (error.error_number == 0) end.stop_reason = error.message;
  log_warning(
      "job " + live->record.id.str() + " could not be started: " + step + ": " + error.message,
      fields_of(*live, kStartFailedId));
  abort(live, std::move(end));
}

// Not the job's fault: the scheduler may send it elsewhere, or here again, as soon as it hears of
// it. So it hears when nothing is left of the attempt.
void Launch::give_back(const LivePtr& live, const Error& error, const std::string& failed_step) {
  log_notice("job " + live->record.id.str() + " is not started, and given back: " + error.message,
             fields_of(*live));
  live->given_back = GivenBack{error, failed_step};
  if (!live->parking) core_.end_turn(*live);
  live->step = Step::kEnding;
  live->control_source.reset();
  live->control.reset();  // a parked supervisor goes without trace
  if (!live->pidfd && !live->parking) drop(live);
}

void Launch::drop(const LivePtr& live) {
  live->base = {};
  if (AttemptLauncher* launcher = core_.launcher(live->record.launcher)) launcher->release(*live);
  const GivenBack given_back = *live->given_back;
  discard(live);
  core_.refuse(*live, given_back.why, given_back.failed_step);
}

void Launch::note_fault(const std::string& step, const Error& error) {
  if (!core_.health.failed(step + ": " + error.message, BootClock::now())) return;
  log_error("this worker takes no jobs: " + core_.health.fault() + "; it tries one again in " +
                format_duration(std::chrono::duration_cast<microseconds>(core_.health.probe_time() -
                                                                         BootClock::now())),
            {message_id(kHostFaultId)});
  probe_ = core_.loop.add_timer(core_.health.probe_time(), [this] {
    core_.health.probe();
    core_.on_capacity();
  });
  core_.on_capacity();
}

void Launch::note_start() {
  if (!core_.health.worked()) return;
  probe_.reset();
  log_notice("this worker takes jobs again: a job was started");
  core_.on_capacity();
}

void Launch::abort(const LivePtr& live, attempt::ExitRecord end) {
  TAKT_CHECK(!live->went(), "%s went already", live->record.id.str().c_str());
  if (!live->parking) core_.end_turn(*live);  // else what is parked is still there
  live->end_record = std::move(end);
  live->step = Step::kEnding;
  live->control_source.reset();
  live->control.reset();  // a parked supervisor goes without trace
  // With a process, its pidfd goes on; on its way, on_parked does; else it ends here.
  if (!live->pidfd && !live->parking) ending_.without_process(live);
}

void Launch::discard(const LivePtr& live) {
  TAKT_CHECK(!live->went() || live->given_back, "%s is past go", live->record.id.str().c_str());
  core_.end_turn(*live);
  live->step = Step::kEnded;
  live->control_source.reset();
  live->control.reset();
  live->pidfd_source.reset();
  if (auto removed = core_.state.discard_attempt(live->record.id); !removed)
    log_error("attempt " + live->record.id.str() + ": " + removed.error().message);
  core_.attempts.remove(*live);
}

}  // namespace takt::worker
