// SPDX-License-Identifier: Apache-2.0
// Names of an attempt: its folder and the files in it, its link, its unit and its cgroup leaves.
// What is made here parses back; anything else is refused.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/uuid.h"

namespace takt::attempt {

// Below the worker's state folder.
inline constexpr const char* kJobsFolder = "jobs";
inline constexpr const char* kActiveFolder = "active";
inline constexpr const char* kDamagedFolder = "damaged";  // links that were in active/

// Files of one attempt's folder.
inline constexpr const char* kSpecFile = "spec";
inline constexpr const char* kSupervisorFile = "supervisor";
inline constexpr const char* kStdoutFile = "stdout";
inline constexpr const char* kStderrFile = "stderr";
inline constexpr const char* kTimelineFile = "timeline";
inline constexpr const char* kScriptFile = "script";
inline constexpr const char* kStopFile = "stop";
inline constexpr const char* kExitFile = "exit";
inline constexpr const char* kAsideSuffix = ".damaged";  // of a file that could not be read

// Leaves of one attempt's cgroup: the supervisor sits in one, the job's processes in the other.
inline constexpr const char* kSupervisorLeaf = "supervisor";
inline constexpr const char* kJobLeaf = "job";
// Leaf of the delegated unit below which the cgroup launcher puts jobs: the process that holds it.
inline constexpr const char* kHoldLeaf = "hold";

// Which attempt of which job.
struct AttemptName {
  Uuid job_id;
  std::uint32_t number = 0;  // from 1
  friend bool operator==(const AttemptName&, const AttemptName&) = default;
};

// "jobs/<job id>/<attempt>", relative to the state folder.
std::string folder_path(const AttemptName& name);

// "<job id>.<attempt>": the link in active/ and the directory of the cgroup launcher.
std::string link_name(const AttemptName& name);
Result<AttemptName> parse_link_name(std::string_view text);

// "takt-job-<job id>.<attempt>.scope"; under the cgroup launcher the same name serves as a label.
std::string unit_name(const AttemptName& name);
Result<AttemptName> parse_unit_name(std::string_view text);

}  // namespace takt::attempt
