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
        if (const LivePtr found = weak.lock()) overrule(found);
      });
}

void Stopping::overrule(const LivePtr& live) {
  if (live->step >= Step::kEnding) return;
  log_error("job " + live->record.id.str() +
                ": its supervisor did not stop it in time; killing it from here",
            fields_of(*live));
  if (auto job = live->base.open_child(attempt::kJobLeaf)) {
    if (auto killed = job->kill(); !killed) log_error(killed.error().message, fields_of(*live));
  }
  std::ignore = signal_pidfd(live->pidfd.get(), SIGKILL);
}

}  // namespace takt::worker
