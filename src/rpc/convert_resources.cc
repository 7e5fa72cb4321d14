// SPDX-License-Identifier: Apache-2.0
#include "rpc/convert_resources.h"

#include "base/limits.h"
#include "rpc/convert.h"

namespace takt::rpc {
namespace {

Result<OomPolicy> oom_policy_from_proto(v1::OomPolicy policy) {
  switch (policy) {
    case v1::OOM_POLICY_UNSPECIFIED:
    case v1::OOM_POLICY_JOB:
      return OomPolicy::kJob;
    case v1::OOM_POLICY_PROCESS:
      return OomPolicy::kProcess;
    default:
      return invalid("spec.oom_policy", "value " + std::to_string(policy) +
                                            " is not known; JOB and PROCESS are accepted");
  }
}

}  // namespace

Result<void> resources_from_proto(const v1::JobSpec& message, JobSpec& spec) {
  const v1::Resources& asked = message.resources();
  spec.resources.cpu_millicores = asked.cpu_millicores();
  spec.resources.memory_bytes = asked.memory_bytes();
  if (asked.has_swap_bytes()) spec.resources.swap_bytes = asked.swap_bytes();
  spec.resources.tasks = asked.tasks();
  spec.resources.counted.insert(asked.counted().begin(), asked.counted().end());
  spec.cpu_weight = message.cpu_weight();
  spec.io_weight = message.io_weight();
  const auto policy = oom_policy_from_proto(message.oom_policy());
  if (!policy) return policy.error();
  spec.oom_policy = *policy;
  if (message.has_run_time_limit()) {
    auto limit = duration_from_proto(message.run_time_limit(), "spec.run_time_limit",
                                     limits::kRunTimeLimitMax);
    if (!limit) return limit.error();
    spec.run_time_limit = *limit;
  }
  spec.count_paused = message.count_paused();
  if (message.has_lease()) {
    auto lease = duration_from_proto(message.lease(), "spec.lease", limits::kLeaseMax);
    if (!lease) return lease.error();
    spec.lease = *lease;
  }
  spec.nice = message.nice();
  if (message.has_umask()) spec.umask = message.umask();
  spec.allow_new_privileges = message.allow_new_privileges();
  return {};
}

void resources_to_proto(const JobSpec& spec, v1::JobSpec& message) {
  static const Resources kUnlimited;
  if (spec.resources != kUnlimited) {
    v1::Resources* resources = message.mutable_resources();
    resources->set_cpu_millicores(spec.resources.cpu_millicores);
    resources->set_memory_bytes(spec.resources.memory_bytes);
    if (spec.resources.swap_bytes) resources->set_swap_bytes(*spec.resources.swap_bytes);
    resources->set_tasks(spec.resources.tasks);
    resources->mutable_counted()->insert(spec.resources.counted.begin(),
                                         spec.resources.counted.end());
  }
  message.set_cpu_weight(spec.cpu_weight);
  message.set_io_weight(spec.io_weight);
  if (spec.oom_policy == OomPolicy::kProcess) message.set_oom_policy(v1::OOM_POLICY_PROCESS);
  if (spec.run_time_limit)
    *message.mutable_run_time_limit() = duration_to_proto(*spec.run_time_limit);
  message.set_count_paused(spec.count_paused);
  if (spec.lease) *message.mutable_lease() = duration_to_proto(*spec.lease);
  message.set_nice(spec.nice);
  if (spec.umask) message.set_umask(*spec.umask);
  message.set_allow_new_privileges(spec.allow_new_privileges);
}

}  // namespace takt::rpc
