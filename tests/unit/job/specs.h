// SPDX-License-Identifier: Apache-2.0
// Specs for tests: the smallest that is valid, and one in which every field says something.
#pragma once

#include "job/spec.h"

namespace takt::test {

inline JobSpec small_spec() {
  JobSpec spec;
  spec.argv = {"/bin/true"};
  return spec;
}

inline JobSpec full_spec() {
  JobSpec spec;
  spec.name = "nightly:1";
  spec.argv = {"--full", "", "two words"};
  spec.script = "#!/bin/sh\necho \"$1\"\n";
  spec.environment = {{"LANG", "C.UTF-8"}, {"EMPTY", ""}};
  spec.working_directory = "/srv";
  spec.user = "backup";
  spec.group = "tape";
  spec.stdin_data = std::string("in\0put", 6);
  spec.resources = {.cpu_millicores = 1500,
                    .memory_bytes = std::int64_t{512} << 20,
                    .swap_bytes = std::int64_t{1} << 20,
                    .tasks = 100,
                    .counted = {{"gpu", 2}, {"license", 1}}};
  spec.cpu_weight = 300;
  spec.io_weight = 50;
  spec.oom_policy = OomPolicy::kProcess;
  spec.run_time_limit = std::chrono::hours(2);
  spec.count_paused = true;
  spec.lease = std::chrono::minutes(10);
  spec.priority = -3;
  spec.queue_time_limit = std::chrono::hours(1);
  spec.not_before = from_unix_us(1'800'000'000'000'000);
  spec.hold = true;
  spec.retry = RetryPolicy{.max_attempts = 4,
                           .on = {EndCause::kExited, EndCause::kWorkerLost},
                           .exit_codes = {75},
                           .backoff = std::chrono::seconds(30),
                           .on_lost = true};
  spec.array = ArraySpec{.count = 9, .max_running = 2, .indexes = {1, 8}};
  spec.dependencies = {
      {Uuid::parse("0a0b0c0d-0000-4000-8000-000000000001").value(), DependencyCondition::kFailure}};
  spec.nice = -5;
  spec.umask = 027;
  spec.allow_new_privileges = true;
  spec.stop = {.signal = 2, .target = StopTarget::kLeader, .grace = std::chrono::seconds(90)};
  spec.constraints = {{"role", ConstraintOperator::kIn, {"db", "web"}},
                      {"gpu", ConstraintOperator::kExists, {}}};
  spec.labels = {{"team", "ops"}, {"bare", ""}};
  spec.readers = {"bob", "takt://user/carol"};
  spec.output_cap_bytes = 4096;
  spec.journal = false;
  spec.launcher = Launcher::kCgroup;
  return spec;
}

}  // namespace takt::test
