// SPDX-License-Identifier: Apache-2.0
#include "cli/verb.h"

#include <array>

namespace takt::cli {
namespace {

constexpr std::array kVerbs = {
    &kRunVerb,     &kSubmitVerb, &kListVerb,    &kStatusVerb,  &kExplainVerb, &kStopVerb,
    &kPauseVerb,   &kResumeVerb, &kHoldVerb,    &kReleaseVerb, &kUpdateVerb,  &kRetryVerb,
    &kWaitVerb,    &kWatchVerb,  &kLogsVerb,    &kWorkersVerb, &kTopVerb,     &kDrainVerb,
    &kUndrainVerb, &kForgetVerb, &kOrphansVerb, &kLimitsVerb,  &kDoctorVerb};

}  // namespace

std::span<const Verb* const> verbs() { return kVerbs; }

const Verb* find_verb(std::string_view name) {
  for (const Verb* verb : kVerbs)
    if (verb->name == name) return verb;
  return nullptr;
}

}  // namespace takt::cli
