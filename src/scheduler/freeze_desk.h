// SPDX-License-Identifier: Apache-2.0
// Callers that wait until a job is frozen or runs again. Guarantees: each is answered exactly once:
// by what the worker says next of the job, or when its patience is over. Loop thread only.
#pragma once

#include <functional>
#include <list>
#include <unordered_map>

#include "base/result.h"
#include "base/uuid.h"
#include "scheduler/job_table.h"
#include "sd/event_loop.h"

namespace takt::scheduler {

class FreezeDesk {
 public:
  using Done = std::function<void(const Result<void>&)>;

  explicit FreezeDesk(sd::EventLoop& loop) : loop_(loop) {}

  // kFailedPrecondition if the job ends up otherwise; kUnavailable if nothing is heard of it.
  void wait(const Uuid& job, bool frozen, Done done);

  // The worker said how the job stands.
  void on_report(const LiveJob& live);
  // All that wait are told the error.
  void fail_all(const Error& error);

 private:
  struct Waiter {
    bool frozen;
    Done done;
    sd::Source patience;
  };
  using Waiters = std::list<Waiter>;

  void give_up(const Uuid& job, Waiters::iterator waiter);

  sd::EventLoop& loop_;
  std::unordered_map<Uuid, Waiters> waiting_;
};

// Whether a job in this state is as wanted.
[[nodiscard]] bool is_as_wanted(JobState state, bool frozen);

// Why a job in this state can be neither frozen nor thawed.
[[nodiscard]] Error cannot_freeze(const Uuid& job, JobState state);

}  // namespace takt::scheduler
