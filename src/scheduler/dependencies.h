// SPDX-License-Identifier: Apache-2.0
// Which jobs wait for which. Guarantees: what a job waited for is forgotten with the job, so that
// nothing is kept for jobs that have ended. Loop thread only.
#pragma once

#include <cstddef>
#include <optional>
#include <unordered_map>
#include <vector>

#include "base/uuid.h"
#include "job/spec.h"
#include "job/state.h"

namespace takt::scheduler {

// How a job ends that waited for one that ended otherwise.
JobEnd dependency_failed(const Uuid& ended, const std::optional<JobEnd>& end);

class Dependencies {
 public:
  struct Waiter {
    Uuid job;
    DependencyCondition condition = DependencyCondition::kSuccess;
  };

  // `job` waits for the end of another; once for each.
  void add(const Uuid& job, const Dependency& dependency);

  // `ended` has ended: those that waited for it, oldest first, and do so no more.
  std::vector<Waiter> take(const Uuid& ended);

  // `job` waits for nothing any more.
  void forget(const Uuid& job);

  // What `job` waits for.
  [[nodiscard]] const std::vector<Dependency>& of(const Uuid& job) const;
  [[nodiscard]] bool waits(const Uuid& job) const { return by_job_.contains(job); }

  void clear();

 private:
  std::unordered_map<Uuid, std::vector<Dependency>> by_job_;
  std::unordered_map<Uuid, std::vector<Waiter>> waiters_;  // by what they wait for
};

}  // namespace takt::scheduler
