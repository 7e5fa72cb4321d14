// SPDX-License-Identifier: Apache-2.0
#include "job/state.h"

#include <csignal>
#include <cstring>

#include "base/units.h"

namespace takt {
namespace {

std::string signal_text(int signal) {
  const char* name = ::sigabbrev_np(signal);
  return name != nullptr ? "SIG" + std::string(name) : "signal " + std::to_string(signal);
}

// How the command itself ended, where that is known.
std::string leader_text(const JobEnd& end) {
  if (end.exit_code) return "exited with code " + std::to_string(*end.exit_code);
  if (end.signal)
    return "killed by " + signal_text(*end.signal) + (end.core_dumped ? ", core dumped" : "");
  return "";
}

// How the command took being ended by us.
std::string how_it_went(const JobEnd& end) {
  std::string how = end.killed && end.signal == SIGKILL ? "" : leader_text(end);
  if (end.killed) how += how.empty() ? "SIGKILL was needed" : ", SIGKILL was needed";
  return how;
}

std::string parts_text(const JobEnd& end) {
  const std::string total = std::to_string(end.parts_total);
  if (end.parts_failed > 0)
    return std::to_string(end.parts_failed) + " of " + total + " parts did not succeed";
  return end.parts_total == 1 ? "its part succeeded" : "all " + total + " parts succeeded";
}

std::string stopped_text(const JobEnd& end) {
  std::string text = "stopped";
  if (!end.stopped_by.empty()) text += " by " + end.stopped_by;
  if (!end.reason.empty()) text += ": " + end.reason;
  if (end.parts_failed > 0) return text + " (" + parts_text(end) + ")";
  const std::string how = how_it_went(end);
  return how.empty() ? text : text + " (" + how + ")";
}

std::string oom_text(const OomKill& oom) {
  std::string text;
  const auto size = [](std::int64_t bytes) {
    return format_bytes(static_cast<std::uint64_t>(bytes));
  };
  switch (oom.scope) {
    case OomScope::kJob:
      text = "killed by the kernel: memory limit";
      if (oom.limit_bytes) text += " " + size(*oom.limit_bytes);
      text += " reached";
      break;
    case OomScope::kHost:
      text = "killed by the kernel: the host was out of memory";
      break;
    case OomScope::kSystemdOomd:
      text = "killed by systemd-oomd: memory pressure";
      break;
  }
  if (oom.peak_bytes) text += ", peak " + size(*oom.peak_bytes);
  if (oom.kills)
    text += ", " + std::to_string(*oom.kills) + (*oom.kills == 1 ? " process" : " processes") +
            " killed";
  return text;
}

std::string timed_out_text(const JobEnd& end) {
  std::string text = "ran longer than its time limit";
  if (end.run_time_limit) text += " of " + format_duration(*end.run_time_limit);
  const std::string how = how_it_went(end);
  return how.empty() ? text : text + " (" + how + ")";
}

std::string start_failed_text(const JobEnd& end) {
  std::string text = "could not be started: " + end.failed_step;
  if (!end.detail.empty()) text += ": " + end.detail;
  if (end.error_number != 0) text += ": " + errno_text(end.error_number);
  return text;
}

std::string with_detail(const std::string& text, const JobEnd& end) {
  return end.detail.empty() ? text : text + ": " + end.detail;
}

}  // namespace

bool has_ended(JobState state) { return state >= JobState::kSucceeded; }

std::string_view state_name(JobState state) {
  switch (state) {
    case JobState::kQueued:
      return "queued";
    case JobState::kStarting:
      return "starting";
    case JobState::kRunning:
      return "running";
    case JobState::kPaused:
      return "paused";
    case JobState::kEnding:
      return "ending";
    case JobState::kSucceeded:
      return "succeeded";
    case JobState::kFailed:
      return "failed";
    case JobState::kStopped:
      return "stopped";
  }
  return "unknown";
}

std::string_view cause_name(EndCause cause) {
  switch (cause) {
    case EndCause::kExited:
      return "exited";
    case EndCause::kSignaled:
      return "signaled";
    case EndCause::kOomKilled:
      return "oom-killed";
    case EndCause::kTimedOut:
      return "timed-out";
    case EndCause::kStopped:
      return "stopped";
    case EndCause::kHostShutdown:
      return "host-shutdown";
    case EndCause::kStartFailed:
      return "start-failed";
    case EndCause::kWorkerLost:
      return "worker-lost";
    case EndCause::kSupervisorLost:
      return "supervisor-lost";
    case EndCause::kQueueTimedOut:
      return "queue-timed-out";
    case EndCause::kDependencyFailed:
      return "dependency-failed";
    case EndCause::kRejected:
      return "rejected";
    case EndCause::kPartsEnded:
      return "parts-ended";
  }
  return "unknown";
}

JobState state_of_end(const JobEnd& end) {
  if (end.cause == EndCause::kStopped) return JobState::kStopped;
  const bool well = end.cause == EndCause::kPartsEnded
                        ? end.parts_failed == 0
                        : end.cause == EndCause::kExited && end.exit_code == 0;
  return well ? JobState::kSucceeded : JobState::kFailed;
}

std::string end_message(const JobEnd& end) {
  switch (end.cause) {
    case EndCause::kExited:
    case EndCause::kSignaled: {
      const std::string text = leader_text(end);
      return text.empty() ? with_detail("ended with an error", end) : text;
    }
    case EndCause::kOomKilled:
      return end.oom ? oom_text(*end.oom) : "killed by the kernel: out of memory";
    case EndCause::kTimedOut:
      return timed_out_text(end);
    case EndCause::kStopped:
      return stopped_text(end);
    case EndCause::kHostShutdown:
      return with_detail("ended by the shutdown of its host", end);
    case EndCause::kStartFailed:
      return start_failed_text(end);
    case EndCause::kWorkerLost:
      return with_detail("worker lost", end);
    case EndCause::kSupervisorLost:
      return with_detail("supervisor lost: how the command ended is not known", end);
    case EndCause::kQueueTimedOut:
      return with_detail("waited in the queue longer than its limit", end);
    case EndCause::kDependencyFailed:
      return with_detail("a job that it depends on ended otherwise", end);
    case EndCause::kRejected:
      return with_detail("rejected", end);
    case EndCause::kPartsEnded:
      return parts_text(end);
  }
  return "";
}

}  // namespace takt
