// SPDX-License-Identifier: Apache-2.0
// Attempts as transient scopes takt-job-<uuid>.<attempt>.scope in slices of the user that the job
// runs as, takt-jobs-uUID-NN.slice. Slices stay for the user's next job; where many users have
// none, the launcher stops those of the user who has had none for longest.
#pragma once

#include <map>
#include <vector>

#include "sd/slices.h"
#include "sd/systemd_manager.h"
#include "worker/launcher.h"
#include "worker/user_places.h"

namespace takt::worker {

class ScopeLauncher final : public AttemptLauncher {
 public:
  ScopeLauncher(Spawner& spawner, sd::SystemdManager& manager)
      : spawner_(spawner), manager_(manager) {}

  // Takes over the slices without jobs that an earlier worker left, after recovery.
  void sweep();

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

  void spawn(sd::ScopeRequest request, Done done);
  void start_scope(const StartPtr& start);
  void replace_leftover(const StartPtr& start, const Error& exists);
  void stop_idle_slices();

  Spawner& spawner_;
  sd::SystemdManager& manager_;
  sd::SliceAllocator slices_;
  UserPlaces users_;
  // Whose slices are being stopped, and the starts that wait for the end of it.
  std::map<uid_t, std::vector<std::function<void()>>> stopping_;
};

}  // namespace takt::worker
