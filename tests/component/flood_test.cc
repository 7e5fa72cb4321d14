// SPDX-License-Identifier: Apache-2.0
// One user floods a daemon in every way at hand, one after the other and all at once. Meanwhile
// root's stop is answered, and the job ends; the daemons' memory stays within bounds.
#include <grpcpp/create_channel_posix.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/fs.h"
#include "component/fleet.h"
#include "rpc/channel.h"
#include "support/connect_as.h"
#include "support/flood.h"

namespace takt::component {
namespace {

constexpr std::size_t kGrowthMaxKib = 256UL * 1024;  // of a daemon, above idle
constexpr std::uint64_t kAnswersBefore = 1000;       // of each flood, or one refusal
constexpr std::uint64_t kAnswersAfter = 1000;        // of each flood, while memory is watched
constexpr std::chrono::seconds kFloodPatience{60};
constexpr int kLargeJobs = 20;  // whose list fills a page of 2 MiB
constexpr std::size_t kLargeBytes = 100UL << 10;

std::size_t kib_of(pid_t pid, const std::string& key) {
  std::ifstream status("/proc/" + std::to_string(pid) + "/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with(key + ":")) return std::stoul(line.substr(key.size() + 1));
  return SIZE_MAX;
}

// A daemon's memory from here on.
class MemoryWatch {
 public:
  explicit MemoryWatch(pid_t pid) : pid_(pid) {
    std::ofstream("/proc/" + std::to_string(pid) + "/clear_refs") << 5;  // the peak begins again
    idle_ = kib_of(pid, "VmRSS");
  }
  [[nodiscard]] std::size_t growth_kib() const {
    const std::size_t peak = kib_of(pid_, "VmHWM");
    return peak - std::min(peak, idle_);
  }

 private:
  pid_t pid_;
  std::size_t idle_ = 0;
};

v1::JobSpec waiting_job() {
  v1::JobSpec spec;
  spec.add_argv("/bin/true");
  v1::Constraint& constraint = *spec.add_constraints();
  constraint.set_key("nowhere");
  constraint.set_operator_(v1::CONSTRAINT_OPERATOR_EXISTS);
  return spec;
}

using Floods = std::vector<std::unique_ptr<test::Flood>>;

class Flooded : public Fleet {
 protected:
  std::string scheduler_extra() override {
    // Bounds what is on the disk; the submissions go on.
    return "[access]\ngroup = nogroup\n[queue]\njobs_of_user_max = 300\n";
  }
  void SetUp() override {
    Fleet::SetUp();
    worker_ = &add_worker(
        "one",
        {.labels = "", .slots = 4, .starts_at_once = 4, .extra = "[access]\ngroup = nogroup\n"});
    submit(sh("exit 0"));  // the spawner is there
  }
  static test::FloodOf at(const DaemonProcess& daemon) {
    return {daemon.socket().substr(sizeof "unix:" - 1), kNobody, kNogroup};
  }
  static std::unique_ptr<test::Flood> call(const DaemonProcess& daemon, const std::string& method,
                                           const google::protobuf::Message& request,
                                           test::Reading reading = test::Reading::kAll) {
    return test::flood_calls(at(daemon),
                             {"/takt.v1." + method, request.SerializeAsString(), reading});
  }

  // Root stops a job that runs while all of them go on.
  void expect_root_served(const Floods& floods, const std::string& job) {
    EXPECT_TRUE(
        test::eventually([&] { return answered_each(floods, {}, kAnswersBefore); }, kFloodPatience))
        << "each flood is under way";
    auto channel = rpc::make_channel(scheduler_->socket());
    ASSERT_TRUE(channel.ok());
    v1::StopJobRequest request;
    request.set_job_id(job);
    v1::StopJobResponse response;
    const grpc::Status status =
        v1::JobService::NewStub(*channel)->StopJob(context().get(), request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    expect_goes_on(floods, "root's stop is answered");
    EXPECT_EQ(ended(job).end().cause(), v1::END_CAUSE_STOPPED);
    expect_goes_on(floods, "the job has ended");
  }

 private:
  static std::vector<std::uint64_t> answers(const Floods& floods) {
    std::vector<std::uint64_t> all;
    for (const auto& flood : floods) all.push_back(flood->served() + flood->refused());
    return all;
  }
  // Each has got so many answers since then; before the first one a refusal is enough.
  static bool answered_each(const Floods& floods, const std::vector<std::uint64_t>& since,
                            std::uint64_t count) {
    const std::vector<std::uint64_t> now = answers(floods);
    for (std::size_t i = 0; i < floods.size(); ++i) {
      if (since.empty() && floods[i]->refused() > 0) continue;
      if (now[i] < (since.empty() ? 0 : since[i]) + count) return false;
    }
    return true;
  }
  static void expect_goes_on(const Floods& floods, const std::string& when) {
    const std::vector<std::uint64_t> before = answers(floods);
    for (const auto& flood : floods) EXPECT_TRUE(flood->running()) << when;
    EXPECT_TRUE(test::eventually([&] { return answered_each(floods, before, 1); }, kFloodPatience))
        << "when " << when << ", each flood goes on";
  }

 protected:
  static void take_their_time(const Floods& floods) {
    const std::vector<std::uint64_t> before = answers(floods);
    EXPECT_TRUE(test::eventually([&] { return answered_each(floods, before, kAnswersAfter); },
                                 kFloodPatience));
    for (std::size_t i = 0; i < floods.size(); ++i)
      std::printf("flood %zu: %lu served, %lu refused\n", i, floods[i]->served(),
                  floods[i]->refused());
  }
  // Memory is watched until each flood has gone on for a while, and `until` holds.
  void withstand(const std::function<Floods()>& begin, const std::function<bool()>& until = {}) {
    const MemoryWatch scheduler(scheduler_->pid());
    const MemoryWatch worker(worker_->pid());
    const std::string job = submit(sh("exec sleep 1000"));
    ASSERT_TRUE(wait_state(job, v1::JOB_STATE_RUNNING));
    {
      const Floods floods = begin();
      expect_root_served(floods, job);
      if (!HasFailure()) take_their_time(floods);
      if (until) {
        EXPECT_TRUE(test::eventually(until, kFloodPatience));
      }
    }
    std::printf("growth: scheduler %zu KiB, worker %zu KiB\n", scheduler.growth_kib(),
                worker.growth_kib());
    EXPECT_LT(scheduler.growth_kib(), kGrowthMaxKib) << "of the scheduler";
    EXPECT_LT(worker.growth_kib(), kGrowthMaxKib) << "of the worker";
  }

  WorkerProcess* worker_ = nullptr;
};

// --- the scheduler ---

class FloodedScheduler : public Flooded {
 protected:
  void SetUp() override {
    Flooded::SetUp();
    const auto mine = v1::JobService::NewStub(grpc::CreateInsecureChannelFromFd(
        "nobody", nonblocking(test::connect_as(at(*scheduler_).socket, kNobody, kNogroup, {}))));
    v1::SubmitJobsRequest large;
    for (int i = 0; i < kLargeJobs; ++i) {
      *large.add_specs() = waiting_job();
      large.mutable_specs(i)->add_argv(std::string(kLargeBytes, 'x'));
    }
    v1::SubmitJobsResponse taken;
    const grpc::Status status = mine->SubmitJobs(context().get(), large, &taken);
    ASSERT_TRUE(status.ok()) << status.error_message();
    v1::SubmitJobRequest request;
    *request.mutable_spec() = sh("while sleep 0.05; do echo 0123456789012345678901234567890; done");
    v1::SubmitJobResponse submitted;
    ASSERT_TRUE(mine->SubmitJob(context().get(), request, &submitted).ok());
    followed_ = submitted.job_id();
    ASSERT_TRUE(wait_state(followed_, v1::JOB_STATE_RUNNING));
  }
  void TearDown() override {
    stop(followed_, "the end of the test");
    ended(followed_);
    Flooded::TearDown();
  }
  static int nonblocking(UniqueFd fd) {
    EXPECT_TRUE(set_nonblocking(fd.get(), true).ok());
    return fd.release();
  }

  [[nodiscard]] std::unique_ptr<test::Flood> reads(test::Reading reading) const {
    v1::ListJobsRequest request;
    request.set_page_size(1000);
    return call(*scheduler_, "JobService/ListJobs", request, reading);
  }
  [[nodiscard]] std::unique_ptr<test::Flood> submissions(std::size_t bytes) const {
    v1::SubmitJobRequest request;
    *request.mutable_spec() = waiting_job();
    request.mutable_spec()->set_stdin_data(std::string(bytes, 'x'));
    return call(*scheduler_, "JobService/SubmitJob", request);
  }
  // Each has to wait for a read: what it depends on has ended.
  [[nodiscard]] std::unique_ptr<test::Flood> submissions_that_are_reset() {
    v1::SubmitJobRequest request;
    *request.mutable_spec() = waiting_job();
    request.mutable_spec()->set_stdin_data(std::string(1000 << 10, 'x'));
    v1::Dependency& ended_job = *request.mutable_spec()->add_dependencies();
    ended_job.set_job_id(submit(sh("exit 0")));
    ended_job.set_condition(v1::DEPENDENCY_CONDITION_END);
    ended(ended_job.job_id());
    return call(*scheduler_, "JobService/SubmitJob", request, test::Reading::kReset);
  }
  [[nodiscard]] std::unique_ptr<test::Flood> watches() const {
    return call(*scheduler_, "JobService/WatchJobs", v1::WatchJobsRequest(), test::Reading::kSome);
  }
  [[nodiscard]] std::unique_ptr<test::Flood> followers() const {
    v1::ReadOutputRequest request;
    request.set_job_id(followed_);
    request.set_follow(true);
    return call(*scheduler_, "JobService/ReadOutput", request, test::Reading::kSome);
  }
  [[nodiscard]] std::unique_ptr<test::Flood> connections() const {
    return test::flood_connections(at(*scheduler_), "/takt.v1.JobService/CountJobs");
  }
  [[nodiscard]] std::unique_ptr<test::Flood> headers() const {
    return test::flood_headers(at(*scheduler_), "/takt.v1.JobService/GetJob");
  }
  void withstand_one(const std::function<std::unique_ptr<test::Flood>()>& begin,
                     const std::function<bool()>& until = {}) {
    withstand(
        [&] {
          Floods floods;
          floods.push_back(begin());
          return floods;
        },
        until);
  }
  // All reads of the flood that were taken are answered.
  bool no_reads_wait() {
    v1::GetLimitsRequest request;
    request.set_account("nobody");
    v1::GetLimitsResponse response;
    if (!jobs_->GetLimits(context().get(), request, &response).ok()) return false;
    for (const v1::ResourceLimit& limit : response.limits())
      if (limit.resource() == "waiting reads") return limit.used() == 0;
    return false;
  }

  std::string followed_;
};

TEST_F(FloodedScheduler, ByReadsAnswersRoot) {
  withstand_one([this] { return reads(test::Reading::kAll); });
}

TEST_F(FloodedScheduler, ByReadsOfAClientThatTakesNoAnswerAnswersRoot) {
  withstand_one([this] { return reads(test::Reading::kNone); }, [this] { return no_reads_wait(); });
}

TEST_F(FloodedScheduler, BySmallSubmissionsAnswersRoot) {
  withstand_one([this] { return submissions(10); });
}

TEST_F(FloodedScheduler, ByLargeSubmissionsAnswersRoot) {
  withstand_one([this] { return submissions(1000 << 10); });
}

TEST_F(FloodedScheduler, BySubmissionsThatAreResetBehindReadsAnswersRoot) {
  withstand([this] {
    Floods floods;
    floods.push_back(reads(test::Reading::kAll));
    floods.push_back(submissions_that_are_reset());
    return floods;
  });
}

TEST_F(FloodedScheduler, ByWatchesAnswersRoot) {
  withstand_one([this] { return watches(); });
}

TEST_F(FloodedScheduler, ByFollowersAnswersRoot) {
  withstand_one([this] { return followers(); });
}

TEST_F(FloodedScheduler, ByConnectionsAnswersRoot) {
  withstand_one([this] { return connections(); });
}

TEST_F(FloodedScheduler, ByHeadersWithoutAcknowledgementAnswersRoot) {
  withstand_one([this] { return headers(); });
}

TEST_F(FloodedScheduler, ByAllOfTheseAnswersRoot) {
  const auto begin = [this] {
    Floods floods;
    floods.push_back(reads(test::Reading::kSome));
    floods.push_back(submissions(10));
    floods.push_back(submissions(1000 << 10));
    floods.push_back(watches());
    floods.push_back(followers());
    floods.push_back(connections());
    floods.push_back(headers());
    return floods;
  };
  withstand(begin);
}

// --- a worker that is called directly ---

class FloodedWorker : public Flooded {
 protected:
  [[nodiscard]] std::unique_ptr<test::Flood> reads() const {
    return call(*worker_, "WorkerService/ListJobs", v1::WorkerServiceListJobsRequest());
  }
  [[nodiscard]] std::unique_ptr<test::Flood> starts() const {
    v1::WorkerServiceStartJobRequest request;
    *request.mutable_spec() = sh("exit 0");
    return call(*worker_, "WorkerService/StartJob", request);
  }
  [[nodiscard]] std::unique_ptr<test::Flood> large_starts() const {
    v1::WorkerServiceStartJobRequest request;
    *request.mutable_spec() = sh("exit 0");
    request.mutable_spec()->set_stdin_data(std::string(1000 << 10, 'x'));
    return call(*worker_, "WorkerService/StartJob", request);
  }
  [[nodiscard]] std::unique_ptr<test::Flood> connections() const {
    return test::flood_connections(at(*worker_), "/takt.v1.WorkerService/ListJobs");
  }
  [[nodiscard]] std::unique_ptr<test::Flood> headers() const {
    return test::flood_headers(at(*worker_), "/takt.v1.WorkerService/QueryJob");
  }
  void withstand_one(const std::function<std::unique_ptr<test::Flood>()>& begin) {
    withstand([&] {
      Floods floods;
      floods.push_back(begin());
      return floods;
    });
  }
};

TEST_F(FloodedWorker, ByReadsAnswersRoot) {
  withstand_one([this] { return reads(); });
}

TEST_F(FloodedWorker, ByStartsAnswersRoot) {
  withstand_one([this] { return starts(); });
}

TEST_F(FloodedWorker, ByLargeStartsAnswersRoot) {
  withstand_one([this] { return large_starts(); });
}

TEST_F(FloodedWorker, ByConnectionsAnswersRoot) {
  withstand_one([this] { return connections(); });
}

TEST_F(FloodedWorker, ByHeadersWithoutAcknowledgementAnswersRoot) {
  withstand_one([this] { return headers(); });
}

TEST_F(FloodedWorker, ByAllOfTheseAnswersRoot) {
  withstand([this] {
    Floods floods;
    floods.push_back(reads());
    floods.push_back(large_starts());
    floods.push_back(connections());
    floods.push_back(headers());
    return floods;
  });
}

}  // namespace
}  // namespace takt::component
