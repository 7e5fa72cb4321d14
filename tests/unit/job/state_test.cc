// SPDX-License-Identifier: Apache-2.0
// What follows from an end: the state, and the sentence for people.
#include "job/state.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <csignal>
#include <set>
#include <string>
#include <vector>

#include "job/worker.h"

namespace takt {
namespace {

constexpr int kStates = static_cast<int>(JobState::kStopped) + 1;
constexpr int kCauses = static_cast<int>(EndCause::kPartsEnded) + 1;

TEST(State, HasAnOwnNameEach) {
  std::set<std::string_view> names;
  for (int i = 0; i < kStates; ++i) names.insert(state_name(static_cast<JobState>(i)));
  EXPECT_EQ(names.size(), static_cast<std::size_t>(kStates));
  EXPECT_FALSE(names.contains("unknown"));
  names.clear();
  for (int i = 0; i < kCauses; ++i) names.insert(cause_name(static_cast<EndCause>(i)));
  EXPECT_EQ(names.size(), static_cast<std::size_t>(kCauses));
  EXPECT_FALSE(names.contains("unknown"));
  names.clear();
  for (int i = 0; i <= static_cast<int>(WorkerState::kDraining); ++i)
    names.insert(worker_state_name(static_cast<WorkerState>(i)));
  EXPECT_EQ(names.size(), 5U);
  EXPECT_FALSE(names.contains("unknown"));
}

TEST(State, OnlyTheLastThreeHaveEnded) {
  for (const JobState live : {JobState::kQueued, JobState::kStarting, JobState::kRunning,
                              JobState::kPaused, JobState::kEnding})
    EXPECT_FALSE(has_ended(live)) << state_name(live);
  for (const JobState ended : {JobState::kSucceeded, JobState::kFailed, JobState::kStopped})
    EXPECT_TRUE(has_ended(ended)) << state_name(ended);
}

TEST(StateOfEnd, SucceededOnlyByExitCodeZeroOfItsOwn) {
  EXPECT_EQ(state_of_end({.cause = EndCause::kExited, .exit_code = 0}), JobState::kSucceeded);
  EXPECT_EQ(state_of_end({.cause = EndCause::kExited, .exit_code = 1}), JobState::kFailed);
  EXPECT_EQ(state_of_end({.cause = EndCause::kExited}), JobState::kFailed)
      << "an exit code that is not known is no success";
  for (int i = 0; i < kCauses; ++i) {
    const auto cause = static_cast<EndCause>(i);
    if (cause == EndCause::kExited || cause == EndCause::kPartsEnded) continue;
    const JobState expected = cause == EndCause::kStopped ? JobState::kStopped : JobState::kFailed;
    EXPECT_EQ(state_of_end({.cause = cause}), expected) << cause_name(cause);
    EXPECT_EQ(state_of_end({.cause = cause, .exit_code = 0}), expected) << cause_name(cause);
  }
  EXPECT_EQ(state_of_end({.cause = EndCause::kPartsEnded, .parts_total = 2}), JobState::kSucceeded);
  EXPECT_EQ(state_of_end({.cause = EndCause::kPartsEnded, .parts_total = 2, .parts_failed = 1}),
            JobState::kFailed);
}

TEST(EndMessage, SaysWhatHappenedForEachCause) {
  struct Case {
    JobEnd end;
    std::string says;
  };
  const std::vector<Case> cases{
      {{.cause = EndCause::kExited, .exit_code = 3}, "exited with code 3"},
      {{.cause = EndCause::kSignaled, .signal = SIGSEGV, .core_dumped = true},
       "killed by SIGSEGV, core dumped"},
      {{.cause = EndCause::kSignaled, .signal = SIGKILL}, "killed by SIGKILL"},
      {{.cause = EndCause::kSignaled, .signal = SIGRTMIN + 2},
       "killed by signal " + std::to_string(SIGRTMIN + 2)},
      {{.cause = EndCause::kOomKilled}, "killed by the kernel: out of memory"},
      {{.cause = EndCause::kOomKilled,
        .oom = OomKill{.limit_bytes = std::int64_t{2} << 30,
                       .peak_bytes = std::int64_t{2} << 30,
                       .kills = 3}},
       "killed by the kernel: memory limit 2.0G reached, peak 2.0G, 3 processes killed"},
      {{.cause = EndCause::kOomKilled, .oom = OomKill{.scope = OomScope::kHost, .kills = 1}},
       "killed by the kernel: the host was out of memory, 1 process killed"},
      {{.cause = EndCause::kOomKilled, .oom = OomKill{.scope = OomScope::kSystemdOomd}},
       "killed by systemd-oomd: memory pressure"},
      {{.cause = EndCause::kTimedOut}, "ran longer than its time limit"},
      {{.cause = EndCause::kTimedOut, .exit_code = 0, .run_time_limit = std::chrono::hours(2)},
       "ran longer than its time limit of 2h (exited with code 0)"},
      {{.cause = EndCause::kTimedOut, .signal = SIGKILL, .killed = true},
       "ran longer than its time limit (SIGKILL was needed)"},
      {{.cause = EndCause::kHostShutdown}, "ended by the shutdown of its host"},
      {{.cause = EndCause::kStartFailed,
        .failed_step = "exec",
        .error_number = ENOENT,
        .detail = "\"uptimed\""},
       "could not be started: exec: \"uptimed\": No such file or directory"},
      {{.cause = EndCause::kStartFailed, .failed_step = "user", .detail = "there is no user \"x\""},
       "could not be started: user: there is no user \"x\""},
      {{.cause = EndCause::kWorkerLost, .detail = "its host has rebooted"},
       "worker lost: its host has rebooted"},
      {{.cause = EndCause::kSupervisorLost}, "supervisor lost: how the command ended is not known"},
      {{.cause = EndCause::kQueueTimedOut}, "waited in the queue longer than its limit"},
      {{.cause = EndCause::kDependencyFailed}, "a job that it depends on ended otherwise"},
      {{.cause = EndCause::kRejected, .detail = "no room"}, "rejected: no room"},
      {{.cause = EndCause::kPartsEnded, .parts_total = 4}, "all 4 parts succeeded"},
      {{.cause = EndCause::kPartsEnded, .parts_total = 4, .parts_failed = 1},
       "1 of 4 parts did not succeed"},
  };
  for (const Case& c : cases) EXPECT_EQ(end_message(c.end), c.says);
  for (int i = static_cast<int>(EndCause::kOomKilled); i < kCauses; ++i)
    EXPECT_FALSE(end_message({.cause = static_cast<EndCause>(i)}).empty());
}

TEST(EndMessage, OfAStopTellsByWhomWhyAndHowItWent) {
  JobEnd end{.cause = EndCause::kStopped};
  EXPECT_EQ(end_message(end), "stopped");
  end.stopped_by = "user alice";
  end.reason = "wrong table";
  EXPECT_EQ(end_message(end), "stopped by user alice: wrong table");
  end.exit_code = 0;
  EXPECT_EQ(end_message(end), "stopped by user alice: wrong table (exited with code 0)");
  end.killed = true;
  EXPECT_EQ(end_message(end),
            "stopped by user alice: wrong table (exited with code 0, SIGKILL was needed)");
  end.exit_code.reset();
  end.signal = SIGKILL;
  EXPECT_EQ(end_message(end), "stopped by user alice: wrong table (SIGKILL was needed)");
  end.signal = SIGTERM;
  end.killed = false;
  EXPECT_EQ(end_message(end), "stopped by user alice: wrong table (killed by SIGTERM)");
}

}  // namespace
}  // namespace takt
