// SPDX-License-Identifier: Apache-2.0
// What takt-worker is told by worker.conf. Guarantees of a loaded one: every value is within its
// bounds, and what depends on the host (name, address, slots, supervisor) is filled in.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/result.h"
#include "config/load.h"
#include "config/tls_config.h"
#include "config/values.h"

namespace takt::config {

// How attempts get their cgroup. kAuto is kScope where systemd is PID 1, else kCgroup.
enum class Launcher { kAuto, kScope, kCgroup };

// Which callers may start jobs on a worker without a scheduler: none, those of the unix socket,
// all.
enum class DirectStarts { kNo, kLocal, kYes };

// "auto", "scope", "cgroup".
std::string_view to_string(Launcher launcher);

struct WorkerConfig {
  // [worker]
  std::string name;  // loaded: never empty; the host's name unless given
  std::string state_directory = "/var/lib/takt";
  std::map<std::string, std::string> labels;
  std::map<std::string, std::int64_t> resources;  // countable things that it has
  // Empty: not given. Then the inherited sockets count, and with none kDefaultWorkerListen.
  // Given beside inherited sockets is for the daemon to refuse.
  std::vector<std::string> listen;
  bool insecure = false;  // plain-text TCP is allowed, to listen on and to call the scheduler
  std::string address;  // what the scheduler is told to dial; loaded: empty only without scheduler
  std::string supervisor;  // loaded: absolute path of takt-supervisor
  LogLevel log_level = LogLevel::kInfo;

  // [scheduler]
  std::string scheduler_address = "unix:/run/takt/scheduler.sock";  // empty: no scheduler
  std::string scheduler_user = "takt-scheduler";  // has the scheduler's role on the unix socket

  // [access]
  std::string group = "takt";              // may start jobs here directly
  std::string admin_group = "takt-admin";  // may also act on other users' jobs
  DirectStarts direct = DirectStarts::kLocal;
  Seeing see = Seeing::kOwn;  // what users see of jobs of others

  // [limits]
  std::int64_t connections_of_account_max = limits::kConnectionsOfAccount;
  std::int64_t requests_of_account_max = limits::kRequestsOfAccount;
  std::int64_t requests_per_second_of_account_max = limits::kRequestsPerSecond;
  std::int64_t readers_of_account_max = limits::kReadersOfAccount;

  // [jobs]
  Launcher launcher = Launcher::kAuto;
  // Which ones a job may ask for by name, beside the worker's own. Never kAuto.
  std::vector<Launcher> allow_launcher = {Launcher::kScope, Launcher::kCgroup};
  std::string default_user = "takt-job";  // when the caller's own user is not known
  bool allow_root = false;
  std::vector<std::string> users = {"*"};  // globs of names; system users by their whole name only
  std::vector<std::string> denied_environment;  // globs: names a job may not set
  std::vector<std::string> commands = {"*"};    // globs: paths of what jobs may run
  // The most of each for a job, and what one gets that asks for none; 0: not given, that is no
  // limit, but limits::kTasksDefault for tasks_max.
  std::int64_t memory_max_bytes = 0;
  std::int64_t cpus_max_millicores = 0;
  std::int64_t tasks_max = 0;
  microseconds time_max{0};
  std::int64_t starts_at_once = limits::kStartsAtOnce;
  std::int64_t slots = 0;  // loaded: at least 1; 0 stands for max(16, 4 x processors)
  std::int64_t output_cap_bytes = limits::kOutputCapDefaultBytes;  // the most, for each stream
  std::optional<std::int64_t> free_min_bytes;  // for others than root; absent: by the disk's size
  microseconds retain_time = limits::kRetainTime;  // of ended attempts
  std::int64_t retain_bytes = limits::kRetainBytes;
  std::int64_t retain_attempts = limits::kRetainAttempts;
  bool journal = true;  // no: output lines of no job go to the journal
  std::string
      cgroup;  // top cgroup of launcher cgroup without systemd; empty: takt-<8 of worker id>

  // [compat]
  std::vector<std::string> compat_listen;  // TCP; empty: the old wire format is not spoken
  bool compat_insecure = false;
  std::string compat_scripts;  // loaded: absolute path, where compat_listen is given
  TlsConfig tls;               // loaded: whole, or not given

  friend bool operator==(const WorkerConfig&, const WorkerConfig&) = default;
};

// Reads it all, in the order of load.h. kInvalid with one line for each mistake.
Result<WorkerConfig> load_worker_config(const LoadOptions& options);

// Reads it all again and takes what a running worker may take. On an error `config` is unchanged.
Result<Reloaded> reload_worker_config(const LoadOptions& options, WorkerConfig& config);

// Where a worker listens that was given no address and inherited no socket.
inline constexpr const char* kDefaultWorkerListen = "unix:/run/takt/worker.sock";

}  // namespace takt::config
