// SPDX-License-Identifier: Apache-2.0
// Output under pressure: many readers of much, one that does not read, a disk that is full. The job
// notices none of it, and the daemons stay small.
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <future>
#include <string>

#include "base/fs.h"
#include "component/fleet.h"
#include "support/small_disk.h"

namespace takt::component {
namespace {

#ifdef TAKT_SANITIZED
constexpr bool kSanitized = true;  // memory is not what it is, and all takes many times longer
#else
constexpr bool kSanitized = false;
#endif

constexpr std::int64_t kFirst = 10'000'000;
constexpr std::int64_t kLineBytes = 9;
constexpr std::int64_t kLines = kSanitized ? 1'000'000 : 22'222'222;  // 200 MB
constexpr std::int64_t kBytes = kLines * kLineBytes;
constexpr int kFollowers = 10;
constexpr std::int64_t kGrowthMaxBytes = 32 << 20;

// What is left of the line in which a byte stands, from it on.
std::string line_from(std::int64_t offset) {
  const std::string line = std::to_string(kFirst + offset / kLineBytes) + "\n";
  return line.substr(static_cast<std::size_t>(offset % kLineBytes));
}

// Compares numbers, a line each, with what should come; stores nothing.
class Numbers {
 public:
  void take(std::int64_t offset, std::string_view data) {
    good_ = good_ && offset == at_;
    while (good_ && !data.empty()) {
      const std::string rest = line_from(at_);
      const std::size_t size = std::min(rest.size(), data.size());
      good_ = data.starts_with(std::string_view(rest).substr(0, size));
      data.remove_prefix(size);
      at_ += static_cast<std::int64_t>(size);
    }
  }
  [[nodiscard]] bool all() const { return good_ && at_ == kBytes; }

 private:
  std::int64_t at_ = 0;
  bool good_ = true;
};

class OutputLoad : public Fleet {
 protected:
  static std::int64_t resident_bytes(pid_t pid) {
    const auto text = read_file(AT_FDCWD, "/proc/" + std::to_string(pid) + "/statm", 4096);
    EXPECT_TRUE(text.ok());
    const std::size_t second = text->find(' ') + 1;
    return std::stoll(text->substr(second)) * ::sysconf(_SC_PAGESIZE);
  }
  // seq, once the gate is open.
  std::string submit_numbers(const Gate& gate) {
    return submit(sh(": < " + gate.path() + "; exec seq " + std::to_string(kFirst) + " " +
                     std::to_string(kFirst + kLines - 1)));
  }
  bool follow_numbers(const std::string& job) {
    v1::ReadOutputRequest request;
    request.set_job_id(job);
    request.set_follow(true);
    request.set_batch(true);
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::minutes(4));
    const auto reader = jobs_->ReadOutput(&context, request);
    Numbers numbers;
    v1::ReadOutputResponse response;
    bool complete = false;
    while (reader->Read(&response)) {
      if (response.has_chunk()) numbers.take(response.chunk().offset(), response.chunk().data());
      for (const auto& chunk : response.more_chunks()) numbers.take(chunk.offset(), chunk.data());
      complete = response.complete();
    }
    const grpc::Status status = reader->Finish();
    EXPECT_TRUE(status.ok()) << status.error_message();
    return complete && numbers.all();
  }
  // What there is now, without waiting.
  std::string what_there_is(const std::string& job) {
    v1::ReadOutputRequest request;
    request.set_job_id(job);
    const auto with_deadline = context();
    const auto reader = jobs_->ReadOutput(with_deadline.get(), request);
    return read_all_output(*reader, v1::ReadOutputResponse()).out;
  }
  v1::Job ended_in_time(const std::string& job) {
    v1::Job found;
    EXPECT_TRUE(eventually(
        [&] {
          found = get(job);
          return found.has_end();
        },
        std::chrono::minutes(4)));
    return found;
  }
  [[nodiscard]] std::unique_ptr<test::ChildProcess> takt(const std::vector<std::string>& arguments,
                                                         const std::string& output) const {
    std::vector<std::string> argv{TAKT_CLI, arguments.front(), "--address", scheduler_->socket()};
    argv.insert(argv.end(), arguments.begin() + 1, arguments.end());
    return std::make_unique<test::ChildProcess>(argv, output);
  }
};

TEST_F(OutputLoad, TenFollowersAndOneThatIsStoppedForTheWholeRun) {
  WorkerProcess& worker = add_worker("one");
  Gate gate(shared("gate"));
  const std::string job = submit_numbers(gate);
  ASSERT_TRUE(wait_state(job, v1::JOB_STATE_RUNNING));
  std::vector<std::future<bool>> followers;
  for (int i = 0; i < kFollowers; ++i)
    followers.push_back(std::async(std::launch::async, [&] { return follow_numbers(job); }));
  const std::string copy = shared("copy");
  const auto stopped = takt({"logs", "-f", job}, copy);
  const std::int64_t worker_before = resident_bytes(worker.pid());
  const std::int64_t scheduler_before = resident_bytes(scheduler_->pid());
  stopped->signal(SIGSTOP);
  gate.open();

  const v1::Job found = ended_in_time(job);
  EXPECT_EQ(found.end().cause(), v1::END_CAUSE_EXITED) << found.end().message();
  EXPECT_EQ(found.end().exit_code(), 0);
  EXPECT_EQ(found.attempts(0).usage().stdout_bytes(), kBytes);
  EXPECT_EQ(found.attempts(0).usage().stdout_truncated_bytes(), 0);
  for (auto& follower : followers) EXPECT_TRUE(follower.get());
  if (!kSanitized) {
    EXPECT_LT(resident_bytes(worker.pid()) - worker_before, kGrowthMaxBytes);
    EXPECT_LT(resident_bytes(scheduler_->pid()) - scheduler_before, kGrowthMaxBytes);
  }
  RecordProperty("worker_growth", std::to_string(resident_bytes(worker.pid()) - worker_before));
  RecordProperty("scheduler_growth",
                 std::to_string(resident_bytes(scheduler_->pid()) - scheduler_before));

  // What it missed is all there for it.
  stopped->signal(SIGCONT);
  EXPECT_TRUE(eventually([&] { return !stopped->running(); }, std::chrono::minutes(4)));
  EXPECT_EQ(stopped->wait(), 0);
  Numbers numbers;
  const auto file = open_at(AT_FDCWD, copy, O_RDONLY);
  ASSERT_TRUE(file.ok());
  std::string buffer(1 << 20, '\0');
  std::int64_t at = 0;
  for (ssize_t got = 0; (got = ::read(file->get(), buffer.data(), buffer.size())) > 0; at += got)
    numbers.take(at, std::string_view(buffer).substr(0, static_cast<std::size_t>(got)));
  EXPECT_TRUE(numbers.all());
}

TEST_F(OutputLoad, ManyTurnsOfTheStreamsAreReadInOrder) {
  add_worker("one");
  const std::string job = submit(sh("for i in $(seq 1 500); do echo o$i; echo e$i >&2; done"));
  ended(job);
  v1::ReadOutputRequest request;
  request.set_job_id(job);
  request.set_batch(true);
  const auto with_deadline = context();
  const auto reader = jobs_->ReadOutput(with_deadline.get(), request);
  std::array<std::string, 2> text;
  int messages = 0;
  const auto take = [&](const v1::OutputChunk& chunk) {
    std::string& stream = text[chunk.stream() == v1::OUTPUT_STREAM_STDERR ? 1 : 0];
    EXPECT_EQ(chunk.offset(), static_cast<std::int64_t>(stream.size()));
    stream += chunk.data();
  };
  v1::ReadOutputResponse response;
  for (; reader->Read(&response); ++messages) {
    if (response.has_chunk()) take(response.chunk());
    for (const auto& chunk : response.more_chunks()) take(chunk);
  }
  EXPECT_TRUE(reader->Finish().ok());
  std::array<std::string, 2> expected;
  for (int i = 1; i <= 500; ++i) {
    expected[0] += "o" + std::to_string(i) + "\n";
    expected[1] += "e" + std::to_string(i) + "\n";
  }
  EXPECT_EQ(text, expected);
  EXPECT_LE(messages, 3) << "a few hundred pieces are one message";
}

class FullDisk : public OutputLoad {
 protected:
  // A worker whose state is on the small disk.
  WorkerProcess& add_small_worker() {
    WorkerProcess& worker = make_worker("one");
    EXPECT_EQ(::symlink(disk_.path().c_str(), worker.state().c_str()), 0);
    worker.start();
    EXPECT_TRUE(wait_worker("one", v1::WORKER_STATE_READY)) << worker.log();
    return worker;
  }
  test::SmallDisk disk_{32 << 20, test::SmallDisk::Kind::kExt4};
};

TEST_F(FullDisk, TheJobGoesOnItsLossIsCountedAndTheWorkerStaysUp) {
  WorkerProcess& worker = add_small_worker();
  Gate gate(shared("gate"));
  const std::string job = submit_numbers(gate);
  const std::string other = submit(sh(": < " + gate.path() + "; echo small; exit 3"));
  ASSERT_TRUE(wait_state(job, v1::JOB_STATE_RUNNING));
  ASSERT_TRUE(wait_state(other, v1::JOB_STATE_RUNNING));
  if (kSanitized) disk_.fill(4 << 20);
  gate.open();

  const v1::Job found = ended_in_time(job);
  EXPECT_EQ(found.end().cause(), v1::END_CAUSE_EXITED) << found.end().message();
  EXPECT_EQ(found.end().exit_code(), 0);
  const v1::Usage& usage = found.attempts(0).usage();
  EXPECT_EQ(usage.stdout_bytes(), kBytes);
  EXPECT_GT(usage.stdout_truncated_bytes(), 0);
  // The disk is full to users, and root's reserve is not for output.
  EXPECT_NE(found.end().note().find("of stdout were not kept: less than free_min"),
            std::string::npos)
      << found.end().note();
  EXPECT_EQ(ended_in_time(other).end().exit_code(), 3);
  EXPECT_TRUE(worker.running());

  // A reader gets what is there, in its place, and learns of what is not.
  v1::ReadOutputRequest request;
  request.set_job_id(job);
  request.set_follow(true);
  const auto with_deadline = context();
  const auto reader = jobs_->ReadOutput(with_deadline.get(), request);
  v1::ReadOutputResponse response;
  std::int64_t at = 0;
  std::int64_t missing = 0;
  while (reader->Read(&response)) {
    if (!response.has_chunk()) continue;
    const v1::OutputChunk& chunk = response.chunk();
    EXPECT_EQ(chunk.offset(), at + chunk.skipped_bytes());
    missing += chunk.skipped_bytes();
    at = chunk.offset() + static_cast<std::int64_t>(chunk.data().size());
    const std::string rest = line_from(chunk.offset()).substr(0, chunk.data().size());
    EXPECT_TRUE(chunk.data().starts_with(rest)) << "at " << chunk.offset();
  }
  EXPECT_TRUE(reader->Finish().ok());
  EXPECT_EQ(at, kBytes);
  EXPECT_EQ(missing, usage.stdout_truncated_bytes());
}

TEST_F(FullDisk, JobsRunAgainWhenThereIsRoom) {
  WorkerProcess& worker = add_small_worker();
  Gate gate(shared("gate"));
  const std::string job = submit(sh("echo begin; echo up > " + shared("up") + "; : < " +
                                    gate.path() + "; head -c 1000000 /dev/zero; exit 5"));
  ASSERT_TRUE(eventually([&] { return read_shared("up") == "up\n"; }));
  ASSERT_TRUE(eventually([&] { return what_there_is(job) == "begin\n"; }));
  disk_.fill();
  gate.open();
  // Where nothing at all can be written, the end has to wait; it is told no sooner than it is kept.
  ASSERT_TRUE(eventually([&] { return get(job).state() != v1::JOB_STATE_RUNNING; }));
  disk_.empty();
  const v1::Job found = ended(job);
  EXPECT_EQ(found.end().exit_code(), 5) << found.end().message();
  EXPECT_TRUE(worker.running());
  const std::string next = submit(sh("echo fine"));
  EXPECT_EQ(ended(next).end().exit_code(), 0);
  EXPECT_EQ(follow(next).out, "fine\n");
}

TEST_F(FullDisk, JobsWaitUntilThereIsRoomForTheirRecords) {
  add_small_worker();
  disk_.fill();
  std::vector<std::string> waiting;
  for (int i = 0; i < 8; ++i) waiting.push_back(submit(sh("echo fine")));
  ASSERT_TRUE(wait_worker("one", v1::WORKER_STATE_DRAINING));
  v1::ListWorkersResponse response;
  ASSERT_TRUE(operator_->ListWorkers(context().get(), {}, &response).ok());
  const std::string why = response.workers(0).drain().reason();
  EXPECT_NE(why.find("No space left on device"), std::string::npos) << why;
  disk_.empty();
  for (const std::string& job : waiting)
    EXPECT_EQ(ended(job).end().exit_code(), 0) << ended(job).end().message();
}

}  // namespace
}  // namespace takt::component
