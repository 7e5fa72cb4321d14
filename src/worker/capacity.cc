// SPDX-License-Identifier: Apache-2.0
// What this worker has to give, as it tells schedulers.
#include <sys/sysinfo.h>
#include <unistd.h>

#include "rpc/convert.h"
#include "worker/session.h"

namespace takt::worker {

v1::Capacity capacity_of(const Core& core) {
  v1::Capacity capacity;
  capacity.set_slots(static_cast<std::int32_t>(core.config.slots));
  std::int32_t direct = 0;
  for (const auto& [id, live] : core.attempts.all())
    if (live->acceptance.owner == kDirectOwner && !has_ended(live->record.state)) ++direct;
  capacity.set_direct_slots(direct);
  capacity.set_cpu_millicores(::sysconf(_SC_NPROCESSORS_ONLN) * 1000);
  struct sysinfo info {};
  if (::sysinfo(&info) == 0)
    capacity.set_memory_bytes(static_cast<std::int64_t>(info.totalram * info.mem_unit));
  if (auto tree = cgroup::Tree::find())
    if (auto root = cgroup::Cgroup::open(*tree, "/"))
      if (auto controllers = root->controllers())
        for (const std::string& controller : *controllers) capacity.add_controllers(controller);
  capacity.add_launchers(rpc::launcher_to_proto(core.default_launcher));
  for (const config::Launcher allowed : core.config.allow_launcher) {
    const Launcher launcher =
        allowed == config::Launcher::kCgroup ? Launcher::kCgroup : Launcher::kScope;
    if (launcher != core.default_launcher && core.launcher(launcher) != nullptr)
      capacity.add_launchers(rpc::launcher_to_proto(launcher));
  }
  return capacity;
}

}  // namespace takt::worker
