// SPDX-License-Identifier: Apache-2.0
#include "scheduler/freeze_desk.h"

#include <iterator>
#include <utility>

#include "base/limits.h"

namespace takt::scheduler {

bool is_as_wanted(JobState state, bool frozen) {
  return state == (frozen ? JobState::kPaused : JobState::kRunning);
}

Error cannot_freeze(const Uuid& job, JobState state) {
  return make_error(ErrorCode::kFailedPrecondition,
                    "job " + job.str() + " does not run: it is " + std::string(state_name(state)));
}

void FreezeDesk::wait(const Uuid& job, bool frozen, Done done) {
  Waiters& waiters = waiting_[job];
  waiters.push_back({frozen, std::move(done), {}});
  const auto self = std::prev(waiters.end());
  self->patience = loop_.add_timer(nanoseconds(limits::kFreezePatience),
                                   [this, job, self] { give_up(job, self); });
}

void FreezeDesk::give_up(const Uuid& job, Waiters::iterator waiter) {
  const Done done = std::move(waiter->done);
  Waiters& waiters = waiting_.at(job);
  waiters.erase(waiter);
  if (waiters.empty()) waiting_.erase(job);
  done(make_error(ErrorCode::kUnavailable,
                  "the worker of job " + job.str() + " has not answered; try again"));
}

void FreezeDesk::on_report(const LiveJob& live) {
  const auto found = waiting_.find(live.job.id);
  if (found == waiting_.end()) return;
  const Waiters told = std::move(found->second);
  waiting_.erase(found);
  const JobState state = live.job.state;
  for (const Waiter& waiter : told) {
    if (is_as_wanted(state, waiter.frozen)) {
      waiter.done({});
    } else if (state == JobState::kRunning || state == JobState::kPaused) {
      waiter.done(make_error(ErrorCode::kFailedPrecondition, "its worker did not do it: job " +
                                                                 live.job.id.str() + " is " +
                                                                 std::string(state_name(state))));
    } else {
      waiter.done(cannot_freeze(live.job.id, state));
    }
  }
}

void FreezeDesk::fail_all(const Error& error) {
  for (const auto& [job, waiters] : std::exchange(waiting_, {}))
    for (const Waiter& waiter : waiters) waiter.done(error);
}

}  // namespace takt::scheduler
