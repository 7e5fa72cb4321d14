// SPDX-License-Identifier: Apache-2.0
#include "supervisor/limits.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "base/fs.h"
#include "base/limits.h"

namespace takt::supervisor {
namespace {

constexpr std::uint64_t kCpuPeriodUs = 100'000;
constexpr std::uint64_t kUsPerMillicore = kCpuPeriodUs / 1000;

// A limit that somebody asked for: its field in the spec, and the controller that enforces it.
struct Asked {
  bool asked;
  const char* field;
  const char* controller;
};

std::array<Asked, 3> hard_limits(const attempt::CgroupLimits& limits) {
  return {{{limits.memory_bytes != 0, "spec.resources.memory_bytes", "memory"},
           {limits.tasks != 0, "spec.resources.tasks", "pids"},
           {limits.cpu_millicores != 0, "spec.resources.cpu_millicores", "cpu"}}};
}

Error cannot_enforce(const char* field, const std::string& why) {
  return invalid(field, "this worker cannot enforce it: " + why);
}

std::string first_line(std::string text) {
  text.resize(std::min(text.find('\n'), text.size()));
  return text;
}

// Writes a control file and reads it back.
Result<void> set(const cgroup::Cgroup& cgroup, const char* file, const std::string& value,
                 const char* field) {
  if (auto written = cgroup.write(file, value); !written)
    return cannot_enforce(field, written.error().message);
  auto back = cgroup.read(file);
  if (!back) return cannot_enforce(field, back.error().message);
  if (first_line(*back) == value) return {};
  return cannot_enforce(
      field, std::string(file) + " is " + first_line(*back) + " after it was set to " + value);
}

bool has_file(const cgroup::Cgroup& cgroup, const char* file) {
  return ::faccessat(cgroup.fd(), file, F_OK, 0) == 0;
}

bool host_has_swap() {
  const auto swaps = read_file(AT_FDCWD, "/proc/swaps", limits::kRecordMaxBytes);
  // One line of headings, then one for each device. Unreadable: there may be some.
  return !swaps || std::count(swaps->begin(), swaps->end(), '\n') > 1;
}

// The kernel cuts memory to whole pages.
std::string whole_pages(std::uint64_t bytes) {
  const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  return std::to_string(bytes - bytes % page);
}

Result<void> limit_memory(const cgroup::Cgroup& job, const attempt::CgroupLimits& limits) {
  constexpr const char* kField = "spec.resources.memory_bytes";
  if (auto done = set(job, "memory.max", whole_pages(limits.memory_bytes), kField); !done)
    return done;
  if (has_file(job, "memory.swap.max")) {
    constexpr const char* kSwapField = "spec.resources.swap_bytes";
    if (auto done = set(job, "memory.swap.max", whole_pages(limits.swap_bytes), kSwapField); !done)
      return done;
  } else if (limits.swap_bytes != 0 || host_has_swap()) {
    return cannot_enforce(kField, "its kernel does not count swap (memory.swap.max is missing)");
  }
  return set(job, "memory.oom.group", limits.oom_group ? "1" : "0", "spec.oom_policy");
}

// systemd sets the weights of a scope itself; of a plain cgroup it is for us.
Result<void> set_weight(const cgroup::Cgroup& base, const char* file, const std::string& value,
                        const char* field, const char* controller) {
  if (!has_file(base, file))
    return cannot_enforce(field,
                          std::string("no ") + controller + " controller for " + base.path());
  if (const auto present = base.read(file); present && first_line(*present) == value) return {};
  return set(base, file, value, field);
}

}  // namespace

Result<void> enable_controllers(const cgroup::Cgroup& base, const attempt::CgroupLimits& limits) {
  const auto available = base.controllers();
  if (!available) return available.error();
  const auto has = [&](std::string_view name) {
    return std::find(available->begin(), available->end(), name) != available->end();
  };
  std::vector<std::string> needed;
  for (const Asked& limit : hard_limits(limits)) {
    if (!limit.asked) continue;
    if (!has(limit.controller))
      return cannot_enforce(
          limit.field, std::string("no ") + limit.controller + " controller for " + base.path());
    needed.emplace_back(limit.controller);
  }
  std::vector<std::string> wanted = needed;
  for (const char* counts : {"memory", "pids", "io"})
    if (has(counts) && std::find(wanted.begin(), wanted.end(), counts) == wanted.end())
      wanted.emplace_back(counts);
  if (base.enable(wanted)) return {};
  // Counting is not worth failing a job for.
  return base.enable(needed);
}

Result<void> apply_limits(const cgroup::Cgroup& base, const cgroup::Cgroup& job,
                          const attempt::CgroupLimits& limits) {
  if (limits.memory_bytes != 0)
    if (auto done = limit_memory(job, limits); !done) return done;
  if (limits.tasks != 0)
    if (auto done = set(job, "pids.max", std::to_string(limits.tasks), "spec.resources.tasks");
        !done)
      return done;
  if (limits.cpu_millicores != 0) {
    const std::string quota = std::to_string(limits.cpu_millicores * kUsPerMillicore) + " " +
                              std::to_string(kCpuPeriodUs);
    if (auto done = set(job, "cpu.max", quota, "spec.resources.cpu_millicores"); !done) return done;
  }
  if (limits.cpu_weight != 0)
    if (auto done = set_weight(base, "cpu.weight", std::to_string(limits.cpu_weight),
                               "spec.cpu_weight", "cpu");
        !done)
      return done;
  if (limits.io_weight == 0) return {};
  const char* file = has_file(base, "io.weight") ? "io.weight" : "io.bfq.weight";
  return set_weight(base, file, "default " + std::to_string(limits.io_weight), "spec.io_weight",
                    "io");
}

}  // namespace takt::supervisor
