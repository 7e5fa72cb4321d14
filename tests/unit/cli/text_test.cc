// SPDX-License-Identifier: Apache-2.0
#include "cli/text.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <cstdint>
#include <limits>

#include "cli/exit_code.h"
#include "cli/json.h"
#include "cli/status_block.h"
#include "takt/v1/job_service.pb.h"
#include "unit/cli/fake_scheduler.h"
#include "unit/cli/golden.h"
#include "unit/rpc/fill.h"

namespace takt::cli {
namespace {

v1::JobEnd end_of(v1::EndCause cause) {
  v1::JobEnd end;
  end.set_cause(cause);
  return end;
}

v1::JobEnd start_failed(const std::string& step, int error_number) {
  v1::JobEnd end = end_of(v1::END_CAUSE_START_FAILED);
  end.set_failed_step(step);
  end.set_error_number(error_number);
  return end;
}

TEST(Text, NothingSteersATerminal) {
  EXPECT_EQ(printable("a\033[31mb\nc\x7f"), "a\\x1b[31mb\\x0ac\\x7f");
  EXPECT_EQ(printable("größe"), "größe");
  v1::JobSpec spec;
  spec.add_argv("printf");
  spec.add_argv("\033]0;gotcha\007");
  EXPECT_EQ(command_text(spec), "printf '\\x1b]0;gotcha\\x07'");
}

TEST(Text, AnothersCommandIsSaidNotToBeShown) {
  v1::Job job;
  job.mutable_spec()->add_argv("true");
  EXPECT_EQ(command_text(job), "true");
  job.clear_spec();
  job.set_is_summary(true);
  EXPECT_EQ(command_text(job), "(not shown)");
}

TEST(Text, CoarseIsTheLargestUnit) {
  EXPECT_EQ(coarse(seconds(250)), "4min");
  EXPECT_EQ(coarse(seconds(12)), "12s");
  EXPECT_EQ(coarse(milliseconds(250)), "0s");
}

TEST(Text, SubmittersAreShownByName) {
  v1::Job job;
  EXPECT_EQ(submitter(job), "-");
  job.set_submitted_by("user alice");
  EXPECT_EQ(submitter(job), "alice");
  job.set_submitted_by("CN=build-1");
  EXPECT_EQ(submitter(job), "CN=build-1");
}

TEST(Text, UnknownStatesAreSaidToBeUnknown) {
  EXPECT_EQ(state_text(static_cast<v1::JobState>(99)), "unknown");
  EXPECT_EQ(state_text(v1::JOB_STATE_RUNNING), "running");
  EXPECT_EQ(worker_state_text(v1::WORKER_STATE_UNSPECIFIED), "unknown");
  EXPECT_EQ(worker_state_text(v1::WORKER_STATE_AWAY), "away");
}

TEST(Text, CpuTimeIsUnknownRatherThanZero) {
  v1::Usage usage;
  EXPECT_FALSE(cpu_time(usage).has_value());
  usage.mutable_cpu_user()->set_seconds(2);
  usage.mutable_cpu_system()->set_nanos(500'000'000);
  EXPECT_EQ(cpu_time(usage), microseconds(2'500'000));
}

TEST(ExitCode, IsTheJobsOwn) {
  EXPECT_EQ(exit_code_of(exited(0)), 0);
  EXPECT_EQ(exit_code_of(exited(3)), 3);
  EXPECT_EQ(exit_code_of(exited(255)), 255);
  EXPECT_TRUE(plain_exit(exited(3)));
}

TEST(ExitCode, TellsEachOtherCause) {
  v1::JobEnd signaled = end_of(v1::END_CAUSE_SIGNALED);
  signaled.set_signal(9);
  EXPECT_EQ(exit_code_of(signaled), 137);
  signaled.set_signal(15);
  EXPECT_EQ(exit_code_of(signaled), 143);
  EXPECT_EQ(exit_code_of(end_of(v1::END_CAUSE_TIMED_OUT)), 124);
  EXPECT_EQ(exit_code_of(end_of(v1::END_CAUSE_OOM_KILLED)), 137);
  EXPECT_EQ(exit_code_of(end_of(v1::END_CAUSE_STOPPED)), 143);
  EXPECT_EQ(exit_code_of(start_failed("exec", ENOENT)), 127);
  EXPECT_EQ(exit_code_of(start_failed("exec", EACCES)), 126);
  EXPECT_EQ(exit_code_of(start_failed("chdir", ENOENT)), 125);
  for (const v1::EndCause cause :
       {v1::END_CAUSE_UNSPECIFIED, v1::END_CAUSE_HOST_SHUTDOWN, v1::END_CAUSE_WORKER_LOST,
        v1::END_CAUSE_SUPERVISOR_LOST, v1::END_CAUSE_QUEUE_TIMED_OUT,
        v1::END_CAUSE_DEPENDENCY_FAILED, v1::END_CAUSE_REJECTED, static_cast<v1::EndCause>(99)})
    EXPECT_EQ(exit_code_of(end_of(cause)), 125) << cause;
}

// Exit code 0 within a stop's grace is still a stop.
TEST(ExitCode, OfAStoppedJobThatExitedWithZeroIsThatOfTheStop) {
  v1::JobEnd end = end_of(v1::END_CAUSE_STOPPED);
  end.set_exit_code(0);
  EXPECT_EQ(exit_code_of(end), 143);
  EXPECT_FALSE(plain_exit(end));
}

TEST(Json, HasAStableShape) {
  v1::GetJobResponse response;
  v1::Job& job = *response.mutable_job();
  job.set_job_id(kJobId);
  job.set_revision(8);
  job.set_state(v1::JOB_STATE_SUCCEEDED);
  job.mutable_spec()->add_argv("true");
  job.mutable_submit_time()->set_seconds(1'800'000'000);
  v1::Attempt& attempt = *job.add_attempts();
  attempt.set_number(1);
  attempt.mutable_usage()->mutable_cpu_user()->set_nanos(2'000'000);
  attempt.mutable_usage()->set_stdout_bytes(0);
  *job.mutable_end() = exited(0);
  expect_golden("job.json", to_json(response) + "\n");
}

// Whatever a server answers: no number and no text ends the program.
TEST(Json, AnyAnswerHasAForm) {
  constexpr auto kMost = std::numeric_limits<std::int64_t>::max();
  constexpr auto kLeast = std::numeric_limits<std::int64_t>::min();
  for (const std::int64_t seconds :
       {kMost, kLeast, std::int64_t{-1}, std::int64_t{253'402'300'800}}) {
    for (const std::int32_t nanos : {-1, 1'000'000'000, std::numeric_limits<std::int32_t>::min()}) {
      v1::GetJobResponse response;
      test::fill(response);
      test::set_times(response, seconds, nanos);
      response.mutable_job()->mutable_spec()->set_name("caf\xc3");
      response.mutable_job()->set_state(static_cast<v1::JobState>(-7));
      EXPECT_NE(to_json(response).find("\"not_before_time\":"), std::string::npos);
      EXPECT_NE(to_json(response).find("caf?"), std::string::npos);
      EXPECT_FALSE(status_block(response.job(), {}).empty());
    }
  }
}

// The job of a caller that asked for a start at the end of all numbers.
TEST(Json, ATimeThatItCannotHoldIsTheNearestThatItCan) {
  v1::Job job;
  job.mutable_not_before_time()->set_seconds(std::numeric_limits<std::int64_t>::max());
  job.mutable_spec()->mutable_lease()->set_seconds(std::numeric_limits<std::int64_t>::max());
  const std::string text = to_json(job);
  EXPECT_NE(text.find("\"not_before_time\":\"9999-12-31T23:59:59.999999Z\""), std::string::npos)
      << text;
  EXPECT_NE(text.find("\"lease\":\"315576000000s\""), std::string::npos) << text;
}

}  // namespace
}  // namespace takt::cli
