// SPDX-License-Identifier: Apache-2.0
// Output through both daemons: from any byte, before the job has begun, while it runs, afterwards.
#include <gtest/gtest.h>

#include <future>
#include <string>

#include "component/fleet.h"
#include "rpc/convert.h"

namespace takt::component {
namespace {

class Outputs : public Fleet {
 protected:
  static v1::ReadOutputRequest request_for(const std::string& job) {
    v1::ReadOutputRequest request;
    request.set_job_id(job);
    return request;
  }

  struct Pieces {
    grpc::Status status;
    std::optional<v1::OutputPosition> start;
    std::vector<v1::OutputChunk> chunks;

    // "o:" or "e:" before what each of them holds.
    [[nodiscard]] std::string said() const {
      std::string text;
      for (const v1::OutputChunk& chunk : chunks)
        text += (chunk.stream() == v1::OUTPUT_STREAM_STDERR ? "e:" : "o:") + chunk.data();
      return text;
    }

    // What all of them hold, wherever it was cut.
    [[nodiscard]] std::string joined() const {
      std::string text;
      for (const v1::OutputChunk& chunk : chunks) text += chunk.data();
      return text;
    }
  };
  Pieces read_pieces(const v1::ReadOutputRequest& request) {
    const auto with_deadline = context();
    const auto reader = jobs_->ReadOutput(with_deadline.get(), request);
    Pieces pieces;
    v1::ReadOutputResponse response;
    while (reader->Read(&response)) {
      if (response.has_start()) pieces.start = response.start();
      if (response.has_chunk()) pieces.chunks.push_back(response.chunk());
      for (const v1::OutputChunk& chunk : response.more_chunks()) pieces.chunks.push_back(chunk);
    }
    pieces.status = reader->Finish();
    return pieces;
  }

  // What there is now, without waiting.
  std::string what_there_is(const std::string& job) { return read_pieces(request_for(job)).said(); }

  // A job that says these words, with "2" to stderr and the others to stdout, each only once the
  // one before was read.
  std::string say_in_turn(const std::vector<std::string>& words) {
    std::vector<std::unique_ptr<Gate>> gates;
    std::string script;
    for (const std::string& word : words) {
      gates.push_back(std::make_unique<Gate>(shared("say-" + std::to_string(gates.size()))));
      script += ": < " + gates.back()->path() + "; echo " + word +
                (word.starts_with("2") ? " >&2" : "") + "; ";
    }
    const std::string job = submit(sh(script));
    v1::ReadOutputRequest request = request_for(job);
    request.set_follow(true);
    const auto with_deadline = context();
    const auto reader = jobs_->ReadOutput(with_deadline.get(), request);
    v1::ReadOutputResponse response;
    for (std::size_t i = 0; i < words.size(); ++i) {
      gates[i]->open();
      EXPECT_TRUE(reader->Read(&response));
      EXPECT_EQ(response.chunk().data(), words[i] + "\n");
    }
    EXPECT_TRUE(read_all_output(*reader, v1::ReadOutputResponse()).complete);
    return job;
  }
};

TEST_F(Outputs, FollowedFromBeforeItsStart) {
  const std::string job = submit(sh("echo one; echo two >&2; echo three"));
  auto following = std::async(std::launch::async, [&] { return follow(job); });
  ASSERT_TRUE(wait_state(job, v1::JOB_STATE_QUEUED));
  add_worker("one");
  const Output output = following.get();
  EXPECT_TRUE(output.status.ok()) << output.status.error_message();
  EXPECT_TRUE(output.complete);
  EXPECT_EQ(output.out, "one\nthree\n");
  EXPECT_EQ(output.err, "two\n");
}

TEST_F(Outputs, FollowedWhileItGrows) {
  add_worker("one");
  Gate first(shared("first"));
  Gate second(shared("second"));
  const std::string job =
      submit(sh("echo a; : < " + first.path() + "; echo b; : < " + second.path() + "; echo c"));
  v1::ReadOutputRequest request;
  request.set_job_id(job);
  request.set_follow(true);
  const auto with_deadline = context();
  const auto reader = jobs_->ReadOutput(with_deadline.get(), request);
  v1::ReadOutputResponse response;
  ASSERT_TRUE(reader->Read(&response));
  EXPECT_EQ(response.chunk().data(), "a\n");
  first.open();
  ASSERT_TRUE(reader->Read(&response));
  EXPECT_EQ(response.chunk().data(), "b\n");
  EXPECT_EQ(response.chunk().offset(), 2);
  second.open();
  const Output rest = read_all_output(*reader, v1::ReadOutputResponse());
  EXPECT_EQ(rest.out, "c\n");
  EXPECT_TRUE(rest.complete);
}

TEST_F(Outputs, WithoutFollowingWhatIsThereNow) {
  add_worker("one");
  Gate gate(shared("gate"));
  const std::string job =
      submit(sh("echo a; echo up > " + shared("up") + "; : < " + gate.path() + "; echo b"));
  ASSERT_TRUE(eventually([&] { return read_shared("up") == "up\n"; }));
  v1::ReadOutputRequest request;
  request.set_job_id(job);
  Output output;
  // The supervisor pumps in its own time.
  EXPECT_TRUE(eventually([&] {
    const auto with_deadline = context();
    const auto reader = jobs_->ReadOutput(with_deadline.get(), request);
    output = read_all_output(*reader, v1::ReadOutputResponse());
    return output.out == "a\n";
  })) << output.out;
  EXPECT_TRUE(output.status.ok());
  EXPECT_FALSE(output.complete);
  gate.open();
  EXPECT_EQ(follow(job).out, "a\nb\n");
}

TEST_F(Outputs, FiveMegabytesOfAnyBytesExactAndFromAnyOffset) {
  constexpr std::int64_t kSize = 5 * 1024 * 1024;
  add_worker("one");
  const std::string job =
      submit(sh("head -c " + std::to_string(kSize) + " /dev/urandom | tee " + shared("copy")));
  const Output whole = follow(job);
  ASSERT_TRUE(whole.complete) << whole.status.error_message();
  const std::string copy = read_shared("copy");
  ASSERT_EQ(copy.size(), static_cast<std::size_t>(kSize));
  EXPECT_TRUE(whole.out == copy) << "of " << whole.out.size() << " bytes some differ";
  for (const std::int64_t offset :
       {std::int64_t{1}, std::int64_t{65536}, kSize / 2, kSize - 1, kSize, kSize + 1000}) {
    const Output part = follow(job, offset);
    EXPECT_TRUE(part.complete) << offset;
    const auto from = static_cast<std::size_t>(std::min(offset, kSize));
    EXPECT_TRUE(part.out == copy.substr(from)) << "from " << offset;
  }
}

TEST_F(Outputs, BothStreamsInTheOrderTheyCame) {
  add_worker("one");
  const std::string job = say_in_turn({"1a", "2b", "1c", "1d", "2e"});
  v1::ReadOutputRequest request = request_for(job);
  const Pieces pieces = read_pieces(request);
  EXPECT_EQ(pieces.said().substr(0, 10), "o:1a\ne:2b\n");
  EXPECT_TRUE(pieces.said().ends_with("e:2e\n")) << pieces.said();
  EXPECT_FALSE(pieces.start);
  WallTime last;
  for (const v1::OutputChunk& chunk : pieces.chunks) {
    ASSERT_TRUE(chunk.has_arrival_time());
    EXPECT_GE(rpc::time_from_proto(chunk.arrival_time()), last);
    last = rpc::time_from_proto(chunk.arrival_time());
  }
  const v1::Job found = ended(job);
  EXPECT_GE(rpc::time_from_proto(pieces.chunks.front().arrival_time()) + milliseconds(1),
            rpc::time_from_proto(found.attempts(0).start_time()));
  EXPECT_LE(last, rpc::time_from_proto(found.attempts(0).end_time()) + milliseconds(100));
  request.set_batch(true);
  EXPECT_EQ(read_pieces(request).said(), pieces.said());
}

TEST_F(Outputs, TheLastLines) {
  add_worker("one");
  const std::string job = say_in_turn({"1a", "2b", "1c"});
  v1::ReadOutputRequest request = request_for(job);
  request.set_tail_lines(2);
  for (const bool follow : {false, true}) {
    request.set_follow(follow);
    const Pieces pieces = read_pieces(request);
    EXPECT_EQ(pieces.said(), "e:2b\no:1c\n");
    ASSERT_TRUE(pieces.start);
    EXPECT_EQ(pieces.start->stdout_offset(), 3);
    EXPECT_EQ(pieces.start->stderr_offset(), 0);
  }
  request.set_tail_lines(0);
  EXPECT_EQ(read_pieces(request).said(), "");
  request.set_tail_lines(100);
  EXPECT_EQ(read_pieces(request).said(), "o:1a\ne:2b\no:1c\n");
}

TEST_F(Outputs, SinceATime) {
  add_worker("one");
  const std::string job = say_in_turn({"1a", "2b", "1c"});
  v1::ReadOutputRequest request = request_for(job);
  const Pieces all = read_pieces(request);
  ASSERT_EQ(all.chunks.size(), 3U);
  *request.mutable_since_time() = all.chunks[1].arrival_time();
  const Pieces some = read_pieces(request);
  EXPECT_EQ(some.said().substr(some.said().size() - 10), "e:2b\no:1c\n");
  ASSERT_TRUE(some.start);
  *request.mutable_since_time() =
      rpc::time_to_proto(rpc::time_from_proto(all.chunks[2].arrival_time()) + seconds(1));
  EXPECT_EQ(read_pieces(request).said(), "");
}

TEST_F(Outputs, TheLastLinesOfAJobThatHasNotBegun) {
  const std::string job = submit(sh("echo a; echo b; echo c"));
  v1::ReadOutputRequest request = request_for(job);
  request.set_follow(true);
  request.set_tail_lines(1);
  auto following = std::async(std::launch::async, [&] { return read_pieces(request); });
  ASSERT_TRUE(wait_state(job, v1::JOB_STATE_QUEUED));
  add_worker("one");
  const Pieces pieces = following.get();
  EXPECT_TRUE(pieces.status.ok()) << pieces.status.error_message();
  EXPECT_TRUE(std::string("a\nb\nc\n").ends_with(pieces.joined())) << pieces.said();
  EXPECT_TRUE(pieces.joined().ends_with("c\n"));
}

TEST_F(Outputs, TheLastLinesAreNotRepeatedWhenTheWorkerComesBack) {
  WorkerProcess& worker = add_worker("one");
  Gate first(shared("first"));
  Gate gate(shared("gate"));
  const std::string job = submit(sh("echo a >&2; : < " + first.path() + "; echo b; echo c; : < " +
                                    gate.path() + "; echo d; echo e >&2"));
  ASSERT_TRUE(eventually([&] { return what_there_is(job) == "e:a\n"; }));
  first.open();
  ASSERT_TRUE(eventually([&] { return what_there_is(job).ends_with("b\nc\n"); }));
  v1::ReadOutputRequest request = request_for(job);
  request.set_follow(true);
  request.set_tail_lines(1);
  const auto with_deadline = context();
  const auto reader = jobs_->ReadOutput(with_deadline.get(), request);
  v1::ReadOutputResponse response;
  ASSERT_TRUE(reader->Read(&response));
  EXPECT_TRUE(response.has_start());
  ASSERT_TRUE(reader->Read(&response));
  EXPECT_EQ(response.chunk().data(), "c\n");
  worker.kill();
  worker.start();
  gate.open();
  const Output rest = read_all_output(*reader, v1::ReadOutputResponse());
  EXPECT_TRUE(rest.complete) << rest.status.error_message();
  EXPECT_EQ(rest.out, "d\n");
  EXPECT_EQ(rest.err, "e\n") << "not what came before the last line";
}

TEST_F(Outputs, ABeginThatMakesNoSenseIsRefusedByName) {
  WorkerProcess& worker = add_worker("one");
  const std::string job = submit(sh("echo a"));
  ended(job);
  const auto refusal = [&](const v1::ReadOutputRequest& request) {
    const grpc::Status status = read_pieces(request).status;
    EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
    v1::WorkerServiceReadOutputRequest same;
    EXPECT_TRUE(same.ParseFromString(request.SerializeAsString()));
    const auto with_deadline = context();
    const auto reader = worker.stub().ReadOutput(with_deadline.get(), same);
    EXPECT_EQ(
        read_all_output(*reader, v1::WorkerServiceReadOutputResponse()).status.error_message(),
        status.error_message());
    return status.error_message();
  };
  v1::ReadOutputRequest request = request_for(job);
  request.set_tail_lines(-1);
  EXPECT_EQ(refusal(request), "tail_lines: -1 is not accepted; 0 to 100000 are");
  request.set_tail_lines(100001);
  EXPECT_EQ(refusal(request), "tail_lines: 100001 is not accepted; 0 to 100000 are");
  request = request_for(job);
  request.mutable_since_time()->set_seconds(-5);
  EXPECT_EQ(refusal(request),
            "since_time: -5 s and 0 ns since 1970 is not a time of the years 1970 to 9999");
  request = request_for(job);
  request.set_stderr_offset(-5);
  EXPECT_EQ(refusal(request), "stderr_offset: -5 is not accepted; 0 is the first byte");
}

TEST_F(Outputs, OneStreamAlone) {
  add_worker("one");
  const std::string job = submit(sh("echo out; echo err >&2"));
  ended(job);
  for (const v1::OutputStream stream : {v1::OUTPUT_STREAM_STDOUT, v1::OUTPUT_STREAM_STDERR}) {
    v1::ReadOutputRequest request;
    request.set_job_id(job);
    request.set_stream(stream);
    const auto with_deadline = context();
    const auto reader = jobs_->ReadOutput(with_deadline.get(), request);
    const Output output = read_all_output(*reader, v1::ReadOutputResponse());
    EXPECT_EQ(output.out + output.err, stream == v1::OUTPUT_STREAM_STDOUT ? "out\n" : "err\n");
    EXPECT_TRUE(output.complete);
  }
}

TEST_F(Outputs, PastItsCapBeginAndEndAreKept) {
  add_worker("one");
  v1::JobSpec spec = sh("head -c 100000 /dev/zero; echo end; echo fine >&2");
  spec.set_output_cap_bytes(1000);
  const std::string job = submit(spec);
  const v1::Job found = ended(job);
  const v1::Usage& usage = found.attempts(0).usage();
  EXPECT_EQ(usage.stdout_bytes(), 100004);
  EXPECT_EQ(usage.stderr_truncated_bytes(), 0);
  const Output output = follow(job);
  EXPECT_TRUE(output.complete);
  EXPECT_EQ(static_cast<std::int64_t>(output.out.size()),
            usage.stdout_bytes() - usage.stdout_truncated_bytes());
  EXPECT_LE(output.out.size(), 1000U);
  EXPECT_EQ(output.out.substr(0, 500), std::string(500, '\0'));
  EXPECT_TRUE(output.out.ends_with("end\n"));
  EXPECT_EQ(output.err, "fine\n");
  const auto pieces = read_pieces(request_for(job));
  std::int64_t skipped = 0;
  for (const v1::OutputChunk& piece : pieces.chunks) skipped += piece.skipped_bytes();
  EXPECT_EQ(skipped, usage.stdout_truncated_bytes());
}

TEST_F(Outputs, ADescendantThatKeepsThePipeOpenDelaysNothing) {
  add_worker("one");
  const std::string job = submit(sh("setsid sleep 1000 & echo done; exit 4"));
  const Output output = follow(job);
  EXPECT_TRUE(output.complete) << output.status.error_message();
  EXPECT_EQ(output.out, "done\n");
  const v1::Job found = ended(job);
  EXPECT_EQ(found.end().cause(), v1::END_CAUSE_EXITED) << found.end().message();
  EXPECT_EQ(found.end().exit_code(), 4);
  EXPECT_EQ(found.attempts(0).usage().stragglers(), 1);
}

TEST_F(Outputs, ManyFollowersGetTheSame) {
  add_worker("one");
  Gate gate(shared("gate"));
  const std::string job = submit(sh("echo a; : < " + gate.path() + "; seq 1 20000"));
  std::vector<std::future<Output>> followers;
  for (int i = 0; i < 12; ++i)
    followers.push_back(std::async(std::launch::async, [&] { return follow(job); }));
  ASSERT_TRUE(wait_state(job, v1::JOB_STATE_RUNNING));
  gate.open();
  std::string expected = "a\n";
  for (int i = 1; i <= 20000; ++i) expected += std::to_string(i) + "\n";
  for (auto& follower : followers) EXPECT_TRUE(follower.get().out == expected);
}

TEST_F(Outputs, OfNoJobIsNotFound) {
  add_worker("one");
  EXPECT_EQ(follow("11111111-0000-4000-8000-000000000001").status.error_code(),
            grpc::StatusCode::NOT_FOUND);
}

}  // namespace
}  // namespace takt::component
