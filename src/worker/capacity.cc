// SPDX-License-Identifier: Apache-2.0
// What this worker has to give, as it tells schedulers.
#include <fcntl.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include <algorithm>

#include "base/fs.h"
#include "base/limits.h"
#include "base/units.h"
#include "base/utf8.h"
#include "job/queue.h"
#include "rpc/convert.h"
#include "worker/policy.h"
#include "worker/session.h"

namespace takt::worker {

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

namespace {

// What a job takes beside others. A limit that every job is given is no wish of this one.
Amounts asked_for(const JobSpec& spec, const config::WorkerConfig& config) {
  Amounts amounts = demand_of(spec).amounts;
  if (amounts.memory_bytes == config.memory_max_bytes) amounts.memory_bytes = 0;
  if (amounts.cpu_millicores == config.cpus_max_millicores) amounts.cpu_millicores = 0;
  if (amounts.tasks == most_tasks(config)) amounts.tasks = 0;
  return amounts;
}

// The kernel's bound on processes and threads.
std::int64_t tasks_of_host() {
  const auto text = read_file(AT_FDCWD, "/proc/sys/kernel/pid_max", 64);
  const auto number =
      text ? parse_integer(text->substr(0, text->find('\n')), "pid_max", 1, limits::kTasksMax)
           : Result<std::int64_t>(text.error());
  return number.ok() ? *number : limits::kTasksMax;
}

}  // namespace

std::int64_t occupied_slots(const Core& core) {
  std::int64_t slots = 0;
  for (const auto& [id, live] : core.attempts.all())
    if (!has_ended(live->record.state)) slots += demand_of(live->acceptance.spec).amounts.slots;
  return slots;
}

bool probe_under_way(const Core& core) {
  if (core.health.state() != StartHealth::State::kProbing) return false;
  const auto& all = core.attempts.all();
  return std::any_of(all.begin(), all.end(), [](const auto& entry) {
    const LiveAttempt& live = *entry.second;
    return live.record.state == JobState::kStarting && !live.owner().is_direct();
  });
}

v1::Capacity capacity_of(const Core& core) {
  v1::Capacity capacity;
  // Of a host that has failed starts, one job shows whether it can start any.
  const std::int64_t slots =
      core.health.state() == StartHealth::State::kProbing
          ? std::min(core.config.slots, occupied_slots(core) + (probe_under_way(core) ? 0 : 1))
          : core.config.slots;
  capacity.set_slots(static_cast<std::int32_t>(slots));
  capacity.set_fault(clean_text(core.health.fault(), limits::kReasonMaxBytes));
  Amounts direct;
  for (const auto& [id, live] : core.attempts.all())
    if (live->owner().is_direct() && !has_ended(live->record.state))
      direct += asked_for(live->acceptance.spec, core.config);
  capacity.set_direct_slots(static_cast<std::int32_t>(direct.slots));
  capacity.mutable_direct()->set_cpu_millicores(direct.cpu_millicores);
  capacity.mutable_direct()->set_memory_bytes(direct.memory_bytes);
  capacity.mutable_direct()->set_tasks(direct.tasks);
  capacity.mutable_direct()->mutable_counted()->insert(direct.counted.begin(),
                                                       direct.counted.end());
  capacity.set_cpu_millicores(::sysconf(_SC_NPROCESSORS_ONLN) * 1000);
  struct sysinfo info {};
  if (::sysinfo(&info) == 0)
    capacity.set_memory_bytes(static_cast<std::int64_t>(info.totalram * info.mem_unit));
  capacity.set_tasks(tasks_of_host());
  for (const auto& [name, count] : core.config.resources)
    (*capacity.mutable_counted())[name] = count;
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
