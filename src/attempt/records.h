// SPDX-License-Identifier: Apache-2.0
// The records in an attempt's folder: `supervisor`, `stop`, `exit`. Text of key=value lines; values
// are percent-escaped where they would break a line. Guarantees: what encodes decodes to the same;
// unknown keys are ignored; a torn record or an unknown version is kDataLoss. Unknown stays
// unknown: an absent optional has no line.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "attempt/control.h"
#include "base/clock.h"
#include "base/result.h"

namespace takt::attempt {

// Why the attempt ended, as far as the supervisor can know. The last two are the worker's word, for
// an attempt whose supervisor left no record.
enum class EndCause {
  kExited,
  kSignaled,
  kOomKilled,
  kTimedOut,
  kStopped,
  kHostShutdown,
  kStartFailed,
  kSupervisorLost,
  kWorkerLost,
};

// "exited", "signaled", "oom_killed", "timed_out", "stopped" …
std::string_view to_string(EndCause cause);

// Who supervises the attempt. Written by the worker before `go`.
struct SupervisorRecord {
  pid_t pid = 0;
  std::uint64_t start_ticks = 0;  // process_start_ticks
  std::string boot_id;
  Launcher launcher = Launcher::kScope;
  std::string unit;
  std::string cgroup_path;  // of the base, as in /proc/PID/cgroup
  std::uint64_t cgroup_inode = 0;

  // From the line that the supervisor appends when it has got `go`, before it clones the command:
  // without it, no line of the job has run.
  std::optional<WallTime> go_time;

  // From the line that the supervisor appends when it has cloned the command; 0 before. It is only
  // for people.
  pid_t leader_pid = 0;

  // CLOCK_BOOTTIME of that, for what must not trust the wall clock.
  std::optional<BootTime> go_boot_time;

  // From the line that the supervisor appends each time that the job is thawed: how long its time
  // limit has stood still so far.
  microseconds paused{0};

  // From the line that the supervisor (or a worker that overrules it) appends when it begins to end
  // the job itself (a stop, the time limit): should it be lost now, this is why the job ended.
  std::optional<EndCause> ending_cause;

  // From the line that the supervisor appends at its leader's end.
  std::optional<int> leader_status;  // a wait status
  std::optional<WallTime> leader_end_time;

  friend bool operator==(const SupervisorRecord&, const SupervisorRecord&) = default;
};

std::string encode(const SupervisorRecord& record);
Result<SupervisorRecord> decode_supervisor_record(std::string_view text);

// The lines that are appended, with their newlines: "go=<wall time us>", "go_boot=<boot time us>".
std::string go_lines(WallTime time, BootTime boot_time);

// "leader_pid=<pid>".
std::string leader_pid_line(pid_t pid);

// "paused=<us>".
std::string paused_line(microseconds paused);

// "ending=<cause>".
std::string ending_line(EndCause cause);

// "leader=<wait status> <wall time us>".
std::string leader_line(int wait_status, WallTime time);

// Appends whole lines to the `supervisor` record in one write, so that a reader sees each line or
// nothing of it.
Result<void> append_to_record(int folder, std::string_view lines);

// Why an attempt is asked to stop.
enum class StopCause { kStop, kHostShutdown };

struct StopRecord {
  StopCause cause = StopCause::kStop;
  std::string by;
  std::string reason;
  std::optional<microseconds> grace;  // absent: the plan's
  friend bool operator==(const StopRecord&, const StopRecord&) = default;
};

std::string encode(const StopRecord& record);
Result<StopRecord> decode_stop_record(std::string_view text);

// What became of one output stream.
struct StreamTotals {
  std::uint64_t bytes = 0;            // in the file
  std::uint64_t truncated_bytes = 0;  // beyond the cap, dropped
  std::uint64_t lost_bytes = 0;       // that could not be written
  std::uint64_t spared_bytes = 0;     // of these (never more), not tried: free_min
  int error_number = 0;               // errno of the first failed write, 0 if none
  friend bool operator==(const StreamTotals&, const StreamTotals&) = default;
};

struct ExitRecord {
  EndCause cause = EndCause::kExited;
  std::optional<int> wait_status;  // the leader's; absent if none ran (WCOREDUMP tells of a core)

  // kStartFailed only.
  std::string failed_step;  // "chdir", "setuid", "exec" …
  int failed_errno = 0;
  std::string failed_field;  // of the spec: "working_directory", "user", "argv" …

  // kStopped and kHostShutdown only.
  std::string stop_by;
  std::string stop_reason;
  bool stopped_from_outside = false;  // no `stop` file: systemctl stop, or a bare signal

  // kOomKilled only.
  std::string oom_scope;  // "job", "host", "systemd_oomd": whose limit it was
  std::optional<std::uint64_t> oom_kills;
  std::uint64_t memory_limit_bytes = 0;  // the job's own; 0: none

  // kTimedOut only.
  std::optional<microseconds> run_time_limit;

  bool sigkill_needed = false;  // something of the tree outlasted its grace

  WallTime start_time;  // when the leader was made, or could not be
  WallTime end_time;    // of the leader
  microseconds duration{0};

  // Of the whole tree, from job/; absent is unknown.
  std::optional<microseconds> cpu_user;
  std::optional<microseconds> cpu_system;
  std::optional<std::uint64_t> memory_peak_bytes;
  std::optional<std::uint64_t> tasks_peak;
  std::optional<std::uint64_t> io_read_bytes;
  std::optional<std::uint64_t> io_write_bytes;

  StreamTotals stdout_totals;
  StreamTotals stderr_totals;
  std::uint64_t stragglers_killed = 0;  // processes ended by takt after the leader's own end
  std::uint64_t journal_lines_sent = 0;
  std::uint64_t journal_lines_dropped = 0;
  std::string note;

  friend bool operator==(const ExitRecord&, const ExitRecord&) = default;
};

std::string encode(const ExitRecord& record);
Result<ExitRecord> decode_exit_record(std::string_view text);

// The three, from an attempt's folder. kNotFound if the file is not there.
Result<SupervisorRecord> read_supervisor_record(int folder);
Result<StopRecord> read_stop_record(int folder);
Result<ExitRecord> read_exit_record(int folder);

// Written whole (tmp + rename), not synced: the worker syncs.
Result<void> write_record(int folder, const SupervisorRecord& record);
Result<void> write_record(int folder, const StopRecord& record);
Result<void> write_record(int folder, const ExitRecord& record);

}  // namespace takt::attempt
