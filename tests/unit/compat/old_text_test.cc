// SPDX-License-Identifier: Apache-2.0
#include "compat/old_text.h"

#include <gtest/gtest.h>

#include <csignal>

#include "base/limits.h"

namespace takt::compat {
namespace {

JobEnd exited(int code) {
  JobEnd end;
  end.exit_code = code;
  return end;
}

JobEnd signaled(int signal, bool core) {
  JobEnd end;
  end.cause = EndCause::kSignaled;
  end.signal = signal;
  end.core_dumped = core;
  return end;
}

TEST(OldText, SaysWhatGoSays) {
  EXPECT_EQ(old_error_text(exited(0)), "");
  EXPECT_EQ(old_error_text(exited(3)), "exit status 3");
  EXPECT_EQ(old_error_text(signaled(SIGKILL, false)), "signal: killed");
  EXPECT_EQ(old_error_text(signaled(SIGTERM, false)), "signal: terminated");
  EXPECT_EQ(old_error_text(signaled(SIGSEGV, true)), "signal: segmentation fault (core dumped)");
  EXPECT_EQ(old_error_text(signaled(SIGUSR1, false)), "signal: user defined signal 1");
  EXPECT_EQ(old_error_text(signaled(40, false)), "signal: signal 40");
}

TEST(OldText, SaysHowTheCommandEndedWhateverTheCause) {
  JobEnd stopped = signaled(SIGKILL, false);
  stopped.cause = EndCause::kStopped;
  EXPECT_EQ(old_error_text(stopped), "signal: killed");
  stopped.signal.reset();
  stopped.exit_code = 0;
  EXPECT_EQ(old_error_text(stopped), "");
  JobEnd lost;
  lost.cause = EndCause::kSupervisorLost;
  EXPECT_EQ(old_error_text(lost), end_message(lost));
  EXPECT_NE(old_error_text(lost), "");
}

TEST(OldText, ReadsBackWhatItSays) {
  for (int code = 0; code <= 255; ++code) {
    const std::string text = old_error_text(exited(code));
    const JobEnd end = end_of_old_text(!text.empty(), text);
    EXPECT_EQ(end.cause, EndCause::kExited);
    EXPECT_EQ(end.exit_code, code);
  }
  for (int signal = 1; signal <= 64; ++signal) {
    for (const bool core : {false, true}) {
      const JobEnd end = end_of_old_text(true, old_error_text(signaled(signal, core)));
      EXPECT_EQ(end.cause, EndCause::kSignaled) << signal;
      EXPECT_EQ(end.signal, signal);
      EXPECT_EQ(end.core_dumped, core);
      EXPECT_EQ(state_of_end(end), JobState::kFailed);
      EXPECT_EQ(end.note, kOldNote);
    }
  }
}

TEST(OldText, KeepsWhatItCannotRead) {
  for (const char* text :
       {"fork/exec /bin/x: no such file", "exit status", "exit status x", "exit status 256",
        "exit status 0", "exit status -1", "exit status 3 ", "signal: ", "signal: sleepy",
        "signal: signal 65", "signal: signal 0", "stop signal: stopped (core dumped)"}) {
    const JobEnd end = end_of_old_text(true, text);
    EXPECT_EQ(state_of_end(end), JobState::kFailed) << text;
    EXPECT_FALSE(end.exit_code || end.signal || end.core_dumped) << text;
    EXPECT_EQ(end.detail, text);
    EXPECT_EQ(end_message(end), std::string("ended with an error: ") + text);
  }
  EXPECT_NE(end_of_old_text(true, "").detail, "");
  EXPECT_EQ(end_of_old_text(true, "a\xff").detail, "a?");
  EXPECT_EQ(end_of_old_text(true, std::string(10000, 'x')).detail.size(), limits::kOldTextMaxBytes);
}

TEST(OldText, NoErrorIsSuccessWhateverTheText) {
  EXPECT_EQ(state_of_end(end_of_old_text(false, "")), JobState::kSucceeded);
  EXPECT_EQ(state_of_end(end_of_old_text(false, "exit status 3")), JobState::kSucceeded);
}

TEST(OldText, KnowsAJobThatIsNotKnown) {
  EXPECT_TRUE(is_job_not_found(make_error(ErrorCode::kNotFound, "")));
  EXPECT_TRUE(is_job_not_found(make_error(ErrorCode::kInternal, "Job not found")));
  EXPECT_FALSE(is_job_not_found(make_error(ErrorCode::kInternal, "file not found")));
  EXPECT_FALSE(is_job_not_found(make_error(ErrorCode::kUnavailable, "")));
}

}  // namespace
}  // namespace takt::compat
