// SPDX-License-Identifier: Apache-2.0
#include "job/state.h"

#include <csignal>
#include <cstring>

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

std::string stopped_text(const JobEnd& end) {
  std::string text = "stopped";
  if (!end.stopped_by.empty()) text += " by " + end.stopped_by;
  if (!end.reason.empty()) text += ": " + end.reason;
  std::string how = end.killed && end.signal == SIGKILL ? "" : leader_text(end);
  if (end.killed) how += how.empty() ? "SIGKILL was needed" : ", SIGKILL was needed";
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
  }
  return "unknown";
}

JobState state_of_end(const JobEnd& end) {
  if (end.cause == EndCause::kStopped) return JobState::kStopped;
  const bool well = end.cause == EndCause::kExited && end.exit_code == 0;
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
      return with_detail("killed by the kernel: out of memory", end);
    case EndCause::kTimedOut:
      return with_detail("ran longer than its time limit", end);
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
  }
  return "";
}

}  // namespace takt
