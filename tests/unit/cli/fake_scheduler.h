// SPDX-License-Identifier: Apache-2.0
// A scheduler of one job on a unix socket of its own, that does on demand what schedulers do on bad
// days: breaks streams at a byte, refuses calls, never ends a job.
#pragma once

#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "takt/v1/job_service.grpc.pb.h"
#include "takt/v1/operator_service.grpc.pb.h"

namespace takt::cli {

inline constexpr const char* kJobId = "6f0b2c1e-8d3f-4f0e-9a57-0c1f7f7f2b61";

// How one stream of output ends before its time.
struct Break {
  std::size_t after_bytes = 0;
  grpc::StatusCode code = grpc::StatusCode::UNAVAILABLE;
};

class FakeScheduler : public v1::JobService::Service, public v1::OperatorService::Service {
 public:
  FakeScheduler();
  ~FakeScheduler() override;

  [[nodiscard]] std::string address() const { return "unix:" + folder_ + "/s.sock"; }

  // --- set before the call ---
  std::string out, err;  // what the job writes
  std::size_t chunk_bytes = 1000;
  std::deque<Break> output_breaks;    // one for each stream of output, in order
  std::deque<grpc::Status> refusals;  // answers to the next unary calls, whichever
  std::deque<grpc::StatusCode> watch_breaks;
  std::string watch_break_text = "broken";
  std::vector<v1::WatchJobsResponse> changes;  // for WatchJobs, by revision
  std::int64_t present = 7;                    // up to here they are history
  std::size_t changes_a_stream = 0;            // then a stream breaks; 0: it does not
  bool beats = false;                          // signs of life all the time
  std::int64_t out_start = 0;  // where a stream begins that asks for the last lines or a time
  std::vector<v1::ReadOutputResponse> messages;  // sent before all else
  bool repeat_bytes = false;       // each stream begins 10 bytes before what was asked for
  std::int64_t missing_from = -1;  // bytes of stdout from here on ...
  std::int64_t missing_to = -1;    // ... to here were not kept
  bool stop_ends = true;           // StopJob ends the job
  bool end_by_watch = false;       // the job ends when it is watched
  std::vector<v1::Job> listed;     // for ListJobs
  std::vector<v1::Worker> workers;
  v1::CountJobsResponse counts;
  v1::GetLimitsResponse limits;
  v1::ExplainJobResponse explanation;
  v1::PlanJobResponse plan;
  std::vector<int> running;  // jobs on the drained worker, by call of ListWorkers; then none

  // The job's end; wakes all that wait for it.
  void end_job(const v1::JobEnd& end);
  void set_job(const v1::Job& job);
  // From now on calls are answered.
  void stop_refusing();
  // Until StopJob was called so often.
  void wait_for_stops(std::size_t count);

  // --- what was asked; read after the call ---
  std::vector<v1::SubmitJobRequest> submits;
  std::vector<v1::StopJobRequest> stops;
  std::vector<v1::ReadOutputRequest> reads;
  std::vector<v1::WatchJobsRequest> watches;
  std::vector<v1::ListJobsRequest> lists;
  std::vector<std::string> others;  // "HoldJob 71aa", "DrainWorker db-2" ...
  v1::UpdateJobRequest update;
  v1::DrainWorkerRequest drain;
  v1::PlanJobRequest planned;

  grpc::Status SubmitJob(grpc::ServerContext*, const v1::SubmitJobRequest*,
                         v1::SubmitJobResponse*) override;
  grpc::Status GetJob(grpc::ServerContext*, const v1::GetJobRequest*, v1::GetJobResponse*) override;
  grpc::Status ListJobs(grpc::ServerContext*, const v1::ListJobsRequest*,
                        v1::ListJobsResponse*) override;
  grpc::Status CountJobs(grpc::ServerContext*, const v1::CountJobsRequest*,
                         v1::CountJobsResponse*) override;
  grpc::Status GetLimits(grpc::ServerContext*, const v1::GetLimitsRequest*,
                         v1::GetLimitsResponse*) override;
  grpc::Status StopJob(grpc::ServerContext*, const v1::StopJobRequest*,
                       v1::StopJobResponse*) override;
  grpc::Status WatchJobs(grpc::ServerContext*, const v1::WatchJobsRequest*,
                         grpc::ServerWriter<v1::WatchJobsResponse>*) override;
  grpc::Status ReadOutput(grpc::ServerContext*, const v1::ReadOutputRequest*,
                          grpc::ServerWriter<v1::ReadOutputResponse>*) override;
  grpc::Status ListWorkers(grpc::ServerContext*, const v1::ListWorkersRequest*,
                           v1::ListWorkersResponse*) override;
  grpc::Status HoldJob(grpc::ServerContext*, const v1::HoldJobRequest*,
                       v1::HoldJobResponse*) override;
  grpc::Status ReleaseJob(grpc::ServerContext*, const v1::ReleaseJobRequest*,
                          v1::ReleaseJobResponse*) override;
  grpc::Status UpdateJob(grpc::ServerContext*, const v1::UpdateJobRequest*,
                         v1::UpdateJobResponse*) override;
  grpc::Status ExplainJob(grpc::ServerContext*, const v1::ExplainJobRequest*,
                          v1::ExplainJobResponse*) override;
  grpc::Status PlanJob(grpc::ServerContext*, const v1::PlanJobRequest*,
                       v1::PlanJobResponse*) override;
  grpc::Status DrainWorker(grpc::ServerContext*, const v1::DrainWorkerRequest*,
                           v1::DrainWorkerResponse*) override;
  grpc::Status UndrainWorker(grpc::ServerContext*, const v1::UndrainWorkerRequest*,
                             v1::UndrainWorkerResponse*) override;
  grpc::Status ForgetWorker(grpc::ServerContext*, const v1::ForgetWorkerRequest*,
                            v1::ForgetWorkerResponse*) override;
  grpc::Status StopOrphan(grpc::ServerContext*, const v1::StopOrphanRequest*,
                          v1::StopOrphanResponse*) override;
  grpc::Status AdoptOrphan(grpc::ServerContext*, const v1::AdoptOrphanRequest*,
                           v1::AdoptOrphanResponse*) override;

 private:
  struct Stream;
  grpc::Status take_refusal();
  grpc::Status take_other(const std::string& what);
  bool send_changes(const v1::WatchJobsRequest& request, std::int64_t from, std::int64_t to,
                    grpc::ServerWriter<v1::WatchJobsResponse>& writer);
  bool send_next(Stream& stream);
  bool wait_for_end(std::unique_lock<std::mutex>& lock, grpc::ServerContext& context);

  std::string folder_;
  std::mutex mutex_;
  std::condition_variable changed_;
  v1::Job job_;
  std::unique_ptr<grpc::Server> server_;
};

v1::JobEnd exited(int code);

}  // namespace takt::cli
