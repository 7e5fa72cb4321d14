// SPDX-License-Identifier: Apache-2.0
// Attempts as transient scopes takt-job-<uuid>.<attempt>.scope in the slices takt-jobs-NN.slice.
#pragma once

#include "sd/slices.h"
#include "sd/systemd_manager.h"
#include "worker/launcher.h"

namespace takt::worker {

class ScopeLauncher final : public AttemptLauncher {
 public:
  ScopeLauncher(Spawner& spawner, sd::SystemdManager& manager)
      : spawner_(spawner), manager_(manager) {}

  void park(LiveAttempt& live, Done done) override;
  void adopt(LiveAttempt& live) override;
  [[nodiscard]] Result<cgroup::Cgroup> find(const AttemptId& id) const override;
  void release(LiveAttempt& live) override;

 private:
  // A parked process on its way into its scope.
  struct Start {
    sd::ScopeRequest request;
    Parked parked;
    Done done;
    int tries = 0;
  };
  using StartPtr = std::shared_ptr<Start>;

  void start_scope(const StartPtr& start);
  void replace_leftover(const StartPtr& start, const Error& exists);

  Spawner& spawner_;
  sd::SystemdManager& manager_;
  sd::SliceAllocator slices_;
};

}  // namespace takt::worker
