// SPDX-License-Identifier: Apache-2.0
// From a spec to the launch plan: names become numbers, defaults become values.
#pragma once

#include <string>
#include <vector>

#include "attempt/plan.h"
#include "base/result.h"
#include "config/worker_config.h"
#include "job/job.h"
#include "worker/user_lookup.h"

namespace takt::worker {

struct PlanInput {
  const AttemptId& id;
  const JobSpec& spec;
  const UserIdentity& identity;
  const config::WorkerConfig& config;
  std::string script_path;   // where the script lies, if there is one
  std::string contact_path;  // for a lease: where the contact with the owner is noted
  BootTime last_contact;     // and what it is by now
};

// kInvalid, naming the field, for a script whose first line names no interpreter.
Result<attempt::LaunchPlan> make_plan(const PlanInput& input);

// The interpreter of a script and its argument, as the kernel reads a "#!" line: "#!/bin/sh -e x"
// is {"/bin/sh", "-e x"}.
Result<std::vector<std::string>> script_interpreter(const std::string& script);

}  // namespace takt::worker
