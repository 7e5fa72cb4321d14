// SPDX-License-Identifier: Apache-2.0
#include "cli/status_block.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <time.h>

#include "rpc/convert.h"
#include "unit/cli/fake_scheduler.h"
#include "unit/cli/golden.h"

namespace takt::cli {
namespace {

constexpr std::int64_t kNowSeconds = 1'800'000'000;

google::protobuf::Timestamp ago(std::int64_t span_s) {
  google::protobuf::Timestamp time;
  time.set_seconds(kNowSeconds - span_s);
  return time;
}

Layout layout() {
  ::setenv("TZ", "UTC", 1);
  ::tzset();
  Layout plain;
  plain.now = from_unix_us(kNowSeconds * 1'000'000);
  return plain;
}

v1::Job queued_job() {
  v1::Job job;
  job.set_job_id(kJobId);
  job.set_state(v1::JOB_STATE_QUEUED);
  job.mutable_spec()->add_argv("./train.sh");
  *job.mutable_submit_time() = ago(12);
  job.set_submitted_by("user bob");
  return job;
}

v1::Attempt attempt(int number, const std::string& worker) {
  v1::Attempt one;
  one.set_number(number);
  one.set_worker_name(worker);
  one.set_user("backup");
  one.set_unit("takt-job-" + std::string(kJobId) + "." + std::to_string(number) + ".scope");
  *one.mutable_start_time() = ago(250);
  return one;
}

v1::Job failed_job() {
  v1::Job job = queued_job();
  job.set_state(v1::JOB_STATE_FAILED);
  job.mutable_spec()->set_name("nightly");
  job.mutable_spec()->clear_argv();
  for (const char* word : {"/usr/local/bin/backup", "--full", "a b"})
    job.mutable_spec()->add_argv(word);
  (*job.mutable_spec()->mutable_labels())["team"] = "db";
  (*job.mutable_spec()->mutable_labels())["kind"] = "backup";
  *job.add_attempts() = attempt(1, "db-1");
  v1::Attempt& first = *job.mutable_attempts(0);
  first.mutable_end()->set_cause(v1::END_CAUSE_WORKER_LOST);
  first.mutable_end()->set_message("worker lost: no contact for 90s");
  *first.mutable_end_time() = ago(300);
  *job.add_attempts() = attempt(2, "db-2");
  v1::Usage& usage = *job.mutable_attempts(1)->mutable_usage();
  usage.mutable_cpu_user()->set_seconds(120);
  usage.mutable_cpu_system()->set_seconds(3);
  usage.set_memory_peak_bytes(std::int64_t{2} << 30);
  usage.set_tasks_peak(9);
  usage.set_io_read_bytes(1'288'490'189);
  usage.set_io_write_bytes(325'058'560);
  usage.set_stdout_bytes(4'299'161);
  usage.set_stderr_bytes(12'288);
  usage.set_stdout_truncated_bytes(1024);
  usage.set_stragglers(3);
  job.mutable_end()->set_cause(v1::END_CAUSE_EXITED);
  job.mutable_end()->set_exit_code(3);
  job.mutable_end()->set_message("exited with code 3");
  job.mutable_end()->set_note("cleanup lost");
  *job.mutable_end_time() = ago(12);
  return job;
}

TEST(StatusBlock, OfAQueuedJob) {
  expect_golden("status_queued.txt", status_block(queued_job(), layout()));
}

TEST(StatusBlock, OfARunningJobOutOfReach) {
  v1::Job job = queued_job();
  job.set_state(v1::JOB_STATE_RUNNING);
  *job.add_attempts() = attempt(1, "db-2");
  job.mutable_attempts(0)->set_leader_pid(4711);
  v1::Resources& limits = *job.mutable_spec()->mutable_resources();
  limits.set_memory_bytes(std::int64_t{2} << 30);
  limits.set_cpu_millicores(1500);
  limits.set_tasks(100);
  job.mutable_spec()->mutable_run_time_limit()->set_seconds(7200);
  v1::Usage& usage = *job.mutable_attempts(0)->mutable_usage();
  usage.set_memory_bytes(851443712);
  usage.set_memory_peak_bytes(951443712);
  usage.set_tasks(4);
  job.set_stop_requested_by("user alice");
  *job.mutable_unreachable_since_time() = ago(30);
  expect_golden("status_running.txt", status_block(job, layout()));
}

TEST(StatusBlock, OfAJobThatDoesNotGo) {
  v1::Job job = queued_job();
  job.set_state(v1::JOB_STATE_ENDING);
  *job.add_attempts() = attempt(1, "db-2");
  for (const char* wait_channel : {"rpc_wait_bit_killable", ""}) {
    v1::Process& process = *job.mutable_attempts(0)->add_remaining();
    process.set_pid(4711);
    process.set_name("dd");
    process.set_state("D");
    process.set_wait_channel(wait_channel);
    process.mutable_waited()->set_seconds(75);
  }
  expect_golden("status_ending.txt", status_block(job, layout()));
}

TEST(StatusBlock, OfAJobThatEnded) {
  expect_golden("status_failed.txt", status_block(failed_job(), layout()));
}

TEST(StatusBlock, OfAnothersJob) {
  v1::Job job = failed_job();
  job.set_is_summary(true);
  job.mutable_spec()->clear_argv();
  job.mutable_end()->clear_note();
  const std::string text = status_block(job, layout());
  EXPECT_NE(text.find("Command: (not shown: only who submitted the job and operators see it)\n"),
            std::string::npos)
      << text;
  EXPECT_EQ(text.find("takt logs"), std::string::npos) << text;
}

TEST(StatusBlock, OfAJobWithoutItsInput) {
  v1::Job job = failed_job();
  job.set_input_removed(true);
  const std::string text = status_block(job, layout());
  EXPECT_NE(
      text.find("Input: script and input were removed, to make room in the scheduler's store\n"),
      std::string::npos)
      << text;
}

TEST(StatusBlock, FullAndExact) {
  Layout exact = layout();
  exact.full = true;
  exact.bytes = true;
  expect_golden("status_full.txt", status_block(failed_job(), exact));
}

TEST(StatusBlock, ColourAndMarkAreForTerminals) {
  const v1::Job job = failed_job();
  EXPECT_TRUE(status_block(job, layout()).starts_with("* 6f0b"));
  Layout terminal = layout();
  terminal.screen = Screen{.colour = true, .utf8 = true, .columns = 80};
  EXPECT_TRUE(status_block(job, terminal).starts_with("\033[31m●\033[0m 6f0b"));
  terminal.screen.colour = false;
  EXPECT_TRUE(status_block(job, terminal).starts_with("● 6f0b"));
}

}  // namespace
}  // namespace takt::cli
