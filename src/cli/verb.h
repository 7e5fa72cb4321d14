// SPDX-License-Identifier: Apache-2.0
// The table of verbs: overview, help, checks and dispatch all come from it.
#pragma once

#include <span>
#include <string_view>

#include "cli/exit_code.h"

namespace takt::cli {

class Invocation;

struct Verb {
  std::string_view name;
  std::string_view group;      // heading in the overview
  std::string_view operands;   // as in a usage line: "JOB..."
  std::string_view summary;    // one line of the overview
  std::string_view examples;   // whole lines, shown first in the help
  std::string_view details;    // whole lines, shown last in the help; may be empty
  bool takes_command = false;  // what follows the options, or "--", is a command
  int failure = kExitRefused;  // exits with this if refused or out of reach
  int usage = kExitUsage;      // exits with this if called wrongly
  // Declares its options, parses, acts; returns the exit code.
  int (*run)(Invocation& call) = nullptr;
};

// In the order of the overview; verbs of a group stand together.
std::span<const Verb* const> verbs();

// nullptr if there is no such verb.
const Verb* find_verb(std::string_view name);

// Each in its own file.
extern const Verb kRunVerb;
extern const Verb kSubmitVerb;
extern const Verb kStatusVerb;
extern const Verb kListVerb;
extern const Verb kStopVerb;
extern const Verb kPauseVerb;
extern const Verb kResumeVerb;
extern const Verb kRetryVerb;
extern const Verb kWaitVerb;
extern const Verb kWatchVerb;
extern const Verb kTopVerb;
extern const Verb kLogsVerb;
extern const Verb kExplainVerb;
extern const Verb kHoldVerb;
extern const Verb kReleaseVerb;
extern const Verb kUpdateVerb;
extern const Verb kWorkersVerb;
extern const Verb kDrainVerb;
extern const Verb kUndrainVerb;
extern const Verb kForgetVerb;
extern const Verb kOrphansVerb;
extern const Verb kLimitsVerb;
extern const Verb kDoctorVerb;

}  // namespace takt::cli
