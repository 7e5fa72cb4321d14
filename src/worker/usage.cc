// SPDX-License-Identifier: Apache-2.0
#include "worker/usage.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "attempt/folder.h"
#include "base/fs.h"
#include "base/limits.h"
#include "base/utf8.h"
#include "rpc/convert.h"
#include "rpc/convert_usage.h"

namespace takt::worker {
namespace {

// What is in the file so far. A stream that has said nothing has no file.
std::int64_t size_of(int folder, const char* file) {
  struct stat info {};
  return ::fstatat(folder, file, &info, 0) == 0 ? info.st_size : 0;
}

std::string proc_file(pid_t pid, const char* file) {
  auto text = read_file(AT_FDCWD, "/proc/" + std::to_string(pid) + "/" + file, limits::kKiB);
  if (!text) return "";
  while (text->ends_with('\n')) text->pop_back();
  return clean_text(*text);
}

// "pid (name) S …": the name may hold anything, so the last parenthesis counts.
char state_letter(const std::string& stat) {
  const std::size_t paren = stat.rfind(')');
  return paren == std::string::npos || paren + 2 >= stat.size() ? '?' : stat[paren + 2];
}

std::vector<RemainingProcess> processes_left(const cgroup::Cgroup& job, microseconds waited) {
  std::vector<RemainingProcess> left;
  const auto pids = job.processes();
  if (!pids) return left;
  for (const pid_t pid : *pids) {
    if (left.size() == limits::kRemainingMax) break;
    const std::string stat = proc_file(pid, "stat");
    if (stat.empty()) continue;  // it went meanwhile
    std::string waits_in = proc_file(pid, "wchan");
    if (waits_in == "0") waits_in.clear();
    left.push_back({.pid = pid,
                    .name = proc_file(pid, "comm"),
                    .state = state_letter(stat),
                    .wait_channel = std::move(waits_in),
                    .waited = waited});
  }
  return left;
}

}  // namespace

void refresh_usage(LiveAttempt& live) {
  Attempt& told = live.record;
  if (!live.went() || has_ended(told.state)) return;
  auto job = live.base.open_child(attempt::kJobLeaf);
  if (!job) return;
  const cgroup::CpuStat cpu = job->cpu_stat();
  const cgroup::IoStat io = job->io_stat();
  Usage& usage = told.usage;
  usage.cpu_user = cpu.user;
  usage.cpu_system = cpu.system;
  usage.memory_peak_bytes = as_signed(job->memory_peak());
  usage.memory_bytes = as_signed(job->memory_current());
  usage.tasks_peak = as_signed(job->tasks_peak());
  usage.tasks = as_signed(job->tasks_current());
  usage.io_read_bytes = as_signed(io.read_bytes);
  usage.io_write_bytes = as_signed(io.write_bytes);
  usage.stdout_bytes = size_of(live.folder.get(), attempt::kStdoutFile);
  usage.stderr_bytes = size_of(live.folder.get(), attempt::kStderrFile);
  if (told.start_time) usage.wall = wall_now() - *told.start_time;
  if (!live.ending_since) return;
  told.remaining = processes_left(
      *job, std::chrono::duration_cast<microseconds>(BootClock::now() - *live.ending_since));
}

std::vector<v1::SessionResponse> usage_messages(const std::vector<LivePtr>& attempts) {
  std::vector<v1::SessionResponse> messages;
  std::size_t filled = limits::kReportsPerMessage;
  for (const LivePtr& live : attempts) {
    if (has_ended(live->record.state)) continue;
    refresh_usage(*live);
    if (filled == limits::kReportsPerMessage) {
      messages.emplace_back();
      filled = 0;
    }
    ++filled;
    v1::AttemptUsage* usage = messages.back().mutable_usages()->add_usages();
    usage->set_job_id(live->record.id.job_id.str());
    usage->set_attempt(live->record.id.number);
    *usage->mutable_usage() = rpc::usage_to_proto(live->record.usage);
    for (const RemainingProcess& process : live->record.remaining)
      *usage->add_remaining() = rpc::process_to_proto(process);
  }
  return messages;
}

}  // namespace takt::worker
