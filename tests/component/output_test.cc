// SPDX-License-Identifier: Apache-2.0
// Output through both daemons: from any byte, before the job has begun, while it runs, afterwards.
#include <gtest/gtest.h>

#include <future>
#include <string>

#include "component/fleet.h"

namespace takt::component {
namespace {

using Outputs = Fleet;

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

TEST_F(Outputs, PastItsCapItIsCountedAndDropped) {
  add_worker("one");
  v1::JobSpec spec = sh("head -c 100000 /dev/zero; echo end >&2");
  spec.set_output_cap_bytes(1000);
  const std::string job = submit(spec);
  const v1::Job found = ended(job);
  const v1::Usage& usage = found.attempts(0).usage();
  EXPECT_EQ(usage.stdout_bytes(), 100000);
  EXPECT_EQ(usage.stdout_truncated_bytes(), 100000 - 1000);
  EXPECT_EQ(usage.stderr_truncated_bytes(), 0);
  const Output output = follow(job);
  EXPECT_EQ(output.out, std::string(1000, '\0'));
  EXPECT_EQ(output.err, "end\n");
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
