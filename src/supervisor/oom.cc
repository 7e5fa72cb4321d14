// SPDX-License-Identifier: Apache-2.0
#include "supervisor/oom.h"

#include <fcntl.h>
#include <sys/xattr.h>

#include <algorithm>
#include <csignal>
#include <string_view>

#include "base/fs.h"
#include "base/limits.h"

namespace takt::supervisor {
namespace {

// systemd-oomd counts here, before it kills, how often it has killed this cgroup.
constexpr const char* kOomdMark = "user.oomd_ooms";

bool killed_by_oomd(const cgroup::Cgroup& cgroup) {
  char text[32];
  const ssize_t size = ::fgetxattr(cgroup.fd(), kOomdMark, text, sizeof text);
  if (size <= 0) return false;
  const auto count = cgroup::parse_number({text, static_cast<std::size_t>(size)});
  return count.value_or(0) > 0;
}

// Whether a line of /proc/PID/status is a set of signals with this one in it.
bool has_signal(std::string_view line, std::string_view key, int signal) {
  if (!line.starts_with(key)) return false;
  // A mask of hex digits; the last digit holds the signals 1 to 4.
  const auto from_end = static_cast<std::size_t>(signal - 1) / 4 + 1;
  if (line.size() < key.size() + from_end) return false;
  const char digit = line[line.size() - from_end];
  const int value = digit <= '9' ? digit - '0' : digit - 'a' + 10;
  return (value >> ((signal - 1) % 4) & 1) != 0;
}

// Dying or dead: its end just has not been seen yet.
bool is_doomed(pid_t pid) {
  const auto text =
      read_file(AT_FDCWD, "/proc/" + std::to_string(pid) + "/status", limits::kRecordMaxBytes);
  if (!text) return true;
  std::string_view rest = *text;
  while (!rest.empty()) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    if (line.starts_with("State:\tZ") || line.starts_with("State:\tX")) return true;
    if (has_signal(line, "SigPnd:\t", SIGKILL) || has_signal(line, "ShdPnd:\t", SIGKILL))
      return true;
  }
  return false;
}

}  // namespace

void OomWatch::open(const cgroup::Cgroup& job) {
  auto events = cgroup::EventFile::open(job, "memory.events.local");
  if (events) events_ = std::move(*events);
}

OomWatch::Counts OomWatch::read() {
  if (events_.fd() < 0) return {};
  const auto text = events_.read();
  if (!text) return {};
  const cgroup::FlatKeyed values = cgroup::parse_flat_keyed(*text);
  return {.kills = cgroup::find_value(values, "oom_kill").value_or(0),
          .limit_hits = cgroup::find_value(values, "oom").value_or(0)};
}

void OomWatch::look(pid_t leader) {
  // In this order: a leader that is not doomed after the count was read is not among the counted.
  const Counts counts = read();
  if (counts.kills > outlived_.kills && !is_doomed(leader)) outlived_ = counts;
}

std::optional<OomWatch::Evidence> OomWatch::of_leader(const cgroup::Cgroup& base,
                                                      const cgroup::Cgroup& job) {
  const Counts counts = read();
  if (counts.kills > outlived_.kills)
    return Evidence{.scope = counts.limit_hits > outlived_.limit_hits ? "job" : "host",
                    .kills = counts.kills};
  if (killed_by_oomd(job) || killed_by_oomd(base))
    return Evidence{.scope = "systemd_oomd", .kills = std::nullopt};
  return std::nullopt;
}

std::uint64_t OomWatch::kills() { return read().kills; }

}  // namespace takt::supervisor
