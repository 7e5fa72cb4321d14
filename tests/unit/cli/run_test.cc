// SPDX-License-Identifier: Apache-2.0
// takt run and takt logs against a scheduler that misbehaves: every byte once, every end told.
#include <gtest/gtest.h>
#include <signal.h>

#include <tuple>

#include "base/limits.h"
#include "base/time_text.h"
#include "rpc/convert.h"
#include "unit/cli/fake_scheduler.h"
#include "unit/cli/program_run.h"

namespace takt::cli {
namespace {

std::string pattern(std::size_t size, unsigned seed) {
  std::string bytes(size, '\0');
  for (char& byte : bytes) byte = static_cast<char>((seed = seed * 1103515245 + 12345) >> 16);
  return bytes;
}

class RunTest : public testing::Test {
 protected:
  std::vector<std::string> run_verb() {
    return {"run", "--address", scheduler.address(), "--", "x"};
  }
  Ran run_with_end(const v1::JobEnd& end) {
    scheduler.end_job(end);
    return program.run(run_verb());
  }

  FakeScheduler scheduler;
  ProgramRun program;
};

TEST_F(RunTest, BothStreamsAndTheExitCodeComeThrough) {
  scheduler.out = std::string("hello\0\xff\n", 8);
  scheduler.err = "oops\n";
  const Ran ran = run_with_end(exited(3));
  EXPECT_EQ(ran.out, scheduler.out);
  EXPECT_EQ(ran.err, "oops\n");
  EXPECT_EQ(ran.code, 3);
}

TEST_F(RunTest, BrokenStreamsAreTakenUpAtTheByte) {
  scheduler.out = pattern(20'000, 1);
  scheduler.err = pattern(5'000, 2);
  scheduler.repeat_bytes = true;
  scheduler.output_breaks = {{0},
                             {1},
                             {999, grpc::StatusCode::CANCELLED},
                             {1000},
                             {4321, grpc::StatusCode::RESOURCE_EXHAUSTED},
                             {0, grpc::StatusCode::CANCELLED},
                             {7777, grpc::StatusCode::OK}};
  const Ran ran = run_with_end(exited(0));
  EXPECT_EQ(ran.out, scheduler.out);
  EXPECT_EQ(ran.err, scheduler.err);
  EXPECT_EQ(ran.code, 0);
  EXPECT_GE(scheduler.reads.size(), 8U);
  EXPECT_EQ(scheduler.reads.back().attempt(), 1);
}

TEST_F(RunTest, ACallThatARestartCutIsRepeatedWithItsRequestId) {
  scheduler.refusals = {{grpc::StatusCode::CANCELLED, ""}, {grpc::StatusCode::UNAVAILABLE, "x"}};
  EXPECT_EQ(run_with_end(exited(0)).code, 0);
  ASSERT_EQ(scheduler.submits.size(), 3U);
  EXPECT_EQ(scheduler.submits[0].request_id(), scheduler.submits[2].request_id());
}

TEST_F(RunTest, BytesThatWereNotKeptAreToldOf) {
  scheduler.out = pattern(5'000, 3);
  scheduler.missing_from = 1'500;
  scheduler.missing_to = 4'000;
  const Ran ran = run_with_end(exited(0));
  EXPECT_EQ(ran.out, scheduler.out.substr(0, 1'500) + scheduler.out.substr(4'000));
  EXPECT_EQ(ran.err,
            "takt: 2.4K of standard output were not kept here: 2500 bytes from byte 1500 on.\n");
}

TEST_F(RunTest, TheReasonOfAnotherEndIsTold) {
  v1::JobEnd end;
  end.set_cause(v1::END_CAUSE_START_FAILED);
  end.set_failed_step("exec");
  end.set_error_number(ENOENT);
  end.set_message("could not be started: exec: \"uptimed\": No such file or directory");
  const Ran ran = run_with_end(end);
  EXPECT_EQ(ran.code, 127);
  EXPECT_EQ(ran.err, "takt: job 6f0b2c1e: " + end.message() + ".\n");
}

TEST_F(RunTest, AStopBySomebodyElseIsTold) {
  v1::JobEnd end;
  end.set_cause(v1::END_CAUSE_STOPPED);
  end.set_message("stopped by user bob: wrong table");
  const Ran ran = run_with_end(end);
  EXPECT_EQ(ran.code, 143);
  EXPECT_EQ(ran.err, "takt: job 6f0b2c1e: stopped by user bob: wrong table.\n");
}

TEST_F(RunTest, OutputThatIsGoneDoesNotHideTheEnd) {
  scheduler.output_breaks = {{0, grpc::StatusCode::NOT_FOUND}};
  v1::JobEnd end;
  end.set_cause(v1::END_CAUSE_WORKER_LOST);
  end.set_message("its worker is lost");
  const Ran ran = run_with_end(end);
  EXPECT_EQ(ran.code, 125);
  EXPECT_NE(ran.err.find("can't show the output of job 6f0b2c1e: broken."), std::string::npos);
  EXPECT_NE(ran.err.find("its worker is lost."), std::string::npos);
}

TEST_F(RunTest, CtrlCStopsTheJobAndWaitsForItsEnd) {
  scheduler.out = "started\n";
  program.pipe_output();
  program.start(run_verb());
  EXPECT_EQ(program.read_line(), "started");
  program.interrupts.deliver(SIGINT);
  const Ran ran = program.join();
  EXPECT_EQ(ran.code, 130);
  ASSERT_EQ(scheduler.stops.size(), 1U);
  EXPECT_EQ(scheduler.stops.front().job_id(), kJobId);
  EXPECT_EQ(ran.err,
            "takt: stopping job 6f0b2c1e; once more leaves it to itself.\n"
            "takt: job 6f0b2c1e: stopped by user alice.\n");
}

TEST_F(RunTest, SigtermStopsItToo) {
  scheduler.out = "started\n";
  program.pipe_output();
  program.start(run_verb());
  EXPECT_EQ(program.read_line(), "started");
  program.interrupts.deliver(SIGTERM);
  EXPECT_EQ(program.join().code, 143);
  EXPECT_EQ(scheduler.stops.size(), 1U);
}

TEST_F(RunTest, AJobThatEndsByItselfAfterCtrlCKeepsItsCode) {
  scheduler.out = "started\n";
  scheduler.stop_ends = false;
  program.pipe_output();
  program.start(run_verb());
  EXPECT_EQ(program.read_line(), "started");
  program.interrupts.deliver(SIGINT);
  scheduler.wait_for_stops(1);
  scheduler.end_job(exited(5));
  EXPECT_EQ(program.join().code, 5);
}

TEST_F(RunTest, ASecondCtrlCLeavesTheJob) {
  scheduler.out = "started\n";
  scheduler.stop_ends = false;
  program.pipe_output();
  program.start(run_verb());
  EXPECT_EQ(program.read_line(), "started");
  program.interrupts.deliver(SIGINT);
  scheduler.wait_for_stops(1);
  program.interrupts.deliver(SIGINT);
  const Ran ran = program.join();
  EXPECT_EQ(ran.code, 130);
  EXPECT_NE(ran.err.find("left job 6f0b2c1e. It is still there: takt status 6f0b2c1e, "),
            std::string::npos);
  EXPECT_EQ(scheduler.stops.size(), 1U);
}

TEST_F(RunTest, AReaderThatIsGoneStopsTheJob) {
  scheduler.out = pattern(100'000, 4);
  program.nobody_reads();
  const Ran ran = program.run(run_verb());
  EXPECT_EQ(ran.code, 141);
  ASSERT_EQ(scheduler.stops.size(), 1U);
  EXPECT_EQ(scheduler.stops.front().reason(), "nobody reads its output any more");
}

TEST_F(RunTest, StandardInputIsSentAlong) {
  program.input_pipe("one\ntwo\n");
  EXPECT_EQ(run_with_end(exited(0)).code, 0);
  EXPECT_EQ(scheduler.submits.front().spec().stdin_data(), "one\ntwo\n");
}

TEST_F(RunTest, AFileAsStandardInputToo) {
  program.input_file("three\n");
  EXPECT_EQ(run_with_end(exited(0)).code, 0);
  EXPECT_EQ(scheduler.submits.front().spec().stdin_data(), "three\n");
}

TEST_F(RunTest, NoStdinLeavesItAlone) {
  program.input_pipe("one\n");
  scheduler.end_job(exited(0));
  EXPECT_EQ(program.run({"run", "-n", "--address", scheduler.address(), "x"}).code, 0);
  EXPECT_FALSE(scheduler.submits.front().spec().has_stdin_data());
}

TEST_F(RunTest, TooMuchStandardInputIsRefusedByName) {
  program.input_file(std::string(limits::kSpecMaxBytes + 1, 'x'));
  const Ran ran = program.run(run_verb());
  EXPECT_EQ(ran.code, 125);
  EXPECT_NE(ran.err.find("standard input holds more than the 1.0M"), std::string::npos);
  EXPECT_TRUE(scheduler.submits.empty());
}

TEST_F(RunTest, WithoutASchedulerItSaysWhatToDo) {
  const Ran ran = program.run({"run", "--address", "unix:/nowhere/scheduler.sock", "--", "x"});
  EXPECT_EQ(ran.code, 125);
  EXPECT_NE(ran.err.find("takt: can't reach the scheduler at /nowhere/scheduler.sock: "),
            std::string::npos);
}

TEST_F(RunTest, JsonIsOneDocumentALine) {
  scheduler.out = "hello\n";
  scheduler.end_job(exited(0));
  const Ran ran = program.run({"run", "--json", "--address", scheduler.address(), "--", "x"});
  EXPECT_EQ(
      ran.out.substr(0, 115),
      "{\"chunk\":{\"stream\":\"OUTPUT_STREAM_STDOUT\",\"offset\":\"0\",\"data\":\"aGVsbG8K\","
      "\"skipped_bytes\":\"0\"},"
      "\"complete\":false,\"att");
  EXPECT_NE(ran.out.find("\n{\"job\":{\"job_id\":\"6f0b2c1e-"), std::string::npos);
}

TEST_F(RunTest, LogsShowWhatThereIs) {
  scheduler.out = pattern(9'000, 5);
  scheduler.err = "oops\n";
  const Ran ran = program.run({"logs", "--address", scheduler.address(), "6f0b"});
  EXPECT_EQ(ran.code, 0);
  EXPECT_EQ(ran.out, scheduler.out);
  EXPECT_EQ(ran.err, "oops\n");
  EXPECT_EQ(scheduler.reads.front().job_id(), kJobId);
  EXPECT_FALSE(scheduler.reads.front().follow());
}

TEST_F(RunTest, LogsOfOneStreamAndAttemptTakeUpABrokenStream) {
  scheduler.out = pattern(9'000, 6);
  scheduler.err = pattern(9'000, 7);
  scheduler.output_breaks = {{4'500}};
  const Ran ran = program.run(
      {"logs", "--address", scheduler.address(), "--stream", "stderr", "--attempt", "1", "6f0b"});
  EXPECT_EQ(ran.code, 0);
  EXPECT_EQ(ran.out, "");
  EXPECT_EQ(ran.err, scheduler.err);
  EXPECT_EQ(scheduler.reads.back().stderr_offset(), 4'500);
}

TEST_F(RunTest, TheLastLinesAreAskedForOnce) {
  scheduler.out = "one\ntwo\nthree\n";
  scheduler.out_start = 8;
  scheduler.output_breaks = {{3}};
  const Ran ran = program.run({"logs", "--address", scheduler.address(), "--tail", "1", "6f0b"});
  EXPECT_EQ(ran.out, "three\n");
  EXPECT_EQ(ran.err, "");
  ASSERT_EQ(scheduler.reads.size(), 2U);
  EXPECT_EQ(scheduler.reads[0].tail_lines(), 1);
  EXPECT_TRUE(scheduler.reads[0].batch());
  EXPECT_FALSE(scheduler.reads[1].has_tail_lines()) << "taken up at a byte";
  EXPECT_EQ(scheduler.reads[1].stdout_offset(), 11);
}

TEST_F(RunTest, SinceATimeAgo) {
  const Ran ran = program.run({"logs", "--address", scheduler.address(), "--since", "1h", "6f0b"});
  EXPECT_EQ(ran.code, 0);
  const WallTime asked = rpc::time_from_proto(scheduler.reads.front().since_time());
  const microseconds ago = wall_now() - asked;
  EXPECT_GE(ago, std::chrono::hours(1));
  EXPECT_LT(ago, std::chrono::hours(2));
}

TEST_F(RunTest, WhatLogsCannotBeginWithIsRefused) {
  for (const auto& [option, value, said] :
       {std::tuple{"--since", "soon", "takt: logs: --since: \"soon\" is not a time; write for "},
        std::tuple{"--tail", "-1", "takt: logs: --tail: \"-1\" is not a whole number from 0 to "},
        std::tuple{"--tail", "many", "takt: logs: --tail: \"many\" is not a whole number from"}}) {
    const Ran ran = program.run(
        {"logs", "--address", scheduler.address(), std::string(option) + "=" + value, "6f0b"});
    EXPECT_EQ(ran.code, 2);
    EXPECT_NE(ran.err.find(said), std::string::npos) << ran.err;
  }
}

v1::OutputChunk chunk_of(v1::OutputStream stream, std::int64_t offset, const std::string& data,
                         std::int64_t second) {
  v1::OutputChunk chunk;
  chunk.set_stream(stream);
  chunk.set_offset(offset);
  chunk.set_data(data);
  if (second > 0) chunk.mutable_arrival_time()->set_seconds(1'795'000'000 + second);
  return chunk;
}

TEST_F(RunTest, EachLineAfterItsTime) {
  v1::ReadOutputResponse message;
  message.set_attempt(1);
  *message.mutable_chunk() = chunk_of(v1::OUTPUT_STREAM_STDOUT, 0, "one\ntw", 1);
  *message.add_more_chunks() = chunk_of(v1::OUTPUT_STREAM_STDERR, 0, "oops\n", 2);
  *message.add_more_chunks() = chunk_of(v1::OUTPUT_STREAM_STDOUT, 6, "o\n\nthree", 3);
  *message.add_more_chunks() = chunk_of(v1::OUTPUT_STREAM_STDERR, 5, "?\n", 0);
  scheduler.messages = {message};
  const Ran ran = program.run({"logs", "--address", scheduler.address(), "-t", "6f0b"});
  const auto at = [](int second) {
    return format_time_exact(from_unix_us((1'795'000'000LL + second) * 1'000'000)) + " ";
  };
  EXPECT_EQ(ran.out, at(1) + "one\n" + at(1) + "two\n" + at(3) + "\n" + at(3) + "three");
  EXPECT_EQ(ran.err, at(2) + "oops\n- ?\n") << "not known is said as not known";
}

TEST_F(RunTest, BytesMissingAtTheEndAreToldOf) {
  v1::ReadOutputResponse message;
  message.set_attempt(1);
  *message.mutable_chunk() = chunk_of(v1::OUTPUT_STREAM_STDERR, 3'000'000, "", 0);
  message.mutable_chunk()->set_skipped_bytes(3'000'000);
  scheduler.messages = {message};
  const Ran ran = program.run({"logs", "--address", scheduler.address(), "6f0b"});
  EXPECT_EQ(ran.err,
            "takt: 2.9M of standard error were not kept here: 3000000 bytes from byte 0 on.\n");
}

TEST_F(RunTest, LogsFollowEndsWithTheJob) {
  scheduler.out = "first\n";
  program.pipe_output();
  program.start({"logs", "-f", "--address", scheduler.address(), kJobId});
  EXPECT_EQ(program.read_line(), "first");
  scheduler.end_job(exited(9));
  EXPECT_EQ(program.join().code, 0);
}

}  // namespace
}  // namespace takt::cli
