// SPDX-License-Identifier: Apache-2.0
// What a hostile client asks for. Each spec and filter is wrong in one place or in none.
#include <array>
#include <cstdint>
#include <limits>

#include "base/limits.h"
#include "rpc/convert.h"
#include "simulation/hostile_client.h"

namespace takt::sim {
namespace {

constexpr std::int64_t kLastSecond = 253'402'300'799;  // of the year 9999

constexpr std::array kOddNumbers = {std::int64_t{0},
                                    std::int64_t{1},
                                    std::int64_t{-1},
                                    std::int64_t{1000},
                                    std::int64_t{1'900'000'000},
                                    std::int64_t{1} << 40,
                                    kLastSecond,
                                    kLastSecond + 1,
                                    std::numeric_limits<std::int64_t>::min(),
                                    std::numeric_limits<std::int64_t>::max()};

int any_int() { return static_cast<int>(any_number()); }

void spoil_waiting(v1::JobSpec& spec, const std::string& other_job) {
  World& world = World::the();
  switch (world.between(0, 5)) {
    case 0:
      *spec.mutable_not_before_time() = any_time();
      return;
    case 1:
      *spec.mutable_queue_time_limit() = any_duration();
      return;
    case 2:
      spec.set_priority(any_int());
      return;
    case 3: {
      v1::Dependency* dependency = spec.add_dependencies();
      dependency->set_job_id(world.chance(0.7) ? other_job : any_text());
      dependency->set_condition(static_cast<v1::DependencyCondition>(world.between(-1, 4)));
      return;
    }
    case 4: {
      v1::Constraint* constraint = spec.add_constraints();
      constraint->set_key(any_text());
      constraint->set_operator_(static_cast<v1::ConstraintOperator>(world.between(-1, 9)));
      for (auto more = world.between(0, 300); more > 0; --more) constraint->add_values("v");
      return;
    }
    default:
      spec.mutable_retry()->set_max_attempts(any_int());
      *spec.mutable_retry()->mutable_backoff() = any_duration();
      spec.mutable_retry()->set_on_lost(world.chance(0.5));
      if (world.chance(0.5)) *spec.mutable_lease() = any_duration();
  }
}

void spoil_size(v1::JobSpec& spec) {
  World& world = World::the();
  switch (world.between(0, 5)) {
    case 0:
      spec.mutable_array()->set_count(any_int());
      spec.mutable_array()->set_max_running(any_int());
      return;
    case 1:
      for (auto more = world.between(1, 12'000); more > 0; --more)
        spec.mutable_array()->add_indexes(static_cast<int>(world.between(-1, 20'000)));
      return;
    case 2:
      for (auto more = world.between(60, 70); more > 0; --more)
        (*spec.mutable_labels())["k" + std::to_string(more)] = any_text();
      return;
    case 3:
      for (auto more = world.between(4000, 4200); more > 0; --more) spec.add_argv("a");
      return;
    case 4:
      spec.set_script(std::string(limits::kSpecMaxBytes + 10, '#'));
      return;
    default:
      spec.set_one_per_worker(true);
      if (world.chance(0.5)) spec.mutable_array()->set_count(2);
  }
}

void spoil_rights(v1::JobSpec& spec) {
  World& world = World::the();
  constexpr std::array kUsers = {"alice", "root", "takt-scheduler", "mallory", "no\nbody"};
  switch (world.between(0, 4)) {
    case 0:
      spec.set_user(world.any_of(kUsers));
      return;
    case 1:
      spec.set_nice(static_cast<int>(world.between(-21, 20)));
      return;
    case 2:
      spec.set_cpu_weight(any_number());
      spec.set_io_weight(any_number());
      return;
    case 3:
      spec.mutable_resources()->set_memory_bytes(any_number());
      spec.mutable_resources()->set_tasks(any_number());
      (*spec.mutable_resources()->mutable_counted())[any_text()] = any_number();
      return;
    default:
      spec.add_environment()->set_name(any_text());
      spec.set_working_directory(any_text());
      spec.set_name(any_text());
  }
}

}  // namespace

std::int64_t any_number() { return World::the().any_of(kOddNumbers); }

google::protobuf::Timestamp any_time() {
  google::protobuf::Timestamp time;
  if (World::the().chance(0.3))
    return rpc::time_to_proto(wall_now() + microseconds(World::the().between(-60, 60) * 1'000'000));
  time.set_seconds(any_number());
  if (World::the().chance(0.3)) time.set_nanos(any_int());
  return time;
}

google::protobuf::Duration any_duration() {
  google::protobuf::Duration span;
  if (World::the().chance(0.5))
    return rpc::duration_to_proto(microseconds(World::the().between(0, 40) * 1'000'000));
  span.set_seconds(any_number());
  if (World::the().chance(0.3)) span.set_nanos(any_int());
  return span;
}

std::string any_text() {
  World& world = World::the();
  switch (world.between(0, 6)) {
    case 0:
      return "";
    case 1:
      return std::string(static_cast<std::size_t>(world.between(100, 5000)), 'x');
    case 2:
      return std::string("a\0b", 3);
    case 3:
      return "'; DROP TABLE jobs; --";
    case 4:
      return "%_\x1b[2J/../..";
    case 5:
      return std::to_string(any_number());
    default:
      return "\xc3\xa4 word";
  }
}

v1::JobSpec any_spec(const std::string& other_job) {
  World& world = World::the();
  v1::JobSpec spec;
  const auto kind = world.between(0, 9);
  spec.set_name(kind < 6 ? "steady" : kind < 9 ? "shaky" : "endless");
  spec.add_argv("/bin/true");
  *spec.mutable_stop()->mutable_grace() =
      rpc::duration_to_proto(microseconds(world.between(0, 12) * 1'000'000));
  switch (world.between(0, 5)) {
    case 0:
      spoil_waiting(spec, other_job);
      break;
    case 1:
      spoil_size(spec);
      break;
    case 2:
      spoil_rights(spec);
      break;
    default:
      break;
  }
  return spec;
}

v1::ListJobsRequest any_list(const std::string& other_job) {
  World& world = World::the();
  v1::ListJobsRequest request;
  request.set_page_size(world.chance(0.5) ? any_int() : 20);
  if (world.chance(0.4)) request.set_page_token(any_text());
  if (world.chance(0.2)) request.set_name(any_text());
  if (world.chance(0.2)) request.set_user(world.chance(0.5) ? "alice" : any_text());
  if (world.chance(0.2)) request.set_worker(world.chance(0.5) ? "w1" : any_text());
  if (world.chance(0.2)) request.set_part_of(world.chance(0.5) ? other_job : any_text());
  if (world.chance(0.2)) *request.mutable_since_time() = any_time();
  if (world.chance(0.2)) *request.mutable_until_time() = any_time();
  for (auto more = world.chance(0.2) ? world.between(1, 1100) : 0; more > 0; --more)
    request.add_states(static_cast<v1::JobState>(world.chance(0.9) ? more % 8 + 1 : any_int()));
  for (auto more = world.chance(0.2) ? world.between(1, 70) : 0; more > 0; --more)
    (*request.mutable_labels())["k" + std::to_string(more)] = any_text();
  return request;
}

}  // namespace takt::sim
