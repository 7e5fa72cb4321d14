// SPDX-License-Identifier: Apache-2.0
// The launch plan: all that a supervisor needs to know about its attempt, as numbers and not as
// names. The worker encodes it into a memfd, the supervisor decodes it. Guarantees: what decodes is
// whole (length and CRC32) and within bounds; torn or hostile input is an error.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/limits.h"
#include "base/result.h"

namespace takt::attempt {

inline constexpr std::uint8_t kPlanVersion = 3;
inline constexpr std::size_t kPlanMaxBytes = 4 * limits::kMiB;
inline constexpr std::size_t kPlanGroupsMax = 65536;  // the kernel's NGROUPS_MAX
inline constexpr std::size_t kPlanRlimitsMax = 64;

inline constexpr const char* kJournalSocket = "/run/systemd/journal/socket";

// Who gets the stop signal first.
enum class StopTarget : std::uint8_t { kLeader = 1, kAll = 2 };

// One setrlimit(2) call; RLIM_INFINITY is ~0. A limit that is not `required` (a default, not the
// spec's) is cut to the present hard limit where the privilege to raise that is missing.
struct ResourceLimit {
  int resource = 0;  // RLIMIT_…
  std::uint64_t soft = 0;
  std::uint64_t hard = 0;
  bool required = false;
  friend bool operator==(const ResourceLimit&, const ResourceLimit&) = default;
};

// What the job may use; 0 is no limit. Goes to job/, but for the weights, which go to where the
// attempts of this worker stand side by side.
struct CgroupLimits {
  std::uint64_t memory_bytes = 0;
  std::uint64_t swap_bytes = 0;  // beside memory_bytes, and only with it
  bool oom_group = true;         // at the memory limit the whole job is killed, not one process
  std::uint64_t tasks = 0;
  std::uint64_t cpu_millicores = 0;
  std::uint64_t cpu_weight = 0;  // 0: not set
  std::uint64_t io_weight = 0;   // 0: not set
  friend bool operator==(const CgroupLimits&, const CgroupLimits&) = default;
};

struct LaunchPlan {
  std::string job_id;  // 36 characters
  std::uint32_t attempt = 0;
  std::string unit;  // for OBJECT_SYSTEMD_UNIT

  uid_t uid = 0;
  gid_t gid = 0;
  std::vector<gid_t> groups;  // supplementary; exactly these

  std::vector<std::string> argv;         // never empty
  std::vector<std::string> environment;  // "K=V"; the whole of it
  std::string search_path;               // for an argv[0] without a slash: "/usr/bin:/bin"

  std::string working_directory;                  // must be entered; empty: the spec named none
  std::vector<std::string> fallback_directories;  // then the first of these that can be entered

  mode_t umask = 0022;
  int nice = 0;
  bool no_new_privs = false;
  std::optional<std::string> stdin_data;  // absent: /dev/null
  std::vector<ResourceLimit> rlimits;     // applied in this order

  CgroupLimits limits;
  std::optional<microseconds> run_time_limit;  // absent: none
  bool count_paused = false;                   // whether that goes on while job/ is frozen

  std::optional<microseconds> lease;  // absent: runs on without any contact
  std::string contact_path;           // of what contact.h is about; not empty with a lease
  BootTime last_contact;              // what the worker knows by now

  int stop_signal = 15;
  StopTarget stop_target = StopTarget::kAll;
  microseconds grace = limits::kStopGraceDefault;

  std::uint64_t output_cap_bytes = limits::kOutputCapDefaultBytes;  // per stream
  std::optional<std::uint64_t> free_min_bytes;  // below it no output is kept; absent: by the disk
  bool journal = true;
  std::string syslog_identifier;
  std::string journal_socket = kJournalSocket;

  friend bool operator==(const LaunchPlan&, const LaunchPlan&) = default;
};

// kInvalid with the field's name if the plan breaks a bound (empty argv, a NUL, too many, too big).
Result<std::string> encode_plan(const LaunchPlan& plan);

// kDataLoss if the bytes are torn, changed, of another version or out of bounds.
Result<LaunchPlan> decode_plan(std::string_view bytes);

}  // namespace takt::attempt
