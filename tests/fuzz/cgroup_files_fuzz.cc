// SPDX-License-Identifier: Apache-2.0
// The kernel's files about cgroups. Each parser gets each text; a text counts as taken if one of
// them found something.
#include "cgroup/cgroup.h"
#include "cgroup/files.h"
#include "fuzz/fuzz.h"

namespace takt::fuzz {
namespace {

bool check_mount(std::string_view input) {
  const auto mount = cgroup::parse_cgroup2_mount(input);
  if (!mount) return false;
  TAKT_CHECK(input.find("cgroup2") != std::string_view::npos, "a mount out of nothing");
  const cgroup::Tree tree(*mount);
  static_cast<void>(tree.directory_of("/a/b"));
  return true;
}

bool check_path(std::string_view input) {
  const auto path = cgroup::parse_process_cgroup(input);
  if (!path) return false;
  TAKT_CHECK(path->starts_with('/'), "a cgroup that is no path");
  if (path->size() > 1 && path->ends_with('/')) return true;  // the kernel writes no such path
  const std::string child = cgroup::join_path(*path, "job");
  TAKT_CHECK(cgroup::is_within(child, *path), "a child outside of its parent");
  TAKT_CHECK(cgroup::parent_path(child).starts_with('/'), "a parent that is no path");
  return true;
}

}  // namespace

bool feed(std::string_view input) {
  const auto values = cgroup::parse_flat_keyed(input);
  for (const auto& [key, value] : values)
    TAKT_CHECK(cgroup::find_value(values, key) == value, "a value that is not found");
  for (const pid_t pid : cgroup::parse_pids(input)) TAKT_CHECK(pid > 0, "no pid: %d", pid);
  for (const std::string& word : cgroup::parse_words(input))
    TAKT_CHECK(input.find(word) != std::string_view::npos, "a word out of nothing");
  const auto cpu = cgroup::parse_cpu_stat(input);
  const auto io = cgroup::parse_io_stat(input);
  const bool mount = check_mount(input);
  const bool path = check_path(input);
  return !values.empty() || cpu.usage || io.read_bytes || mount || path ||
         cgroup::parse_number(input);
}

}  // namespace takt::fuzz
