// SPDX-License-Identifier: Apache-2.0
// What an old worker can run: one command with one path, and nothing else. Pure.
#pragma once

#include <string>

#include "base/result.h"
#include "takt/v1/job.pb.h"

namespace takt::compat {

struct OldCommand {
  std::string command;
  std::string path;
};

// The command of a spec that asks for nothing beyond it; name, labels and constraints are the
// scheduler's business. kUnimplemented, for people, for any other.
Result<OldCommand> old_command_of(const v1::JobSpec& spec);

}  // namespace takt::compat
