// SPDX-License-Identifier: Apache-2.0
// Pure parsers of the kernel's cgroup files. Guarantees: no I/O; any text may come in; what is not
// understood is absent from the result, never a made-up zero.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"

namespace takt::cgroup {

// "key value" lines, as in cgroup.events, memory.events and cpu.stat.
using FlatKeyed = std::map<std::string, std::uint64_t, std::less<>>;
FlatKeyed parse_flat_keyed(std::string_view text);
std::optional<std::uint64_t> find_value(const FlatKeyed& values, std::string_view key);

// One number, as in memory.peak; "max" and all else is absent.
std::optional<std::uint64_t> parse_number(std::string_view text);

// One pid a line, as in cgroup.procs. Pid 0 (a process outside our pid namespace) is left out.
std::vector<pid_t> parse_pids(std::string_view text);

// Words between blanks, as in cgroup.controllers.
std::vector<std::string> parse_words(std::string_view text);

struct CpuStat {
  std::optional<microseconds> usage;
  std::optional<microseconds> user;
  std::optional<microseconds> system;
};
CpuStat parse_cpu_stat(std::string_view text);

// Sums over all devices of io.stat; absent where no line names the key.
struct IoStat {
  std::optional<std::uint64_t> read_bytes;
  std::optional<std::uint64_t> write_bytes;
};
IoStat parse_io_stat(std::string_view text);

// The path on the "0::" line of /proc/PID/cgroup; a removed cgroup's " (deleted)" is cut off.
std::optional<std::string> parse_process_cgroup(std::string_view text);

// A cgroup2 mount of /proc/PID/mountinfo.
struct Mount {
  std::string root;   // which cgroup is mounted: "/" unless it is a bind mount
  std::string point;  // where
  friend bool operator==(const Mount&, const Mount&) = default;
};
std::optional<Mount> parse_cgroup2_mount(std::string_view mountinfo);

}  // namespace takt::cgroup
