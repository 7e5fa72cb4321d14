// SPDX-License-Identifier: Apache-2.0
// PID 1 over the bus. Guarantees: every callback is called exactly once, later, on the loop's
// thread (never inside the call that took it); starts and stops end when systemd's job has ended,
// not when it was queued, also across a restart of the bus or a daemon-reexec; only what the owner
// of org.freedesktop.systemd1 says counts. Destroying the manager drops callbacks uncalled; no
// callback may destroy it. Loop thread only.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/limits.h"
#include "base/result.h"
#include "sd/bus.h"

namespace takt::sd {

// A scope to be made around one process that runs already (parked).
struct ScopeRequest {
  std::string unit;         // takt-job-<job id>.<attempt>.scope
  std::string slice;        // from SliceAllocator
  std::string description;  // one line
  pid_t pid = 0;
  int pidfd = -1;  // of `pid`; copied. With it, a process that died on the way fails the start
  nanoseconds grace = limits::kStopGraceDefault;  // TimeoutStopUSec is this + kScopeStopSlack
  // What `systemctl show` tells; the hard limits are made by the supervisor. Unset: not asked for.
  std::optional<std::uint64_t> memory_max_bytes;  // supervisor's share included
  std::optional<std::uint64_t> tasks_max;
  std::optional<std::uint64_t> cpu_weight;  // 1 … 10000
  std::optional<std::uint64_t> io_weight;   // 1 … 10000
};

struct LiveScope {
  std::string unit;
  std::string slice;
};

class UnitJobs;
struct ScopeList;

class SystemdManager {
 public:
  using OnDone = std::function<void(Result<void>)>;
  using OnText = std::function<void(Result<std::string>)>;
  using OnScopes = std::function<void(Result<std::vector<LiveScope>>)>;

  // Subscribes, and again whenever the bus or PID 1 comes back. `bus` outlives the manager.
  SystemdManager(Bus& bus, EventLoop& loop);
  ~SystemdManager();
  SystemdManager(const SystemdManager&) = delete;
  SystemdManager& operator=(const SystemdManager&) = delete;

  // Makes the scope, mode "fail"; done once systemd has put the process into its cgroup. A call
  // lost with the bus or with PID 1's own restart is settled when they are back: looked at, sent
  // again. Errors: kExists (a unit of that name), kNotFound (the process has ended; a scope made
  // around it is being stopped), kPermissionDenied, kDeadlineExceeded after limits::kScopeStart
  // (the scope may still come: end the process and stop the unit), kResourceExhausted, kInvalid,
  // kCancelled and kFailedPrecondition (systemd's job did not end in "done"), kUnavailable (neither
  // it did, because the host goes down).
  void start_scope(const ScopeRequest& request, OnDone done);

  // Stops a unit; done when systemd's job has ended, or when there is no such unit. `patience`
  // bounds the wait (kDeadlineExceeded; the stop goes on).
  void stop_unit(const std::string& unit, nanoseconds patience, OnDone done);

  // Starts a unit that has a file (takt-jobs-direct.service), mode "replace"; done when it is up.
  // kUnavailable as for start_scope().
  void start_unit(const std::string& unit, OnDone done);

  // The unit's cgroup below the cgroup2 mount: "/takt.slice/…". kNotFound while it has none.
  void get_unit_control_group(const std::string& unit, OnText done);

  // "running", "degraded", "starting", "stopping" …
  void get_system_state(OnText done);

  // All live scopes takt-job-*.scope with their slices.
  void list_job_scopes(OnScopes done);

  // Starts and stops that wait for their end.
  [[nodiscard]] std::size_t pending() const;

 private:
  template <class F>
  auto guarded(F fn);
  void get_text(const std::string& path, const std::string& interface, const char* property,
                OnText done);
  OnDone tell_shutdown(OnDone done);
  void list_slices(const std::shared_ptr<ScopeList>& list);

  Bus& bus_;
  std::shared_ptr<UnitJobs> jobs_;
};

}  // namespace takt::sd
