// SPDX-License-Identifier: Apache-2.0
// What this worker has to give, as it tells schedulers.
#include <sys/sysinfo.h>
#include <unistd.h>

#include "rpc/convert.h"
#include "worker/session.h"

namespace takt::worker {

namespace {

// With which limits can be enforced. systemd gives its units whatever the root has; where it is not
// PID 1 only what the administrator has enabled below the root is there for jobs.
std::vector<std::string> controllers_of(const Core& core) {
  const auto tree = cgroup::Tree::find();
  const auto root = tree ? cgroup::Cgroup::open(*tree, "/") : Result<cgroup::Cgroup>(tree.error());
  if (!root) return {};
  if (core.scope != nullptr) {
    auto all = root->controllers();
    return all ? std::move(*all) : std::vector<std::string>();
  }
  const auto enabled = root->read("cgroup.subtree_control");
  return enabled ? cgroup::parse_words(*enabled) : std::vector<std::string>();
}

}  // namespace

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
  for (std::string& controller : controllers_of(core))
    capacity.add_controllers(std::move(controller));
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
