// SPDX-License-Identifier: Apache-2.0
// What the user asks for, as data. Holds only what this build honours: fields of the API beyond it
// are refused by name where the API is read (rpc/convert_spec.h), never carried along.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/uuid.h"
#include "job/amounts.h"
#include "job/retry.h"

namespace takt {

enum class Launcher { kDefault, kScope, kCgroup };

enum class StopTarget { kAll, kLeader };

struct StopPolicy {
  int signal = 15;
  StopTarget target = StopTarget::kAll;
  microseconds grace = std::chrono::seconds(10);
  friend bool operator==(const StopPolicy&, const StopPolicy&) = default;
};

// What a job may use. Zero and absent are no limit, except that memory without swap has none.
struct Resources {
  std::int64_t cpu_millicores = 0;
  std::int64_t memory_bytes = 0;
  std::optional<std::int64_t> swap_bytes;  // beside the memory; absent: none
  std::int64_t tasks = 0;
  Counts counted;  // of what workers declare, such as "gpu"; each above 0
  friend bool operator==(const Resources&, const Resources&) = default;
};

// What the kernel kills when the memory limit is reached: the whole job, or one process of it.
enum class OomPolicy { kJob, kProcess };

enum class ConstraintOperator { kEqual, kNotEqual, kIn, kExists };

// A condition on one label of a worker. The label "worker" is the worker's name.
struct Constraint {
  std::string key;
  ConstraintOperator op = ConstraintOperator::kEqual;
  std::vector<std::string> values;
  friend auto operator<=>(const Constraint&, const Constraint&) = default;
};

using Labels = std::map<std::string, std::string>;

struct EnvironmentVariable {
  std::string name;
  std::string value;
  friend bool operator==(const EnvironmentVariable&, const EnvironmentVariable&) = default;
};

// Many jobs of one kind: parts with the indexes 0 to count - 1.
struct ArraySpec {
  int count = 1;
  int max_running = 0;       // at once; 0: no bound
  std::vector<int> indexes;  // only these parts, ascending; empty: all
  friend bool operator==(const ArraySpec&, const ArraySpec&) = default;
};

enum class DependencyCondition { kSuccess, kEnd, kFailure };

// A job that must end first.
struct Dependency {
  Uuid job_id;
  DependencyCondition condition = DependencyCondition::kSuccess;
  friend bool operator==(const Dependency&, const Dependency&) = default;
};

struct JobSpec {
  std::string name;
  std::vector<std::string> argv;  // of the script, if there is one
  std::string script;             // empty: argv is the command
  std::vector<EnvironmentVariable> environment;
  std::string working_directory;  // empty: the user's home, else "/"
  std::string user;               // empty: decided by run_as (worker)
  std::string group;              // empty: the user's own
  std::optional<std::string> stdin_data;
  Resources resources;
  std::int64_t cpu_weight = 0;  // 0: the default, 100
  std::int64_t io_weight = 0;   // 0: the default, 100
  OomPolicy oom_policy = OomPolicy::kJob;
  std::optional<microseconds> run_time_limit;
  bool count_paused = false;  // whether that limit goes on while the job is paused
  int priority = 0;           // higher starts first
  std::optional<microseconds> queue_time_limit;  // how long it may wait; absent: for ever
  std::optional<WallTime> not_before;            // absent: at once
  bool hold = false;                             // waits until somebody releases it
  std::optional<microseconds> lease;  // how long it runs on without contact; absent: for ever
  std::optional<RetryPolicy> retry;   // absent: never tried again
  std::optional<ArraySpec> array;     // absent: one job
  bool one_per_worker = false;        // a part on each worker that matches
  std::vector<Dependency> dependencies;
  StopPolicy stop;
  std::vector<Constraint> constraints;
  Labels labels;
  std::uint64_t output_cap_bytes = 0;  // 0: the worker's default
  std::optional<bool> journal;         // absent: the worker's default
  Launcher launcher = Launcher::kDefault;
  int nice = 0;
  std::optional<std::uint32_t> umask;  // absent: 022
  bool allow_new_privileges = false;
  std::vector<std::string> readers;  // accounts that may see all of it, and not act on it
  friend bool operator==(const JobSpec&, const JobSpec&) = default;
};

// Whether the spec can be accepted at all; the error names the field ("spec.argv") and what is
// accepted, and so does each of `more`. What only a worker can tell (users, folders) is not looked
// at.
Result<void> validate_spec(const JobSpec& spec);

// kPermissionDenied if the spec asks for what only operators may have, at the cost of all other
// jobs: a niceness below 0, a weight above 100. The error names the field and the value.
Result<void> check_for_user(const JobSpec& spec);

// -limits::kPriorityMax to limits::kPriorityMax.
Result<void> validate_priority(int priority, const std::string& field);

// Letters, digits and "._-:@", up to limits::kNameMaxBytes; used for names of jobs and workers.
Result<void> validate_name(const std::string& name, const std::string& field);

// Label keys and values: as names; a value may be empty.
Result<void> validate_labels(const Labels& labels, const std::string& field);

// Whether a job that ended in this state is what was waited for.
bool is_fulfilled(DependencyCondition condition, bool succeeded);

// Whether a worker with these labels satisfies every constraint.
bool constraints_hold(const std::vector<Constraint>& constraints, const Labels& worker_labels);

// About how many bytes the spec takes in the store: its texts, and some for each of them.
std::size_t stored_bytes(const JobSpec& spec);

// The framed form kept on disk and in the store. Decoding any bytes is safe.
std::string encode_spec(const JobSpec& spec);
Result<JobSpec> decode_spec(std::string_view record);

// The command in one line for people, shell-quoted where needed; "script" and arguments for one.
std::string command_line(const JobSpec& spec);

}  // namespace takt
