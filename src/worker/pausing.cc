// SPDX-License-Identifier: Apache-2.0
#include "worker/pausing.h"

#include <sys/epoll.h>

#include <algorithm>

#include "attempt/folder.h"
#include "base/log.h"

namespace takt::worker {
namespace {

Error does_not_run(const LiveAttempt& live) {
  return make_error(ErrorCode::kFailedPrecondition, "job " + live.record.id.job_id.str() +
                                                        " does not run: it is " +
                                                        std::string(state_name(live.record.state)));
}

}  // namespace

Pausing::Pausing(Core& core) : core_(core) {
  core_.on_change.push_back([](const LivePtr& live) {
    if (live->record.state >= JobState::kEnding && live->freezing.events)
      give_up(*live, "ended meanwhile");
  });
}

void Pausing::set_frozen(const LivePtr& live, bool frozen, Done done) {
  const JobState state = live->record.state;
  if (state != JobState::kRunning && state != JobState::kPaused) return done(does_not_run(*live));
  auto job = live->base.open_child(attempt::kJobLeaf);
  auto asked = job ? job->freeze(frozen) : Result<void>(job.error());
  if (asked) asked = watch(live);
  if (!asked) return done(asked.error());
  // The latest word counts: the earlier one will not come true.
  auto& waiting = live->freezing.waiting;
  const auto contrary = std::stable_partition(
      waiting.begin(), waiting.end(), [&](const auto& other) { return other.frozen == frozen; });
  std::vector<Freezing::Waiting> dropped(std::make_move_iterator(contrary),
                                         std::make_move_iterator(waiting.end()));
  waiting.erase(contrary, waiting.end());
  waiting.push_back({frozen, std::move(done)});
  for (const auto& other : dropped)
    other.done(make_error(ErrorCode::kFailedPrecondition,
                          std::string("it was ") + (frozen ? "paused" : "resumed") + " meanwhile"));
  look(live);
}

void Pausing::adopt(const LivePtr& live) {
  if (live->record.state != JobState::kRunning) return;
  const auto job = live->base.open_child(attempt::kJobLeaf);
  const auto frozen = job ? job->frozen() : Result<bool>(job.error());
  if (!frozen || !*frozen) return;
  live->record.state = JobState::kPaused;
  if (auto watched = watch(live); !watched)
    log_warning("job " + live->record.id.str() + " is paused: " + watched.error().message,
                fields_of(*live));
}

// From here on until it runs again or ends.
Result<void> Pausing::watch(const LivePtr& live) {
  if (live->freezing.events) return {};
  auto job = live->base.open_child(attempt::kJobLeaf);
  if (!job) return job.error();
  auto events = cgroup::Events::open(*job);
  if (!events) return events.error();
  auto source =
      core_.loop.add_io(events->fd(), EPOLLPRI, [this, weak = std::weak_ptr(live)](std::uint32_t) {
        if (const LivePtr found = weak.lock()) look(found);
      });
  if (!source) return source.error();
  live->freezing.events = std::make_shared<cgroup::Events>(std::move(*events));
  live->freezing.source = std::move(*source);
  return {};
}

void Pausing::look(const LivePtr& live) {
  if (!live->freezing.events) return;
  const auto state = live->freezing.events->state();
  if (!state) return;
  const JobState now = state->frozen ? JobState::kPaused : JobState::kRunning;
  const JobState before = live->record.state;
  if (before < JobState::kEnding && before != now) {
    live->record.state = now;
    log_info("job " + live->record.id.str() + (state->frozen ? " is paused" : " runs again"),
             fields_of(*live));
    core_.changed(live);
  }
  answer(*live, state->frozen);
  if (state->frozen || !live->freezing.waiting.empty()) return;
  live->freezing.source.reset();
  live->freezing.events.reset();
}

void Pausing::answer(LiveAttempt& live, bool frozen) {
  for (auto& waiting : std::exchange(live.freezing.waiting, {})) {
    if (waiting.frozen == frozen) {
      waiting.done({});
    } else {
      live.freezing.waiting.push_back(std::move(waiting));
    }
  }
}

void Pausing::give_up(LiveAttempt& live, const std::string& why) {
  auto gone = std::exchange(live.freezing, {});
  for (const auto& waiting : gone.waiting)
    waiting.done(make_error(ErrorCode::kFailedPrecondition,
                            "job " + live.record.id.job_id.str() + " " + why));
}

}  // namespace takt::worker
