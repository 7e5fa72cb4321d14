// SPDX-License-Identifier: Apache-2.0
// Where a job stands, and how it ended.
//
//   QUEUED -> STARTING -> RUNNING -> ENDING -> SUCCEEDED | FAILED | STOPPED
//
// ENDING may also follow QUEUED's way out through STARTING; PAUSED stands beside RUNNING. A worker
// out of reach changes no state. Why it ended is EndCause, never another state.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"

namespace takt {

// The numbers are stored: never change them.
enum class JobState {
  kQueued = 0,
  kStarting = 1,
  kRunning = 2,
  kPaused = 3,
  kEnding = 4,
  kSucceeded = 5,
  kFailed = 6,
  kStopped = 7,
};

// The numbers are stored: never change them.
enum class EndCause {
  kExited = 0,
  kSignaled = 1,
  kOomKilled = 2,
  kTimedOut = 3,
  kStopped = 4,
  kHostShutdown = 5,
  kStartFailed = 6,
  kWorkerLost = 7,
  kSupervisorLost = 8,
  kQueueTimedOut = 9,
  kDependencyFailed = 10,
  kRejected = 11,
  kPartsEnded = 12,
};

[[nodiscard]] bool has_ended(JobState state);

// "queued", "running" …, as shown to people.
std::string_view state_name(JobState state);

// "exited", "oom-killed" …, as shown to people and in the journal.
std::string_view cause_name(EndCause cause);

// Whose limit was reached when memory ran out. The numbers are stored: never change them.
enum class OomScope {
  kJob = 0,
  kHost = 1,  // or one between host and job
  kSystemdOomd = 2,
};

// What is known of a kill for memory.
struct OomKill {
  OomScope scope = OomScope::kJob;
  std::optional<std::int64_t> limit_bytes;  // of kJob
  std::optional<std::int64_t> peak_bytes;
  std::optional<std::int64_t> kills;  // processes
  friend bool operator==(const OomKill&, const OomKill&) = default;
};

struct JobEnd {
  EndCause cause = EndCause::kExited;
  std::optional<int> exit_code;  // of the command, whatever the cause
  std::optional<int> signal;     // that killed the command, whatever the cause
  bool core_dumped = false;
  std::string failed_step;  // of a start: "user", "chdir", "exec" …
  int error_number = 0;     // of that step
  std::string field;        // of the spec that is to blame
  std::string stopped_by;
  std::string reason;                          // in the words of who stopped it
  bool killed = false;                         // SIGKILL was needed
  std::string detail;                          // more for people, such as the text of a failed step
  std::string note;                            // such as "cleanup lost"
  std::optional<OomKill> oom;                  // kOomKilled
  std::optional<microseconds> run_time_limit;  // kTimedOut
  int parts_total = 0;                         // of a job with parts
  int parts_failed = 0;                        // those of them that did not succeed
  friend bool operator==(const JobEnd&, const JobEnd&) = default;
};

// The state that follows from an end.
[[nodiscard]] JobState state_of_end(const JobEnd& end);

// What happened, in one sentence without a full stop: "exited with code 3", "could not be started:
// exec "uptimed": No such file or directory".
std::string end_message(const JobEnd& end);

// What an attempt used. Unknown is absent, never 0.
struct Usage {
  std::optional<microseconds> cpu_user;
  std::optional<microseconds> cpu_system;
  std::optional<std::int64_t> memory_peak_bytes;
  std::optional<std::int64_t> tasks_peak;
  std::optional<std::int64_t> io_read_bytes;
  std::optional<std::int64_t> io_write_bytes;
  std::optional<std::int64_t> stdout_bytes;
  std::optional<std::int64_t> stderr_bytes;
  std::optional<std::int64_t> stdout_truncated_bytes;
  std::optional<std::int64_t> stderr_truncated_bytes;
  std::optional<std::int64_t> stragglers;
  std::optional<std::int64_t> journal_dropped_lines;
  std::optional<microseconds> wall;          // from the command's start to its end, or to now
  std::optional<std::int64_t> memory_bytes;  // now, while it runs
  std::optional<std::int64_t> tasks;         // now, while it runs
  friend bool operator==(const Usage&, const Usage&) = default;
};

}  // namespace takt
