// SPDX-License-Identifier: Apache-2.0
#include "worker/stopping.h"

#include <csignal>

#include "attempt/folder.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/process.h"

namespace takt::worker {

Result<void> Stopping::stop(const LivePtr& live, const attempt::StopRecord& request) {
  if (live->stop || live->step >= Step::kEnding) return {};
  if (!live->went()) {
    live->stop = request;
    attempt::ExitRecord end;
    end.cause = attempt::EndCause::kStopped;
    end.start_time = end.end_time = wall_now();
    end.stop_by = request.by;
    end.stop_reason = request.reason;
    launch_.abort(live, std::move(end));
    return {};
  }
  if (auto written = attempt::write_record(live->folder.get(), request); !written)
    return written.error().in("the stop cannot be recorded");
  tell_supervisor(live, request);
  log_info("job " + live->record.id.str() + " is being stopped by " + request.by, fields_of(*live));
  ending_.leader_ended(live);
  return {};
}

void Stopping::resume(const LivePtr& live, const attempt::StopRecord& request) {
  tell_supervisor(live, request);
}

void Stopping::tell_supervisor(const LivePtr& live, const attempt::StopRecord& request) {
  live->stop = request;
  // One that has ended is noticed by its pidfd.
  std::ignore = signal_pidfd(live->pidfd.get(), SIGTERM);
  const microseconds grace = request.grace.value_or(live->acceptance.spec.stop.grace);
  live->backstop =
      core_.loop.add_timer(grace + limits::kBackstop, [this, weak = std::weak_ptr(live)] {
        if (const LivePtr found = weak.lock()) overrule(found, attempt::EndCause::kStopped);
      });
}

void Stopping::watch_time_limit(const LivePtr& live) {
  const JobSpec& spec = live->acceptance.spec;
  if (!spec.run_time_limit) return;
  look_at_time_limit_in(live, *spec.run_time_limit + spec.stop.grace + limits::kBackstop);
}

void Stopping::look_at_time_limit_in(const LivePtr& live, nanoseconds pause) {
  live->time_backstop = core_.loop.add_timer(pause, [this, weak = std::weak_ptr(live)] {
    if (const LivePtr found = weak.lock()) check_time_limit(found);
  });
}

// When the limit is reached is the supervisor's word: it counts the pauses.
void Stopping::check_time_limit(const LivePtr& live) {
  if (live->step >= Step::kEnding || live->stop) return;
  const JobSpec& spec = live->acceptance.spec;
  const auto record = attempt::read_supervisor_record(live->folder.get());
  const bool stands = live->record.state == JobState::kPaused && !spec.count_paused;
  if (!record || !record->go_boot_time || stands)
    return look_at_time_limit_in(live, limits::kBackstop);
  const BootTime due = *record->go_boot_time + record->paused + *spec.run_time_limit +
                       spec.stop.grace + limits::kBackstop;
  const BootTime now = BootClock::now();
  if (now < due) return look_at_time_limit_in(live, due - now);
  overrule(live, attempt::EndCause::kTimedOut);
}

void Stopping::overrule(const LivePtr& live, attempt::EndCause cause) {
  if (live->step >= Step::kEnding) return;
  log_error("job " + live->record.id.str() +
                ": its supervisor did not end it in time; killing it from here",
            fields_of(*live));
  // Why it ended must outlive us, too. The record has no other writer that is still alert.
  if (auto noted = attempt::append_to_record(live->folder.get(), attempt::ending_line(cause));
      !noted)
    log_error(noted.error().message, fields_of(*live));
  ending_.leader_ended(live);
  if (auto job = live->base.open_child(attempt::kJobLeaf)) {
    if (auto killed = job->kill(); !killed) log_error(killed.error().message, fields_of(*live));
  }
  std::ignore = signal_pidfd(live->pidfd.get(), SIGKILL);
}

}  // namespace takt::worker
