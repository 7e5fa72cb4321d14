// SPDX-License-Identifier: Apache-2.0
// What each event does to a job's record. Pure: no I/O, no clock but the time that is passed in.
#include "job/job.h"

#include <algorithm>

#include "base/limits.h"
#include "job/retry.h"

namespace takt {
namespace {

// Clocks may be set back meanwhile.
void end_job(Job& job, const JobEnd& end, WallTime when) {
  job.end = end;
  job.end_time = std::max(when, job.submit_time);
  job.state = state_of_end(end);
}

// An attempt has ended, and with it the job, if it is not tried again; not before `earliest`.
void end_attempt(Job& job, const JobEnd& end, WallTime when, WallTime earliest) {
  const bool requeued = job.stop_requested && job.stop_requested->requeue;
  if (requeued) job.stop_requested.reset();
  if (requeued && end.cause == EndCause::kStopped) {
    job.state = JobState::kQueued;
    return;
  }
  ++job.tries;
  const bool again =
      job.retry != nullptr && !job.stop_requested && tries_again(*job.retry, end, job.tries);
  if (!again) return end_job(job, end, when);
  job.state = JobState::kQueued;
  job.not_before = std::max(when + backoff_of(*job.retry, job.id, job.tries), earliest);
}

struct Apply {
  Job& job;
  WallTime now;

  // Of a job with parts: some of them may, and those have records of their own.
  [[nodiscard]] bool waits() const {
    return job.state == JobState::kQueued || (job.parts > 0 && !has_ended(job.state));
  }

  bool operator()(const Placed& event) const {
    if (job.state != JobState::kQueued || job.parts > 0) return false;
    Attempt attempt;
    attempt.id = {job.id, job.attempts.empty() ? 1 : job.attempts.back().id.number + 1};
    attempt.worker_id = event.worker_id;
    attempt.worker_name = event.worker_name;
    attempt.boot_id = event.boot_id;
    job.attempts.push_back(std::move(attempt));
    job.state = JobState::kStarting;
    return true;
  }

  // Nothing ran, so nothing is left of the attempt; the next one takes a new number, which keeps
  // late news of this one apart.
  bool operator()(const StartRefused& event) const {
    Attempt* attempt = job.current_attempt();
    const bool fits = attempt != nullptr && attempt->id.number == event.attempt &&
                      job.state == JobState::kStarting;
    if (!fits) return false;
    attempt->state = JobState::kFailed;
    attempt->end =
        JobEnd{.cause = EndCause::kRejected, .detail = "the worker did not take it: " + event.why};
    attempt->end_time = now;
    if (!event.failed_step.empty()) {
      attempt->end->failed_step = event.failed_step;
      // It comes back from host to host: the fault may be its own after all.
      if (++job.give_backs > limits::kGiveBacksMax) {
        attempt->end->cause = EndCause::kStartFailed;
        attempt->end->detail = event.why;
        end_attempt(job, *attempt->end, now, now);
        return true;
      }
    }
    job.state = JobState::kQueued;
    if (job.stop_requested && job.stop_requested->requeue) job.stop_requested.reset();
    return true;
  }

  bool operator()(const Reported& event) const {
    Attempt* attempt = job.current_attempt();
    const bool fits = attempt != nullptr && attempt->id == event.attempt.id &&
                      !has_ended(attempt->state) && !has_ended(job.state);
    if (!fits) return false;
    // Reports may come late: a state never goes back, except between running and paused.
    const bool back =
        event.attempt.state < attempt->state &&
        !(attempt->state == JobState::kPaused && event.attempt.state == JobState::kRunning);
    if (back) return false;
    Attempt news = event.attempt;
    news.worker_id = attempt->worker_id;
    news.worker_name = attempt->worker_name;
    news.boot_id = attempt->boot_id;
    const bool changed = news.state != attempt->state || news.start_time != attempt->start_time ||
                         news.leader_pid != attempt->leader_pid || news.end != attempt->end;
    *attempt = std::move(news);
    if (attempt->end) {
      attempt->state = state_of_end(*attempt->end);
      // By the clock of the worker's host, which may be wrong: what follows from the end, such as
      // how long it is kept and when the job is tried again, is up to ours.
      end_attempt(job, *attempt->end, std::min(attempt->end_time.value_or(now), now), now);
      return true;
    }
    job.state = attempt->state;
    return changed;
  }

  bool operator()(const StopRequested& event) const {
    if (has_ended(job.state)) return false;
    // One for good takes the place of one after which the job would be queued again.
    const bool first =
        !job.stop_requested.has_value() || (job.stop_requested->requeue && !event.request.requeue);
    if (first) job.stop_requested = event.request;
    if (job.state == JobState::kQueued && job.parts == 0) {
      end_job(job,
              JobEnd{.cause = EndCause::kStopped,
                     .stopped_by = job.stop_requested->by,
                     .reason = job.stop_requested->reason},
              now);
      return true;
    }
    return first;
  }

  // An operator's hold takes the place of a user's, never the other way round.
  bool operator()(const Held& event) const {
    if (!waits()) return false;
    if (job.hold && (job.hold->by_operator || !event.hold.by_operator)) return false;
    job.hold = event.hold;
    return true;
  }

  bool operator()(const Released&) const {
    if (!waits() || !job.hold) return false;
    job.hold.reset();
    return true;
  }

  bool operator()(const Prioritized& event) const {
    if (!waits() || job.priority == event.priority) return false;
    job.priority = event.priority;
    return true;
  }

  bool operator()(const Adopted& event) const {
    const Attempt* last = job.current_attempt();
    const bool newer = last == nullptr || last->id.number < event.attempt.id.number;
    if (job.state != JobState::kQueued || job.parts > 0 || !newer) return false;
    job.attempts.push_back(event.attempt);
    job.state = event.attempt.state;
    return true;
  }

  bool operator()(const PartPlaced&) const {
    if (job.parts == 0 || job.state != JobState::kQueued) return false;
    job.state = JobState::kRunning;
    return true;
  }

  bool operator()(const Ended& event) const {
    if (has_ended(job.state)) return false;
    if (Attempt* attempt = job.current_attempt();
        attempt != nullptr && !has_ended(attempt->state)) {
      attempt->end = event.end;
      attempt->end_time = now;
      attempt->state = state_of_end(event.end);
      end_attempt(job, event.end, now, event.lost_until.value_or(now));
    } else {
      end_job(job, event.end, now);
    }
    return true;
  }
};

}  // namespace

JobSpec spec_of_part(JobSpec whole, const Part& part) {
  const int count = whole.array ? whole.array->count : 0;
  std::erase_if(whole.environment, [](const EnvironmentVariable& variable) {
    return variable.name.starts_with("TAKT_ARRAY_");
  });
  whole.environment.push_back({"TAKT_ARRAY_ID", part.whole.str()});
  whole.environment.push_back({"TAKT_ARRAY_INDEX", std::to_string(part.index)});
  if (count > 0) whole.environment.push_back({"TAKT_ARRAY_COUNT", std::to_string(count)});
  return whole;
}

int& PartCounts::of(JobState state) {
  switch (state) {
    case JobState::kQueued:
      return queued;
    case JobState::kStarting:
    case JobState::kRunning:
    case JobState::kPaused:
    case JobState::kEnding:
      break;
    case JobState::kSucceeded:
      return succeeded;
    case JobState::kFailed:
      return failed;
    case JobState::kStopped:
      return stopped;
  }
  return active;
}

bool apply(Job& job, const JobEvent& event, WallTime now) {
  return std::visit(Apply{job, now}, event);
}

}  // namespace takt
