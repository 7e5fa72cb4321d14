// SPDX-License-Identifier: Apache-2.0
// Plays the worker against the real takt-supervisor: a spawner, and attempts in a real cgroup with
// a folder each. Guarantees: whatever is started is killed, reaped and removed with its owner;
// every wait has an end (20 s) and then fails the test.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "attempt/control.h"
#include "attempt/plan.h"
#include "attempt/records.h"
#include "base/unique_fd.h"
#include "cgroup/cgroup.h"
#include "unit/base/temp_folder.h"
#include "unit/cgroup/test_cgroup.h"

namespace takt::supervisor {

inline constexpr int kPatienceMs = 20000;

// Waits for poll(2)'s `events`; false when the patience is over.
bool wait_for(int fd, short events);

// A running takt-supervisor --spawner.
class SpawnerProcess {
 public:
  SpawnerProcess();
  SpawnerProcess(const SpawnerProcess&) = delete;
  SpawnerProcess& operator=(const SpawnerProcess&) = delete;
  ~SpawnerProcess();

  struct Spawned {
    attempt::SpawnAnswer answer;
    UniqueFd pidfd;
  };
  // `control` is the supervisor's end, and is closed here.
  Spawned spawn(UniqueFd control, std::optional<int> cgroup);

  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] int socket() const { return socket_.get(); }
  // SIGKILL, and reaps it.
  void kill();
  // Closes our end; its exit status.
  int close();

 private:
  pid_t pid_ = 0;
  UniqueFd socket_;
  std::uint64_t number_ = 0;
};

// One attempt, from plan to record.
class Attempt {
 public:
  Attempt(SpawnerProcess& spawner, const cgroup::Cgroup& parent,
          attempt::Launcher launcher = attempt::Launcher::kCgroup);
  Attempt(const Attempt&) = delete;
  Attempt& operator=(const Attempt&) = delete;
  ~Attempt();

  attempt::LaunchPlan plan;  // of `/bin/sh -c …`; change it before prepare()

  // A folder of somebody else's, who keeps it.
  void use_folder(int folder) { other_folder_ = folder; }

  // "sh -c script" as the command.
  void set_script(const std::string& script);

  // The steps of the road, each asserting what it must be answered.
  void spawn();
  attempt::Message prepare();  // the supervisor's answer
  void prepare_again();        // a second Prepare, where Go is due
  void go();
  attempt::Message next();                        // the next message
  void start();                                   // spawn, prepare, go, and Started
  void stop(const attempt::StopRecord& request);  // writes `stop`, then SIGTERM
  void signal(int number);
  // Waits until the supervisor has exited.
  bool wait();
  // wait(), and the record it left.
  attempt::ExitRecord result();
  // start() and result().
  attempt::ExitRecord run();

  [[nodiscard]] std::string read(const std::string& file) const;
  [[nodiscard]] bool has(const std::string& file) const;
  // Blocks until stdout has this text, which a job uses to say how far it is.
  void wait_for_output(const std::string& text) const;
  // What the worker and systemd would see as left over: processes and leaves.
  void expect_nothing_left() const;

  [[nodiscard]] const cgroup::Cgroup& base() const { return base_; }
  [[nodiscard]] const cgroup::Cgroup& job() const { return job_; }
  [[nodiscard]] int folder() const { return other_folder_ >= 0 ? other_folder_ : folder_.fd(); }
  [[nodiscard]] int pidfd() const { return pidfd_.get(); }
  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] pid_t leader() const { return leader_; }
  void close_control() { control_.reset(); }

 private:
  SpawnerProcess& spawner_;
  const cgroup::Cgroup& parent_;
  attempt::Launcher launcher_;
  std::string name_;
  test::TempFolder folder_;
  int other_folder_ = -1;
  cgroup::Cgroup base_;
  cgroup::Cgroup supervisor_;
  cgroup::Cgroup job_;
  UniqueFd control_;
  UniqueFd pidfd_;
  pid_t pid_ = 0;
  pid_t leader_ = 0;
};

}  // namespace takt::supervisor
