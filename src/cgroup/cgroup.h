// SPDX-License-Identifier: Apache-2.0
// A cgroup v2 as a directory descriptor. Guarantees: every operation acts on the very cgroup that
// was opened, whatever its path names later; the path is for display and for comparison with
// /proc/PID/cgroup. On a removed cgroup operations fail with kSystem/ENODEV or ENOENT.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "cgroup/files.h"

namespace takt::cgroup {

// The tree of cgroups: where cgroup2 is mounted.
class Tree {
 public:
  // The cgroup2 mount of /proc/self/mountinfo; kNotFound if there is none.
  static Result<Tree> find();
  // A mount that the caller knows (tests give a folder of plain files).
  explicit Tree(Mount mount) : mount_(std::move(mount)) {}

  [[nodiscard]] const std::string& mount_point() const { return mount_.point; }

  // Where in the file system the cgroup of this path (as in /proc/PID/cgroup) is; kNotFound if it
  // is outside of what is mounted.
  [[nodiscard]] Result<std::string> directory_of(std::string_view cgroup_path) const;

 private:
  Mount mount_;
};

class Cgroup {
 public:
  // Nothing: every operation fails. For members that are set later.
  Cgroup() = default;
  // The cgroup of this path, as in /proc/PID/cgroup.
  static Result<Cgroup> open(const Tree& tree, const std::string& path);
  // From a descriptor that came over a socket; `path` is what /proc/PID/cgroup would say.
  Cgroup(UniqueFd directory, std::string path)
      : directory_(std::move(directory)), path_(std::move(path)) {}

  [[nodiscard]] int fd() const { return directory_.get(); }
  [[nodiscard]] const std::string& path() const { return path_; }
  explicit operator bool() const { return static_cast<bool>(directory_); }

  // Opens or makes a child. `name` has no slash. make_child of one that exists is no error.
  [[nodiscard]] Result<Cgroup> open_child(const std::string& name) const;
  [[nodiscard]] Result<Cgroup> make_child(const std::string& name) const;
  // Removes an empty child, its empty children first; not there is no error. kSystem/EBUSY while a
  // process is left in it.
  [[nodiscard]] Result<void> remove_child(const std::string& name) const;

  // Moves a process (all its threads) here; 0 is the caller.
  [[nodiscard]] Result<void> add_process(pid_t pid) const;

  // SIGKILL to everything in it and below, forks in flight included.
  [[nodiscard]] Result<void> kill() const;
  // Asks to freeze or thaw; frozen() tells when it is done.
  [[nodiscard]] Result<void> freeze(bool on) const;

  // Whether a live process is in it or below; a removed cgroup is not populated.
  [[nodiscard]] Result<bool> populated() const;
  [[nodiscard]] Result<bool> frozen() const;

  // Processes in it and below, in no order.
  [[nodiscard]] Result<std::vector<pid_t>> processes() const;
  // Whether the process is in it or below now.
  [[nodiscard]] bool contains(pid_t pid) const;

  // The number that tells this cgroup from a later one of the same path.
  [[nodiscard]] Result<std::uint64_t> inode() const;

  // Controllers that it can give to its children, and giving them. enable() of one that it does not
  // have is kSystem/ENOENT.
  [[nodiscard]] Result<std::vector<std::string>> controllers() const;
  [[nodiscard]] Result<void> enable(const std::vector<std::string>& controllers) const;

  // A whole control file, and writing one.
  [[nodiscard]] Result<std::string> read(const std::string& file) const;
  [[nodiscard]] Result<void> write(const std::string& file, std::string_view value) const;

  // What was used so far; where the kernel or the controller does not tell it is absent.
  [[nodiscard]] CpuStat cpu_stat() const;
  [[nodiscard]] IoStat io_stat() const;
  [[nodiscard]] std::optional<std::uint64_t> memory_peak() const;
  [[nodiscard]] std::optional<std::uint64_t> tasks_peak() const;
  // What is used now.
  [[nodiscard]] std::optional<std::uint64_t> memory_current() const;
  [[nodiscard]] std::optional<std::uint64_t> tasks_current() const;

 private:
  [[nodiscard]] std::optional<std::uint64_t> number_in(const std::string& file) const;

  UniqueFd directory_;
  std::string path_;
};

// A control file that the kernel tells the changes of, to wait on.
class EventFile {
 public:
  EventFile() = default;
  static Result<EventFile> open(const Cgroup& cgroup, const std::string& file);

  // For poll(2): POLLPRI once something changed since read() was last called.
  [[nodiscard]] int fd() const { return file_.get(); }
  // All of it, and takes note of the change.
  [[nodiscard]] Result<std::string> read();

 private:
  EventFile(UniqueFd file, std::string name) : file_(std::move(file)), name_(std::move(name)) {}
  UniqueFd file_;
  std::string name_;
};

// A cgroup's `cgroup.events`.
class Events {
 public:
  struct State {
    bool populated = false;
    bool frozen = false;
  };

  Events() = default;
  static Result<Events> open(const Cgroup& cgroup);

  // As EventFile::fd, with state() for read().
  [[nodiscard]] int fd() const { return file_.fd(); }
  // A removed cgroup is neither.
  [[nodiscard]] Result<State> state();
  [[nodiscard]] Result<bool> populated();

 private:
  explicit Events(EventFile file) : file_(std::move(file)) {}
  EventFile file_;
};

// The cgroup path of a process, from /proc/PID/cgroup; kNotFound once it is gone.
Result<std::string> path_of_process(pid_t pid);
Result<std::string> path_of_self();

// Whether `path` is `base` or below it.
bool is_within(std::string_view path, std::string_view base);

// "/a/b" of "/a/b/c"; "/" of "/a".
std::string parent_path(std::string_view path);

// Both, with exactly one slash between.
std::string join_path(std::string_view base, std::string_view name);

}  // namespace takt::cgroup
