// SPDX-License-Identifier: Apache-2.0
#include "worker/ending.h"

#include <sys/epoll.h>

#include "attempt/folder.h"
#include "base/log.h"
#include "worker/damage.h"
#include "worker/end_mapping.h"

namespace takt::worker {
namespace {

// Between tries to write or sync an end, while the disk refuses.
constexpr auto kDiskRetry = std::chrono::seconds(5);

}  // namespace

Ending::Ending(Core& core) : core_(core) {
  core_.loop.on_turn_end([this] { on_turn_end(); });
}

void Ending::watch_supervisor(const LivePtr& live) {
  auto source = core_.loop.add_pidfd(live->pidfd.get(), [this, weak = std::weak_ptr(live)] {
    const LivePtr found = weak.lock();
    if (!found) return;
    if (found->control) last_words_(found);  // its end is seen before them, now and then
    without_process(found);
  });
  TAKT_CHECK(source.ok(), "a pidfd cannot be watched: %s", source.error().message.c_str());
  live->pidfd_source = std::move(*source);
}

void Ending::leader_ended(const LivePtr& live) {
  if (live->record.state >= JobState::kEnding) return;
  live->record.state = JobState::kEnding;
  core_.changed(live);
}

void Ending::without_process(const LivePtr& live) {
  if (live->step == Step::kEnded) return;
  if (live->given_back) return given_back_(live);
  const bool went = live->went() && !live->end_record;
  live->step = Step::kEnding;
  core_.end_turn(*live);
  live->pidfd_source.reset();
  live->control_source.reset();
  live->control.reset();
  live->leader_watch.reset();
  live->backstop.reset();
  live->time_backstop.reset();
  if (!went) {
    if (!live->end_record) {
      live->end_record = attempt::ExitRecord{.cause = attempt::EndCause::kStartFailed,
                                             .failed_step = "supervisor",
                                             .start_time = wall_now(),
                                             .end_time = wall_now()};
      live->end_record->stop_reason = supervisor_ended().message;
    }
    return write_end(live);
  }
  auto record = attempt::read_exit_record(live->folder.get());
  if (record) {
    live->end_record = std::move(*record);
    return queue_end(live);
  }
  if (record.error().code != ErrorCode::kNotFound) {
    if (!is_damage(record.error()))
      return retry_later(live, record.error(), &Ending::without_process);
    set_file_aside(core_, *live, attempt::kExitFile, record.error());
  }
  supervisor_lost(live);
}

void Ending::supervisor_lost(const LivePtr& live) {
  log_error("job " + live->record.id.str() + ": its supervisor died without a record",
            fields_of(*live, kSupervisorLostId));
  leader_ended(live);
  kill_rest(live);
}

// Until job/ is empty nothing is told: a job that is said to be over must be over.
void Ending::kill_rest(const LivePtr& live) {
  live->empty_source.reset();
  auto job = live->base.open_child(attempt::kJobLeaf);
  if (!job) return write_lost_record(live);  // removed: it was empty
  auto events = cgroup::Events::open(*job);
  if (auto killed = job->kill(); !killed && killed.error().error_number != ENODEV)
    log_error("job " + live->record.id.str() + ": " + killed.error().message, fields_of(*live));
  const auto populated = events ? events->populated() : Result<bool>(events.error());
  if (!populated || !*populated) return write_lost_record(live);
  auto held = std::make_shared<cgroup::Events>(std::move(*events));
  auto source = core_.loop.add_io(held->fd(), EPOLLPRI,
                                  [this, held, weak = std::weak_ptr(live)](std::uint32_t) {
                                    if (const LivePtr found = weak.lock()) kill_rest(found);
                                  });
  if (!source) return retry_later(live, source.error(), &Ending::kill_rest);
  live->empty_source = std::move(*source);
}

void Ending::write_lost_record(const LivePtr& live) {
  LostAttempt lost;
  if (auto supervisor = attempt::read_supervisor_record(live->folder.get())) {
    lost.supervisor = std::move(*supervisor);
    lost.same_boot = lost.supervisor.boot_id == boot_id();
  }
  if (auto stop = attempt::read_stop_record(live->folder.get())) lost.stop = std::move(*stop);
  live->end_record = lost_record(lost, live->acceptance.spec, wall_now());
  if (live->end_record->note.empty()) live->end_record->note = live->damage;
  write_end(live);
}

// Also after a sync that was refused: the kernel reports a write that failed once, and takes the
// bytes for written then, so another sync of the same file proves nothing.
void Ending::write_end(const LivePtr& live) {
  auto written = attempt::write_record(live->folder.get(), *live->end_record);
  if (!written) return retry_later(live, written.error(), &Ending::write_end);
  queue_end(live);
}

void Ending::retry_later(const LivePtr& live, const Error& error,
                         void (Ending::*step)(const LivePtr&)) {
  log_error("job " + live->record.id.str() + ": its end cannot be recorded: " + error.message +
                "; trying again",
            fields_of(*live, kEndNotRecordedId));
  live->empty_source = core_.loop.add_timer(kDiskRetry, [this, step, weak = std::weak_ptr(live)] {
    if (const LivePtr found = weak.lock()) (this->*step)(found);
  });
}

void Ending::queue_end(const LivePtr& live) { not_durable_.push_back(live); }

void Ending::on_turn_end() {
  if (not_durable_.empty()) return;
  auto batch = std::exchange(not_durable_, {});
  std::vector<AttemptId> ids;
  for (const LivePtr& live : batch) ids.push_back(live->record.id);
  core_.disk.run([&state = core_.state, ids] { return state.sync_ends(ids); },
                 [this, batch](const Result<void>& synced) { on_durable(batch, synced); });
}

void Ending::on_durable(const std::vector<LivePtr>& batch, const Result<void>& synced) {
  for (const LivePtr& live : batch) {
    if (synced) {
      conclude(live);
    } else {
      retry_later(live, synced.error(), &Ending::write_end);
    }
  }
}

void Ending::conclude(const LivePtr& live) {
  auto record = attempt::read_exit_record(live->folder.get());
  if (!record)
    return retry_later(live, record.error(),
                       is_damage(record.error()) ? &Ending::write_end : &Ending::queue_end);
  Attempt& told = live->record;
  set_end(told, *record, live->acceptance.spec);
  live->step = Step::kEnded;
  live->empty_source.reset();
  live->holdouts_timer.reset();
  if (AttemptLauncher* launcher = core_.launcher(told.launcher)) launcher->release(*live);
  live->base = {};
  live->pidfd.reset();
  log_info("job " + told.id.str() + " has ended: " + end_message(*told.end), fields_of(*live));
  live->output->mark_ended(told.end_time.value_or(wall_now()));
  core_.changed(live);
  for (auto& settled : std::exchange(live->on_settled, {})) settled(told);
  if (live->owner().is_direct()) acknowledge(live);
}

void Ending::acknowledge(const LivePtr& live) {
  if (live->step != Step::kEnded) return;
  if (auto forgotten = core_.state.forget_active(live->record.id); !forgotten)
    log_warning("attempt " + live->record.id.str() + ": " + forgotten.error().message);
  core_.attempts.remove(*live);
}

}  // namespace takt::worker
