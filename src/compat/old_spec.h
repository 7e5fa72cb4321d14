// SPDX-License-Identifier: Apache-2.0
// What an old worker can run: one command with one path, and nothing else. Pure.
#pragma once

#include <string>

#include "base/result.h"
#include "takt/v1/job.pb.h"

namespace takt::compat {

// The label of old workers, and of jobs that an old conductor started.
inline constexpr const char* kCompatLabel = "takt.compat";
inline constexpr const char* kCompatValue = "jobscheduler";

struct OldCommand {
  std::string command;
  std::string path;
};

// The command of a spec that asks for nothing beyond it; name, labels and constraints are the
// scheduler's business. kUnimplemented, for people, for any other.
//
// An old worker runs everything as its own user. The scheduler fills in the user who submits a job
// on its socket; such a job fits only if it names old workers in a constraint (takt.compat, or the
// worker's name), for then this is what was asked for. Another user never fits.
Result<OldCommand> old_command_of(const v1::JobSpec& spec, const std::string& submitted_by);

}  // namespace takt::compat
