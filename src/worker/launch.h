// SPDX-License-Identifier: Apache-2.0
// From an accepted start to a running command. Guarantees: at most [jobs] starts_at_once are on
// their way, the rest waits in order; `go` is sent only when the record of the start is durable and
// the supervisor sits, prepared, in the cgroup where it belongs; a start that fails anywhere leaves
// no process: it ends as START_FAILED with step, errno and field, or, if the host is at fault
// (start_health.h), goes back to its scheduler, and leaves no record either. Loop thread only.
#pragma once

#include <deque>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "worker/core.h"
#include "worker/ending.h"

namespace takt::worker {

// Never change it: catalogs and scripts know it.
inline constexpr std::string_view kStartFailedId = "7a1c40e5d2f64d0bb0f3a1f2c9d83e11";
inline constexpr std::string_view kHostFaultId = "7a1c40e5d2f64d0bb0f3a1f2c9d83e26";

class Launch {
 public:
  Launch(Core& core, Ending& ending);

  // Takes over an attempt whose folder has been made and whose step is kWaiting.
  void begin(const LivePtr& live);

  // Gives up an attempt before `go`: nothing of it has run. Ends it with `end`.
  void abort(const LivePtr& live, attempt::ExitRecord end);

  // Gives up an attempt before `go` and forgets that it was ever accepted.
  void discard(const LivePtr& live);

  // A start failed at this step by the host's fault: after some in a row the worker takes no jobs.
  void note_fault(const std::string& step, const Error& error);

  // Called when a command runs.
  void on_running(std::function<void(const LivePtr&)> hook) { on_running_ = std::move(hook); }

  // Attempts before `go`.
  [[nodiscard]] std::size_t under_way() const;

 private:
  void start_next();
  void sync_starts();
  void prepare(const LivePtr& live);
  void on_user(const LivePtr& live, Result<UserIdentity> identity);
  void on_parked(const LivePtr& live, std::variant<ParkedInPlace, LaunchFailure> outcome);
  Result<void> send_prepare(LiveAttempt& live, const ParkedInPlace& parked);
  Result<UniqueFd> write_plan(LiveAttempt& live) const;
  void on_control(const LivePtr& live);
  void on_message(const LivePtr& live, const attempt::Message& message);
  void on_ready(const LivePtr& live, const attempt::Ready& ready);
  void on_durable(const std::vector<LivePtr>& batch, const Result<void>& synced);
  void try_go(const LivePtr& live);
  Result<void> go(LiveAttempt& live);
  void fail_with_supervisor(const LivePtr& live, const std::string& step, const Error& error);
  void fail(const LivePtr& live, const std::string& step, const Error& error);
  void give_back(const LivePtr& live, const Error& error, const std::string& failed_step);
  void drop(const LivePtr& live);
  void note_start();

  Core& core_;
  Ending& ending_;
  std::function<void(const LivePtr&)> on_running_;
  std::deque<std::weak_ptr<LiveAttempt>> waiting_;
  std::vector<std::weak_ptr<LiveAttempt>> not_durable_;
  sd::Source probe_;  // when a host that takes no jobs tries one
};

}  // namespace takt::worker
