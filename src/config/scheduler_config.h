// SPDX-License-Identifier: Apache-2.0
// What takt-scheduler is told by scheduler.conf. Guarantees of a loaded one: every value is within
// its bounds.
#pragma once

#include <cstdint>
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

// Among workers that fit: the least loaded, or the fullest.
enum class Spreading { kSpread, kPack };

struct SchedulerConfig {
  // [scheduler]
  std::string state_directory = "/var/lib/takt-scheduler";
  std::int64_t store_max_bytes = limits::kStoreMax;  // of the database in it
  // Empty: not given. Then the inherited sockets count, and with none kDefaultSchedulerListen.
  // Given beside inherited sockets is for the daemon to refuse.
  std::vector<std::string> listen;
  bool insecure = false;  // plain-text TCP is allowed, to listen on and to call workers
  LogLevel log_level = LogLevel::kInfo;

  // [workers]
  std::string worker_user = "root";  // has the worker's role on the unix socket
  microseconds unreachable_after = limits::kUnreachableAfter;
  microseconds lost_after = limits::kLostAfter;

  // [queue]
  std::int64_t jobs_max = static_cast<std::int64_t>(limits::kQueueMax);  // that have not ended
  std::int64_t jobs_of_user_max = static_cast<std::int64_t>(limits::kJobsOfAccount);
  std::int64_t priority_max = 0;  // above it, for operators only
  Spreading placement = Spreading::kSpread;

  // [history]
  microseconds retain_time = limits::kHistoryAge;  // of jobs that have ended
  std::int64_t retain_jobs = limits::kHistoryJobs;

  // [access]
  std::string group = "takt";              // may use JobService
  std::string admin_group = "takt-admin";  // may also act on other users' jobs and on workers
  Seeing see = Seeing::kOwn;               // what users see of jobs of others

  // [limits]
  std::int64_t connections_of_account_max = limits::kConnectionsOfAccount;
  std::int64_t requests_of_account_max = limits::kRequestsOfAccount;
  std::int64_t requests_per_second_of_account_max = limits::kRequestsPerSecond;
  std::int64_t readers_of_account_max = limits::kReadersOfAccount;
  std::int64_t watchers_of_account_max = limits::kWatchersOfAccount;
  std::int64_t spec_bytes_of_account_max = limits::kSpecBytesOfAccount;  // of unfinished jobs

  // [compat]
  std::vector<std::string> compat_listen;  // TCP; empty: the old wire format is not spoken
  bool compat_insecure = false;
  std::int64_t compat_slots = limits::kOldSlotsDefault;  // jobs at once on each old worker
  TlsConfig tls;                                         // loaded: whole, or not given

  friend bool operator==(const SchedulerConfig&, const SchedulerConfig&) = default;
};

// Reads it all, in the order of load.h. kInvalid with one line for each mistake.
Result<SchedulerConfig> load_scheduler_config(const LoadOptions& options);

// Reads it all again and takes what a running scheduler may take. On an error `config` is
// unchanged.
Result<Reloaded> reload_scheduler_config(const LoadOptions& options, SchedulerConfig& config);

// Where a scheduler listens that was given no address and inherited no socket.
inline constexpr const char* kDefaultSchedulerListen = "unix:/run/takt/scheduler.sock";

}  // namespace takt::config
