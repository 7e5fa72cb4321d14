// SPDX-License-Identifier: Apache-2.0
// How an attempt gets its cgroup: as a transient systemd scope, or as a directory below one
// delegated place. Guarantees: park() answers exactly once, later, on the loop; what it took for
// an attempt is given back by release(), also after a failure.
#pragma once

#include <functional>
#include <string>

#include "attempt/control.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "worker/live_attempt.h"
#include "worker/spawner.h"

namespace takt::worker {

// Where systemd puts takt-jobs.slice, below which all jobs are.
inline constexpr const char* kJobsCgroup = "/takt.slice/takt-jobs.slice";

// A supervisor parked where it belongs, and what it is told to prepare.
struct ParkedInPlace {
  Parked supervisor;
  attempt::Launcher how = attempt::Launcher::kScope;
  UniqueFd job_leaf;  // made already, under the cgroup launcher
};

// A start that failed, and at which step: "spawn", "supervisor", "scope", "cgroup".
struct LaunchFailure {
  std::string step;
  Error error;
};

// What is told, as step "supervisor", of a start whose supervisor was lost: nothing of it has run.
inline Error supervisor_ended() {
  return make_error(ErrorCode::kInternal, "the supervisor ended before the command was started");
}

class AttemptLauncher {
 public:
  using Done = std::function<void(std::variant<ParkedInPlace, LaunchFailure>)>;

  virtual ~AttemptLauncher() = default;

  // Gets a parked supervisor for the attempt into its cgroup.
  virtual void park(LiveAttempt& live, Done done) = 0;

  // Takes over an attempt that was found running at the worker's start.
  virtual void adopt(LiveAttempt& live) = 0;

  // The cgroup that an attempt of this id would have, if it is there.
  [[nodiscard]] virtual Result<cgroup::Cgroup> find(const AttemptId& id) const = 0;

  // The attempt has no process any more: gives back what was taken for it.
  virtual void release(LiveAttempt& live) = 0;
};

}  // namespace takt::worker
