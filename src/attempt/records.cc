// SPDX-License-Identifier: Apache-2.0
#include "attempt/records.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "attempt/folder.h"
#include "attempt/key_values.h"
#include "base/fs.h"
#include "base/limits.h"
#include "base/utf8.h"

// Every record opens with `version=` and closes its writer's part with `complete=yes`: a file cut
// short by power loss misses the latter.
namespace takt::attempt {
namespace {

constexpr std::int64_t kRecordVersion = 1;
constexpr mode_t kRecordMode = 0640;

struct CauseName {
  EndCause cause;
  std::string_view name;
};
constexpr std::array<CauseName, 9> kEndCauses{{{EndCause::kExited, "exited"},
                                               {EndCause::kSignaled, "signaled"},
                                               {EndCause::kOomKilled, "oom_killed"},
                                               {EndCause::kTimedOut, "timed_out"},
                                               {EndCause::kStopped, "stopped"},
                                               {EndCause::kHostShutdown, "host_shutdown"},
                                               {EndCause::kStartFailed, "start_failed"},
                                               {EndCause::kSupervisorLost, "supervisor_lost"},
                                               {EndCause::kWorkerLost, "worker_lost"}}};

std::optional<EndCause> parse_cause(std::string_view name) {
  for (const CauseName& entry : kEndCauses)
    if (entry.name == name) return entry.cause;
  return std::nullopt;
}

KeyValueWriter begin_record() {
  KeyValueWriter out;
  out.number("version", kRecordVersion);
  return out;
}

std::string end_record(KeyValueWriter& out) {
  out.text("complete", "yes");
  return out.take();
}

Error damaged(const std::string& record, const std::string& how) {
  return make_error(ErrorCode::kDataLoss, "the " + record + " record is damaged: " + how);
}

Result<void> check_frame(KeyValueReader& in, const std::string& record) {
  const auto version = in.number<std::int64_t>("version");
  if (!version) return damaged(record, "no version");
  if (*version != kRecordVersion)
    return damaged(record, "version " + std::to_string(*version) + " is unknown");
  if (in.text("complete") != "yes") return damaged(record, "it is cut short");
  return {};
}

Result<void> check_values(const KeyValueReader& in, const std::string& record) {
  if (in.good()) return {};
  return damaged(record, "bad value of " + in.bad_key());
}

// What people and other programs said: five of them, escaped, fit a record. A longer record could
// not be read again, and its attempt would seem to have lost its supervisor.
std::string free_text(const std::string& text, std::size_t most = limits::kRecordTextMaxBytes) {
  return clean_text(text, most);
}

bool read_yes(const KeyValueReader& in, std::string_view key) { return in.text(key) == "yes"; }

void write_yes(KeyValueWriter& out, std::string_view key, bool value) {
  if (value) out.text(key, "yes");
}

void write_stream(KeyValueWriter& out, const std::string& name, const StreamTotals& totals) {
  out.number(name + "_bytes", totals.bytes);
  out.number(name + "_truncated_bytes", totals.truncated_bytes);
  if (totals.error_number == 0 && totals.lost_bytes == 0) return;
  out.number(name + "_lost_bytes", totals.lost_bytes);
  if (totals.spared_bytes != 0) out.number(name + "_spared_bytes", totals.spared_bytes);
  out.number(name + "_errno", totals.error_number);
}

StreamTotals read_stream(KeyValueReader& in, const std::string& name) {
  StreamTotals totals{.bytes = in.number_or<std::uint64_t>(name + "_bytes", 0),
                      .truncated_bytes = in.number_or<std::uint64_t>(name + "_truncated_bytes", 0),
                      .lost_bytes = in.number_or<std::uint64_t>(name + "_lost_bytes", 0),
                      .spared_bytes = in.number_or<std::uint64_t>(name + "_spared_bytes", 0),
                      .error_number = in.number_or<int>(name + "_errno", 0)};
  // They are some of the lost ones, whatever the record says.
  totals.spared_bytes = std::min(totals.spared_bytes, totals.lost_bytes);
  return totals;
}

// "<wait status> <wall time us>"; anything else is no leader's end.
void read_leader(const std::string& value, SupervisorRecord& record) {
  int status = 0;
  std::int64_t us = 0;
  const char* const end = value.data() + value.size();
  const auto first = std::from_chars(value.data(), end, status);
  if (first.ec != std::errc() || first.ptr == end || *first.ptr != ' ') return;
  const auto second = std::from_chars(first.ptr + 1, end, us);
  if (second.ec != std::errc() || second.ptr != end) return;
  record.leader_status = status;
  record.leader_end_time = from_unix_us(us);
}

// A span that no clock here can show is nothing.
std::optional<microseconds> read_clock_span(KeyValueReader& in, std::string_view key) {
  constexpr microseconds kMost = std::chrono::hours(24 * 365 * 100);
  const auto span = in.span(key);
  return span && *span >= microseconds(0) && *span <= kMost ? span : std::nullopt;
}

// What the supervisor has appended so far.
void read_appended(KeyValueReader& in, SupervisorRecord& record) {
  if (const auto go = in.number<std::int64_t>("go")) record.go_time = from_unix_us(*go);
  if (const auto go = read_clock_span(in, "go_boot")) record.go_boot_time = BootTime(*go);
  record.leader_pid = in.number_or<pid_t>("leader_pid", 0);
  record.paused = read_clock_span(in, "paused").value_or(microseconds(0));
  record.ending_cause = parse_cause(in.text("ending"));
  read_leader(in.text("leader"), record);
}

void write_cause_data(KeyValueWriter& out, const ExitRecord& record) {
  out.text_if("failed_step", free_text(record.failed_step));
  if (record.failed_errno != 0) out.number("failed_errno", record.failed_errno);
  out.text_if("failed_field", free_text(record.failed_field));
  out.text_if("stop_by", free_text(record.stop_by));
  out.text_if("stop_reason", free_text(record.stop_reason));
  write_yes(out, "stopped_from_outside", record.stopped_from_outside);
  out.text_if("oom_scope", record.oom_scope);
  out.number_if("oom_kills", record.oom_kills);
  if (record.memory_limit_bytes != 0) out.number("memory_limit_bytes", record.memory_limit_bytes);
  out.span_if("run_time_limit_us", record.run_time_limit);
  write_yes(out, "sigkill_needed", record.sigkill_needed);
}

void read_cause_data(KeyValueReader& in, ExitRecord& record) {
  record.failed_step = free_text(in.text("failed_step"));
  record.failed_errno = in.number_or<int>("failed_errno", 0);
  record.failed_field = free_text(in.text("failed_field"));
  record.stop_by = free_text(in.text("stop_by"));
  record.stop_reason = free_text(in.text("stop_reason"));
  record.stopped_from_outside = read_yes(in, "stopped_from_outside");
  record.oom_scope = in.text("oom_scope");
  record.oom_kills = in.number<std::uint64_t>("oom_kills");
  record.memory_limit_bytes = in.number_or<std::uint64_t>("memory_limit_bytes", 0);
  record.run_time_limit = in.span("run_time_limit_us");
  record.sigkill_needed = read_yes(in, "sigkill_needed");
}

void write_usage(KeyValueWriter& out, const ExitRecord& record) {
  out.span_if("cpu_user_us", record.cpu_user);
  out.span_if("cpu_system_us", record.cpu_system);
  out.number_if("memory_peak_bytes", record.memory_peak_bytes);
  out.number_if("tasks_peak", record.tasks_peak);
  out.number_if("io_read_bytes", record.io_read_bytes);
  out.number_if("io_write_bytes", record.io_write_bytes);
}

void read_usage(KeyValueReader& in, ExitRecord& record) {
  record.cpu_user = in.span("cpu_user_us");
  record.cpu_system = in.span("cpu_system_us");
  record.memory_peak_bytes = in.number<std::uint64_t>("memory_peak_bytes");
  record.tasks_peak = in.number<std::uint64_t>("tasks_peak");
  record.io_read_bytes = in.number<std::uint64_t>("io_read_bytes");
  record.io_write_bytes = in.number<std::uint64_t>("io_write_bytes");
}

std::string go_line(WallTime time) { return "go=" + std::to_string(to_unix_us(time)) + "\n"; }

std::string go_boot_line(BootTime time) {
  const auto us = std::chrono::duration_cast<microseconds>(time.time_since_epoch());
  return "go_boot=" + std::to_string(us.count()) + "\n";
}

Result<std::string> read_record(int folder, const char* name) {
  auto text = read_file(folder, name, limits::kRecordMaxBytes);
  if (!text && text.error().error_number == ENOENT)
    return make_error(ErrorCode::kNotFound, std::string("no ") + name + " record");
  return text;
}

}  // namespace

std::string_view to_string(EndCause cause) {
  for (const CauseName& entry : kEndCauses)
    if (entry.cause == cause) return entry.name;
  return "unknown";
}

std::string encode(const SupervisorRecord& record) {
  KeyValueWriter out = begin_record();
  out.number("pid", record.pid);
  out.number("start_ticks", record.start_ticks);
  out.text("boot_id", record.boot_id);
  out.text("launcher", to_string(record.launcher));
  out.text("unit", record.unit);
  out.text("cgroup_path", record.cgroup_path);
  out.number("cgroup_inode", record.cgroup_inode);
  std::string text = end_record(out);
  if (record.go_time) text += go_line(*record.go_time);
  if (record.go_boot_time) text += go_boot_line(*record.go_boot_time);
  if (record.leader_pid != 0) text += leader_pid_line(record.leader_pid);
  if (record.paused > microseconds(0)) text += paused_line(record.paused);
  if (record.ending_cause) text += ending_line(*record.ending_cause);
  if (record.leader_status && record.leader_end_time)
    text += leader_line(*record.leader_status, *record.leader_end_time);
  return text;
}

Result<SupervisorRecord> decode_supervisor_record(std::string_view text) {
  const std::string name = kSupervisorFile;
  KeyValueReader in(text);
  auto framed = check_frame(in, name);
  if (!framed) return framed.error();
  SupervisorRecord record;
  record.pid = in.required<pid_t>("pid");
  record.start_ticks = in.required<std::uint64_t>("start_ticks");
  record.boot_id = in.text("boot_id");
  auto launcher = parse_launcher(in.text("launcher"));
  if (!launcher) return damaged(name, launcher.error().message);
  record.launcher = *launcher;
  record.unit = in.text("unit");
  record.cgroup_path = in.text("cgroup_path");
  record.cgroup_inode = in.required<std::uint64_t>("cgroup_inode");
  read_appended(in, record);
  auto checked = check_values(in, name);
  if (!checked) return checked.error();
  return record;
}

std::string go_lines(WallTime time, BootTime boot_time) {
  return go_line(time) + go_boot_line(boot_time);
}

std::string leader_pid_line(pid_t pid) { return "leader_pid=" + std::to_string(pid) + "\n"; }

std::string paused_line(microseconds paused) {
  return "paused=" + std::to_string(paused.count()) + "\n";
}

Result<void> append_to_record(int folder, std::string_view lines) {
  auto file = open_at(folder, kSupervisorFile, O_WRONLY | O_APPEND);
  if (!file) return file.error();
  return write_all(file->get(), lines, kSupervisorFile);
}

std::string ending_line(EndCause cause) { return "ending=" + std::string(to_string(cause)) + "\n"; }

std::string leader_line(int wait_status, WallTime time) {
  return "leader=" + std::to_string(wait_status) + " " + std::to_string(to_unix_us(time)) + "\n";
}

std::string encode(const StopRecord& record) {
  KeyValueWriter out = begin_record();
  out.text("cause", record.cause == StopCause::kHostShutdown ? "host_shutdown" : "stop");
  out.text_if("by", free_text(record.by));
  out.text_if("reason", free_text(record.reason, limits::kReasonMaxBytes));
  out.span_if("grace_us", record.grace);
  return end_record(out);
}

Result<StopRecord> decode_stop_record(std::string_view text) {
  const std::string name = kStopFile;
  KeyValueReader in(text);
  auto framed = check_frame(in, name);
  if (!framed) return framed.error();
  StopRecord record;
  // A cause that this build does not know is still a request to stop.
  if (in.text("cause") == "host_shutdown") record.cause = StopCause::kHostShutdown;
  record.by = free_text(in.text("by"));
  record.reason = free_text(in.text("reason"), limits::kReasonMaxBytes);
  record.grace = in.span("grace_us");
  if (record.grace && *record.grace < microseconds(0)) in.damage("grace_us");
  auto checked = check_values(in, name);
  if (!checked) return checked.error();
  if (record.grace) record.grace = std::min<microseconds>(*record.grace, limits::kStopGraceMax);
  return record;
}

std::string encode(const ExitRecord& record) {
  KeyValueWriter out = begin_record();
  out.text("cause", to_string(record.cause));
  out.number_if("wait_status", record.wait_status);
  write_cause_data(out, record);
  out.number("start_us", to_unix_us(record.start_time));
  out.number("end_us", to_unix_us(record.end_time));
  out.number("duration_us", record.duration.count());
  write_usage(out, record);
  write_stream(out, kStdoutFile, record.stdout_totals);
  write_stream(out, kStderrFile, record.stderr_totals);
  out.number("stragglers_killed", record.stragglers_killed);
  out.number("journal_lines_sent", record.journal_lines_sent);
  out.number("journal_lines_dropped", record.journal_lines_dropped);
  out.text_if("note", free_text(record.note));
  return end_record(out);
}

Result<ExitRecord> decode_exit_record(std::string_view text) {
  const std::string name = kExitFile;
  KeyValueReader in(text);
  auto framed = check_frame(in, name);
  if (!framed) return framed.error();
  ExitRecord record;
  const auto cause = parse_cause(in.text("cause"));
  if (!cause) return damaged(name, "cause \"" + in.text("cause") + "\" is unknown");
  record.cause = *cause;
  record.wait_status = in.number<int>("wait_status");
  if (!record.wait_status &&
      (record.cause == EndCause::kExited || record.cause == EndCause::kSignaled))
    return damaged(name, "no wait status");
  read_cause_data(in, record);
  record.start_time = from_unix_us(in.required<std::int64_t>("start_us"));
  record.end_time = from_unix_us(in.required<std::int64_t>("end_us"));
  record.duration = microseconds(in.required<std::int64_t>("duration_us"));
  read_usage(in, record);
  record.stdout_totals = read_stream(in, kStdoutFile);
  record.stderr_totals = read_stream(in, kStderrFile);
  record.stragglers_killed = in.number_or<std::uint64_t>("stragglers_killed", 0);
  record.journal_lines_sent = in.number_or<std::uint64_t>("journal_lines_sent", 0);
  record.journal_lines_dropped = in.number_or<std::uint64_t>("journal_lines_dropped", 0);
  record.note = free_text(in.text("note"));
  auto checked = check_values(in, name);
  if (!checked) return checked.error();
  return record;
}

Result<SupervisorRecord> read_supervisor_record(int folder) {
  auto text = read_record(folder, kSupervisorFile);
  if (!text) return text.error();
  return decode_supervisor_record(*text);
}

Result<StopRecord> read_stop_record(int folder) {
  auto text = read_record(folder, kStopFile);
  if (!text) return text.error();
  return decode_stop_record(*text);
}

Result<ExitRecord> read_exit_record(int folder) {
  auto text = read_record(folder, kExitFile);
  if (!text) return text.error();
  return decode_exit_record(*text);
}

Result<void> write_record(int folder, const SupervisorRecord& record) {
  return replace_file(folder, kSupervisorFile, encode(record), kRecordMode);
}

Result<void> write_record(int folder, const StopRecord& record) {
  return replace_file(folder, kStopFile, encode(record), kRecordMode);
}

Result<void> write_record(int folder, const ExitRecord& record) {
  return replace_file(folder, kExitFile, encode(record), kRecordMode);
}

}  // namespace takt::attempt
