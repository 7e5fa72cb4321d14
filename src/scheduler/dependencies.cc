// SPDX-License-Identifier: Apache-2.0
#include "scheduler/dependencies.h"

#include <string>
#include <utility>

#include "job/summary.h"

namespace takt::scheduler {

// It may be another user's.
JobEnd dependency_failed(const Uuid& ended, const std::optional<JobEnd>& end) {
  const std::string how = end ? end_message(summary_of(*end)) : "ended otherwise";
  return {.cause = EndCause::kDependencyFailed, .detail = "job " + ended.str() + " " + how};
}

void Dependencies::add(const Uuid& job, const Dependency& dependency) {
  by_job_[job].push_back(dependency);
  waiters_[dependency.job_id].push_back({job, dependency.condition});
}

std::vector<Dependencies::Waiter> Dependencies::take(const Uuid& ended) {
  auto node = waiters_.extract(ended);
  if (node.empty()) return {};
  for (const Waiter& waiter : node.mapped()) {
    const auto found = by_job_.find(waiter.job);
    if (found == by_job_.end()) continue;
    std::erase_if(found->second, [&](const Dependency& other) { return other.job_id == ended; });
    if (found->second.empty()) by_job_.erase(found);
  }
  return std::move(node.mapped());
}

void Dependencies::forget(const Uuid& job) {
  const auto node = by_job_.extract(job);
  if (node.empty()) return;
  for (const Dependency& dependency : node.mapped()) {
    const auto found = waiters_.find(dependency.job_id);
    if (found == waiters_.end()) continue;
    std::erase_if(found->second, [&](const Waiter& waiter) { return waiter.job == job; });
    if (found->second.empty()) waiters_.erase(found);
  }
}

const std::vector<Dependency>& Dependencies::of(const Uuid& job) const {
  static const std::vector<Dependency> kNone;
  const auto found = by_job_.find(job);
  return found == by_job_.end() ? kNone : found->second;
}

void Dependencies::clear() {
  by_job_.clear();
  waiters_.clear();
}

}  // namespace takt::scheduler
