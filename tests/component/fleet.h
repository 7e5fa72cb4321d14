// SPDX-License-Identifier: Apache-2.0
// A scheduler and its workers, and a client of them. After each test it takes everything down in
// order and expects nothing to be left: no process, no cgroup, no link in active/.
#pragma once

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <sys/types.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/unique_fd.h"
#include "component/daemons.h"
#include "support/eventually.h"
#include "takt/v1/job_service.grpc.pb.h"
#include "takt/v1/operator_service.grpc.pb.h"
#include "unit/base/temp_folder.h"

namespace takt::component {

using test::eventually;

// An ordinary user of every host, and a group.
inline constexpr uid_t kNobody = 65534;
inline constexpr gid_t kNogroup = 65534;

// Jobs that open it for reading block until it is opened; then and from then on they pass.
class Gate {
 public:
  explicit Gate(std::string path);
  [[nodiscard]] const std::string& path() const { return path_; }
  void open();

 private:
  const std::string path_;
  UniqueFd writer_;
};

// What a job has printed.
struct Output {
  grpc::Status status;
  std::string out;
  std::string err;
  bool complete = false;
  int attempt = 0;
};

class Fleet : public testing::Test {
 protected:
  Fleet();
  void SetUp() override;
  // More lines of the scheduler's configuration, with their sections.
  virtual std::string scheduler_extra() { return ""; }
  void TearDown() override;

  // A worker that runs and is READY at the scheduler.
  WorkerProcess& add_worker(const std::string& name, const WorkerOptions& options = {});
  // One that is not started yet.
  WorkerProcess& make_worker(const std::string& name, const WorkerOptions& options = {});
  bool wait_worker(const std::string& name, v1::WorkerState state);

  static std::unique_ptr<grpc::ClientContext> context();
  // `sh -c text`.
  static v1::JobSpec sh(const std::string& text);
  grpc::Status try_submit(const v1::JobSpec& spec, const std::string& request_id, std::string& job);
  std::string submit(const v1::JobSpec& spec);
  std::vector<std::string> submit_all(const std::vector<v1::JobSpec>& specs);
  v1::Job get(const std::string& job);
  bool wait_state(const std::string& job, v1::JobState state);
  // Waits for its end.
  v1::Job ended(const std::string& job);
  v1::StopJobResponse stop(const std::string& job, const std::string& reason);
  // Follows it to its end.
  Output follow(const std::string& job, std::int64_t stdout_offset = 0,
                std::int64_t stderr_offset = 0);

  // A folder that every user may write to, for what jobs leave behind.
  [[nodiscard]] std::string shared(const std::string& name) const;
  [[nodiscard]] std::string read_shared(const std::string& name) const;

  test::TempFolder folder_;
  std::unique_ptr<SchedulerProcess> scheduler_;
  std::vector<std::unique_ptr<WorkerProcess>> workers_;
  std::unique_ptr<v1::JobService::Stub> jobs_;
  std::unique_ptr<v1::OperatorService::Stub> operator_;

 private:
  void print_logs() const;
};

// Reads a whole ReadOutput stream of scheduler or worker.
template <class Reader, class Response>
Output read_all_output(Reader& reader, Response response) {
  Output output;
  while (reader.Read(&response)) {
    std::string& text =
        response.chunk().stream() == v1::OUTPUT_STREAM_STDERR ? output.err : output.out;
    text += response.chunk().data();
    output.complete = response.complete();
    output.attempt = response.attempt();
  }
  output.status = reader.Finish();
  return output;
}

}  // namespace takt::component
