// SPDX-License-Identifier: Apache-2.0
// The two daemons as child processes, each with its files below a temporary folder and its jobs in
// a cgroup of its own. Guarantees: whatever they leave is killed and removed with their owner.
#pragma once

#include <sys/types.h>

#include <memory>
#include <string>
#include <vector>

#include "cgroup/cgroup.h"
#include "support/child_process.h"
#include "takt/v1/worker_service.grpc.pb.h"

namespace takt::component {

inline constexpr mode_t kPassThrough = 0711;  // of folders that every job goes through

// A daemon that can be started again and again with the same files.
class DaemonProcess {
 public:
  // `folder` is where its configuration, socket, log and state are.
  DaemonProcess(std::string program, std::string folder, const std::string& configuration);
  virtual ~DaemonProcess() = default;
  DaemonProcess(const DaemonProcess&) = delete;
  DaemonProcess& operator=(const DaemonProcess&) = delete;

  // `under`: a program with its arguments that runs it, as strace does.
  void start(std::vector<std::string> under = {});
  // SIGTERM, once main() has begun: before, the kernel ends it. expect_end() follows.
  void stop();
  // Expects it to end by itself, with exit code 0 (a sanitizer's findings give another one).
  void expect_end();
  // SIGKILL.
  void kill();
  void signal(int number) const { process_->signal(number); }
  [[nodiscard]] bool running() const { return process_ != nullptr && process_->running(); }
  [[nodiscard]] pid_t pid() const { return process_->pid(); }

  [[nodiscard]] std::string socket() const { return "unix:" + folder_ + "/socket"; }
  [[nodiscard]] std::string state() const { return folder_ + "/state"; }
  [[nodiscard]] std::string configuration() const { return folder_ + "/conf"; }
  // What it has logged; printed when a test fails.
  [[nodiscard]] std::string log() const;

 private:
  const std::string program_;
  const std::string folder_;
  std::unique_ptr<test::ChildProcess> process_;
};

class SchedulerProcess : public DaemonProcess {
 public:
  // `extra`: more lines of configuration, with their sections.
  explicit SchedulerProcess(const std::string& folder, const std::string& extra = "");
};

struct WorkerOptions {
  std::string labels;  // "role=db, zone=a"
  int slots = 300;
  int starts_at_once = 32;
  std::string extra;  // more lines of configuration, with their sections
};

class WorkerProcess : public DaemonProcess {
 public:
  WorkerProcess(const std::string& folder, const std::string& name, const std::string& scheduler,
                const WorkerOptions& options = {});
  ~WorkerProcess() override;

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] std::string id() const;
  [[nodiscard]] v1::WorkerService::Stub& stub();
  // The process that forks supervisors; once a job was started.
  [[nodiscard]] pid_t spawner() const;
  // Names in active/: attempts whose end is not acknowledged.
  [[nodiscard]] std::vector<std::string> active() const;
  // Whether any process of a job or a supervisor is there, and whether its cgroup is.
  [[nodiscard]] bool populated() const;
  [[nodiscard]] bool has_cgroup() const;
  // The one that those of its jobs are below; kNotFound before the first job.
  [[nodiscard]] Result<cgroup::Cgroup> cgroup() const;

 private:
  const std::string name_;
  const std::string cgroup_name_;
  std::unique_ptr<v1::WorkerService::Stub> stub_;
};

}  // namespace takt::component
