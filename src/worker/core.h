// SPDX-License-Identifier: Apache-2.0
// What the parts of the worker share. All of it belongs to the loop's thread.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "config/worker_config.h"
#include "rpc/credentials.h"
#include "sd/event_loop.h"
#include "sd/inotify.h"
#include "worker/contacts.h"
#include "worker/disk_thread.h"
#include "worker/launcher.h"
#include "worker/live_attempt.h"
#include "worker/start_health.h"
#include "worker/state_folder.h"
#include "worker/user_lookup.h"

namespace takt::worker {

struct Core {
  sd::EventLoop& loop;
  const config::WorkerConfig& config;
  const rpc::Credentials& credentials;
  StateFolder& state;
  DiskThread& disk;
  sd::Inotify& inotify;
  UserLookup& users;
  Contacts contacts;
  AttemptLauncher* scope = nullptr;   // null where systemd is not PID 1
  AttemptLauncher* cgroup = nullptr;  // null without a cgroup2 mount
  Launcher default_launcher = Launcher::kScope;
  bool tasks_limited = false;  // there is a pids controller for jobs

  AttemptTable attempts;
  std::size_t turns = 0;  // starts on their way
  bool stopping = false;  // takes no more starts
  StartHealth health;
  // By store, of the schedulers that have drained this worker: by which account, and why.
  std::map<std::string, std::string> drains;

  // Called after each change of what is told of an attempt. An end is durable by then.
  std::vector<std::function<void(const LivePtr&)>> on_change;

  // Reports to the owner that a start was not taken, and why; with the step, if the host failed at
  // it. For attempts whose supervisor has not got `go`.
  std::function<void(const LiveAttempt&, const Error& why, const std::string& failed_step)> refuse;

  // Reports to all schedulers what this worker has to give now.
  std::function<void()> on_capacity;

  void changed(const LivePtr& live) const {
    for (const auto& fn : on_change) fn(live);
  }
  // The start is through, one way or the other: the next one may begin.
  void end_turn(LiveAttempt& live) {
    if (live.holds_turn) --turns;
    live.holds_turn = false;
  }
  [[nodiscard]] AttemptLauncher* launcher(Launcher which) const {
    return which == Launcher::kCgroup ? cgroup : scope;
  }
};

// The journal's fields that say which attempt a line is about.
std::vector<LogField> fields_of(const LiveAttempt& live);
// The same, for a line that the catalog explains.
std::vector<LogField> fields_of(const LiveAttempt& live, std::string_view message_id);

}  // namespace takt::worker
