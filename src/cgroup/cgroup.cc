// SPDX-License-Identifier: Apache-2.0
#include "cgroup/cgroup.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/fs.h"
#include "base/limits.h"

namespace takt::cgroup {
namespace {

constexpr std::size_t kFileMaxBytes = 16 * limits::kMiB;  // cgroup.procs of a million processes
constexpr mode_t kDirectoryMode = 0755;
constexpr int kDepthMax = 64;  // of cgroups that a job made itself

// Names of the children, or an error. Only directories: a cgroup's files are not its children.
Result<std::vector<std::string>> child_names(int directory) {
  auto names = list_directory(directory);
  if (!names) return names;
  std::vector<std::string> children;
  for (std::string& name : *names) {
    struct stat info {};
    if (::fstatat(directory, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0 &&
        S_ISDIR(info.st_mode))
      children.push_back(std::move(name));
  }
  return children;
}

bool is_gone(const Error& error) {
  return error.error_number == ENODEV || error.error_number == ENOENT;
}

Result<void> collect_processes(int directory, int depth, std::vector<pid_t>& pids) {
  auto text = read_file(directory, "cgroup.procs", kFileMaxBytes);
  // A threaded child answers EOPNOTSUPP: its processes are listed above it.
  if (!text && text.error().error_number != EOPNOTSUPP) return text.error();
  if (text)
    for (const pid_t pid : parse_pids(*text)) pids.push_back(pid);
  if (depth == kDepthMax) return make_error(ErrorCode::kResourceExhausted, "cgroups too deep");
  auto children = child_names(directory);
  if (!children) return children.error();
  for (const std::string& name : *children) {
    auto child = open_directory(directory, name);
    auto collected = child ? collect_processes(child->get(), depth + 1, pids) : child.error();
    if (!collected && !is_gone(collected.error())) return collected;
  }
  return {};
}

Result<void> remove_empty(int parent, const std::string& name, int depth) {
  if (::unlinkat(parent, name.c_str(), AT_REMOVEDIR) == 0 || errno == ENOENT) return {};
  const Error error = system_error("remove cgroup " + name);
  if ((errno != EBUSY && errno != ENOTEMPTY) || depth == kDepthMax) return error;
  auto directory = open_directory(parent, name);
  if (!directory) return directory.error();
  auto children = child_names(directory->get());
  if (!children) return children.error();
  if (children->empty()) return error;
  for (const std::string& child : *children) {
    auto removed = remove_empty(directory->get(), child, depth + 1);
    if (!removed) return removed;
  }
  if (::unlinkat(parent, name.c_str(), AT_REMOVEDIR) == 0 || errno == ENOENT) return {};
  return system_error("remove cgroup " + name);
}

// A removed cgroup holds nobody.
Result<bool> populated_in(const Result<std::string>& text) {
  if (!text && is_gone(text.error())) return false;
  if (!text) return text.error();
  const auto value = find_value(parse_flat_keyed(*text), "populated");
  if (!value) return make_error(ErrorCode::kInternal, "cgroup.events has no populated");
  return *value != 0;
}

Result<std::string> read_process_path(const std::string& file) {
  auto text = read_file(AT_FDCWD, file, 64 * limits::kKiB);
  if (!text && (text.error().error_number == ENOENT || text.error().error_number == ESRCH))
    return make_error(ErrorCode::kNotFound, file + ": no such process");
  if (!text) return text.error();
  auto path = parse_process_cgroup(*text);
  if (!path) return make_error(ErrorCode::kNotFound, file + " has no cgroup v2 line");
  return *path;
}

}  // namespace

Result<Tree> Tree::find() {
  auto text = read_file(AT_FDCWD, "/proc/self/mountinfo", 4 * limits::kMiB);
  if (!text) return text.error();
  auto mount = parse_cgroup2_mount(*text);
  if (!mount)
    return make_error(ErrorCode::kNotFound,
                      "no cgroup2 file system is mounted: mount one at /sys/fs/cgroup");
  return Tree(*mount);
}

Result<std::string> Tree::directory_of(std::string_view cgroup_path) const {
  if (!cgroup_path.starts_with('/') || !is_within(cgroup_path, mount_.root))
    return make_error(ErrorCode::kNotFound, "cgroup " + std::string(cgroup_path) +
                                                " is outside of the mounted " + mount_.root);
  if (mount_.root != "/") cgroup_path.remove_prefix(mount_.root.size());
  if (cgroup_path.empty() || cgroup_path == "/") return mount_.point;
  return mount_.point + std::string(cgroup_path);
}

Result<Cgroup> Cgroup::open(const Tree& tree, const std::string& path) {
  auto where = tree.directory_of(path);
  if (!where) return where.error();
  auto directory = open_directory(AT_FDCWD, *where);
  if (!directory) return directory.error();
  return Cgroup(std::move(*directory), path);
}

Result<Cgroup> Cgroup::open_child(const std::string& name) const {
  auto directory = open_directory(fd(), name);
  if (!directory) return directory.error();
  return Cgroup(std::move(*directory), join_path(path_, name));
}

Result<Cgroup> Cgroup::make_child(const std::string& name) const {
  auto made = make_directory(fd(), name, kDirectoryMode);
  if (!made) return made.error().in("cgroup " + path_);
  return open_child(name);
}

Result<void> Cgroup::remove_child(const std::string& name) const {
  return remove_empty(fd(), name, 0);
}

Result<void> Cgroup::add_process(pid_t pid) const {
  return write("cgroup.procs", std::to_string(pid));
}

Result<void> Cgroup::kill() const { return write("cgroup.kill", "1"); }

Result<void> Cgroup::freeze(bool on) const { return write("cgroup.freeze", on ? "1" : "0"); }

Result<bool> Cgroup::populated() const { return populated_in(read("cgroup.events")); }

Result<bool> Cgroup::frozen() const {
  auto text = read("cgroup.events");
  if (!text) return text.error();
  return find_value(parse_flat_keyed(*text), "frozen").value_or(0) != 0;
}

Result<std::vector<pid_t>> Cgroup::processes() const {
  std::vector<pid_t> pids;
  auto collected = collect_processes(fd(), 0, pids);
  if (!collected && !is_gone(collected.error())) return collected.error().in("cgroup " + path_);
  return pids;
}

bool Cgroup::contains(pid_t pid) const {
  const auto path = path_of_process(pid);
  return path.ok() && is_within(*path, path_);
}

Result<std::uint64_t> Cgroup::inode() const {
  struct stat info {};
  if (::fstat(fd(), &info) != 0) return system_error("stat cgroup " + path_);
  return static_cast<std::uint64_t>(info.st_ino);
}

Result<std::vector<std::string>> Cgroup::controllers() const {
  auto text = read("cgroup.controllers");
  if (!text) return text.error();
  return parse_words(*text);
}

Result<void> Cgroup::enable(const std::vector<std::string>& controllers) const {
  std::string request;
  for (const std::string& name : controllers) request += "+" + name + " ";
  if (request.empty()) return {};
  return write("cgroup.subtree_control", request);
}

Result<std::string> Cgroup::read(const std::string& file) const {
  auto text = read_file(fd(), file, kFileMaxBytes);
  if (!text) return text.error().in("cgroup " + path_);
  return text;
}

Result<void> Cgroup::write(const std::string& file, std::string_view value) const {
  auto target = open_at(fd(), file, O_WRONLY);
  if (!target) return target.error().in("cgroup " + path_);
  auto written = write_all(target->get(), value, file);
  if (!written) return written.error().in("cgroup " + path_);
  return {};
}

CpuStat Cgroup::cpu_stat() const {
  const auto text = read("cpu.stat");
  return text ? parse_cpu_stat(*text) : CpuStat{};
}

IoStat Cgroup::io_stat() const {
  const auto text = read("io.stat");
  return text ? parse_io_stat(*text) : IoStat{};
}

std::optional<std::uint64_t> Cgroup::number_in(const std::string& file) const {
  const auto text = read(file);
  return text ? parse_number(*text) : std::nullopt;
}

std::optional<std::uint64_t> Cgroup::memory_peak() const { return number_in("memory.peak"); }

std::optional<std::uint64_t> Cgroup::tasks_peak() const { return number_in("pids.peak"); }

std::optional<std::uint64_t> Cgroup::memory_current() const { return number_in("memory.current"); }

std::optional<std::uint64_t> Cgroup::tasks_current() const { return number_in("pids.current"); }

Result<EventFile> EventFile::open(const Cgroup& cgroup, const std::string& file) {
  auto opened = open_at(cgroup.fd(), file, O_RDONLY);
  if (!opened) return opened.error();
  return EventFile(std::move(*opened), file);
}

Result<std::string> EventFile::read() {
  // The same open file must be read again: that is what re-arms POLLPRI.
  if (::lseek(fd(), 0, SEEK_SET) != 0) return system_error("seek " + name_);
  return read_all(fd(), limits::kRecordMaxBytes, name_);
}

Result<Events> Events::open(const Cgroup& cgroup) {
  auto file = EventFile::open(cgroup, "cgroup.events");
  if (!file) return file.error();
  return Events(std::move(*file));
}

Result<Events::State> Events::state() {
  const auto text = file_.read();
  const auto populated = populated_in(text);
  if (!populated) return populated.error();
  const bool frozen = text && find_value(parse_flat_keyed(*text), "frozen").value_or(0) != 0;
  return State{.populated = *populated, .frozen = frozen};
}

Result<bool> Events::populated() {
  const auto now = state();
  if (!now) return now.error();
  return now->populated;
}

Result<std::string> path_of_process(pid_t pid) {
  return read_process_path("/proc/" + std::to_string(pid) + "/cgroup");
}

Result<std::string> path_of_self() { return read_process_path("/proc/self/cgroup"); }

bool is_within(std::string_view path, std::string_view base) {
  if (base == "/") return path.starts_with('/');
  return path.starts_with(base) && (path.size() == base.size() || path[base.size()] == '/');
}

std::string parent_path(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string_view::npos || slash == 0) return "/";
  return std::string(path.substr(0, slash));
}

std::string join_path(std::string_view base, std::string_view name) {
  if (base.ends_with('/')) base.remove_suffix(1);
  return std::string(base) + "/" + std::string(name);
}

}  // namespace takt::cgroup
