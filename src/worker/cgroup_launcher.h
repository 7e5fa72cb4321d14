// SPDX-License-Identifier: Apache-2.0
// Attempts as directories uUID/ATTEMPT of one place: under systemd below the delegated
// takt-jobs-direct.service, elsewhere below one cgroup of the worker's own, which it removes when
// it leaves with nothing in it. UID is the user's that the job runs as: users share the place
// equally.
#pragma once

#include <vector>

#include "cgroup/cgroup.h"
#include "sd/systemd_manager.h"
#include "worker/launcher.h"
#include "worker/user_places.h"

namespace takt::worker {

class CgroupLauncher final : public AttemptLauncher {
 public:
  // Under systemd: `manager` starts the unit when it is first needed. Else: `manager` is null and
  // the place is the cgroup `name` below the mount.
  CgroupLauncher(sd::EventLoop& loop, Spawner& spawner, sd::SystemdManager* manager,
                 std::string name);
  ~CgroupLauncher() override;

  // Removes what is left of attempts that `in_use` does not know, after recovery: a worker that was
  // killed in the moment of a start leaves an empty directory. Processes are left alone, and
  // logged.
  void sweep(const std::function<bool(const AttemptId&)>& in_use);

  void park(LiveAttempt& live, Done done) override;
  void adopt(LiveAttempt& live) override;
  [[nodiscard]] Result<cgroup::Cgroup> find(const AttemptId& id) const override;
  void release(LiveAttempt& live) override;

 private:
  using Ready = std::function<void(Result<void>)>;

  [[nodiscard]] std::string place_path() const;
  [[nodiscard]] bool place_usable() const;
  void with_place(Ready ready);
  void find_unit_cgroup();
  Result<void> open_place(const std::string& path);
  [[nodiscard]] Result<cgroup::Cgroup> open_user(uid_t uid);
  void sweep(const cgroup::Cgroup& parent, const std::function<bool(const AttemptId&)>& in_use);
  [[nodiscard]] Result<void> remove_attempt(const LiveAttempt& live) const;
  void remove_idle_users();
  void answer_waiting(const Result<void>& result);
  void spawn_into(uid_t uid, const std::string& name, Done done);

  sd::EventLoop& loop_;
  Spawner& spawner_;
  sd::SystemdManager* manager_;
  const std::string name_;
  cgroup::Cgroup place_;
  UserPlaces users_;
  std::vector<Ready> waiting_;
  sd::Source answer_;
};

}  // namespace takt::worker
