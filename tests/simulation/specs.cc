// SPDX-License-Identifier: Apache-2.0
// What the clients of a simulation ask for. The name says how the command behaves.
#include <set>

#include "rpc/convert.h"
#include "simulation/clients.h"

namespace takt::sim {
namespace {

using namespace std::chrono_literals;

google::protobuf::Duration any_span(nanoseconds least, nanoseconds most) {
  return rpc::duration_to_proto(
      std::chrono::duration_cast<microseconds>(World::the().between(least, most)));
}

void add_resources(v1::JobSpec& spec) {
  World& world = World::the();
  v1::Resources* resources = spec.mutable_resources();
  if (world.chance(0.4)) resources->set_cpu_millicores(world.between(1, 6) * 500);
  if (world.chance(0.2)) resources->set_memory_bytes(world.between(1, 4) << 28);
  if (world.chance(0.1)) (*resources->mutable_counted())["gpu"] = 1;
}

void add_retry(v1::JobSpec& spec) {
  World& world = World::the();
  v1::RetryPolicy* retry = spec.mutable_retry();
  retry->set_max_attempts(static_cast<int>(world.between(1, 4)));
  *retry->mutable_backoff() = any_span(0s, 5s);
  if (world.chance(0.3)) return;
  retry->set_on_lost(true);
  *spec.mutable_lease() = any_span(10s, 40s);
}

}  // namespace

v1::JobSpec Clients::random_spec() const {
  World& world = World::the();
  v1::JobSpec spec;
  const auto kind = world.between(0, 99);
  spec.set_name(kind < 65 ? "steady" : kind < 94 ? "shaky" : kind < 97 ? "endless" : "forbidden");
  spec.add_argv("/bin/true");
  add_resources(spec);
  if (world.chance(0.5)) add_retry(spec);
  add_policies(spec);
  if (world.chance(0.08)) {
    spec.mutable_array()->set_count(static_cast<int>(world.between(1, 7)));
    spec.mutable_array()->set_max_running(static_cast<int>(world.between(0, 3)));
  } else if (world.chance(0.04)) {
    spec.set_one_per_worker(true);
  }
  const std::int64_t waits_for = jobs_.empty() || world.chance(0.8) ? 0 : world.between(1, 3);
  std::set<std::string> others;
  for (std::int64_t n = 0; n < waits_for; ++n) others.insert(random_job());
  for (const std::string& other : others) {
    v1::Dependency* dependency = spec.add_dependencies();
    dependency->set_job_id(other);
    dependency->set_condition(static_cast<v1::DependencyCondition>(world.between(1, 3)));
  }
  return spec;
}

void Clients::add_policies(v1::JobSpec& spec) const {
  World& world = World::the();
  if (world.chance(0.6)) *spec.mutable_stop()->mutable_grace() = any_span(0s, 12s);
  if (world.chance(0.3)) spec.set_priority(static_cast<int>(world.between(-3, 3)));
  if (world.chance(0.05)) spec.set_hold(true);
  if (world.chance(0.08)) *spec.mutable_queue_time_limit() = any_span(1s, 60s);
  if (world.chance(0.08))
    *spec.mutable_not_before_time() =
        rpc::time_to_proto(wall_now() + microseconds(world.between(0, 60) * 1'000'000));
  if (!world.chance(0.08)) return;
  v1::Constraint* constraint = spec.add_constraints();
  constraint->set_key("worker");
  constraint->set_operator_(v1::CONSTRAINT_OPERATOR_NOT_EQUAL);
  constraint->add_values(world.any_of(workers_)->shape().name);
}

}  // namespace takt::sim
