// SPDX-License-Identifier: Apache-2.0
// Workers as records: who they are, what they have, whether they can be reached.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/uuid.h"
#include "job/amounts.h"
#include "job/spec.h"

namespace takt {

// The numbers are stored: never change them.
enum class WorkerState {
  kReady = 0,
  kUnreachable = 1,
  kLost = 2,
  kAway = 3,
  kDraining = 4,  // for people: kReady with a drain. Never stored
};

// "ready", "unreachable" …, as shown to people.
std::string_view worker_state_name(WorkerState state);

// What a worker has to give.
struct Capacity {
  int slots = 0;
  std::int64_t cpu_millicores = 0;
  std::int64_t memory_bytes = 0;
  std::int64_t tasks = 0;
  Counts counted;
  Amounts direct;  // of all that, used by jobs that did not come from the scheduler
  std::vector<std::string> controllers;
  std::vector<Launcher> launchers;  // that jobs may ask for; the first is the default
  std::string fault;  // why it takes no jobs now: its host fails to start them. Never stored
  friend bool operator==(const Capacity&, const Capacity&) = default;
};

// Who drains a worker whose host fails to start jobs: itself.
inline constexpr std::string_view kDrainedItself = "takt-worker";

// It takes no new jobs.
struct Drain {
  std::string by;
  std::string reason;
  WallTime start_time;
  std::optional<WallTime> deadline;  // then its jobs are stopped; absent: they are not
  bool requeue = false;              // and queued again
  friend bool operator==(const Drain&, const Drain&) = default;
};

struct WorkerRecord {
  Uuid id;
  std::string name;
  std::string address;  // "unix:/path" or "host:port"
  WorkerState state = WorkerState::kUnreachable;
  Labels labels;  // as the worker gave them, without "worker"
  Capacity capacity;
  std::string boot_id;
  std::string version;
  WallTime state_time;     // since when it is in this state
  WallTime register_time;  // when it first registered
  std::optional<Drain> drain;
  friend bool operator==(const WorkerRecord&, const WorkerRecord&) = default;
};

// Its state as it is shown.
WorkerState shown_state(const WorkerRecord& worker);

}  // namespace takt
