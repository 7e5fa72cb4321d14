// SPDX-License-Identifier: Apache-2.0
#include "bench/raw/processes.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <unordered_map>

#include "base/check.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "bench/timing.h"

namespace takt::bench {
namespace {

constexpr const char* kCommand = "/bin/true";
constexpr int kRemovals = 1000;  // of one cgroup, while the kernel still sees its process

nanoseconds children_cpu() {
  rusage used{};
  TAKT_CHECK(::getrusage(RUSAGE_CHILDREN, &used) == 0, "getrusage");
  return seconds(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
         microseconds(used.ru_utime.tv_usec + used.ru_stime.tv_usec);
}

// Calls `start` `count` times, with up to `in_flight` children at a time, and `ended` for each
// child that was reaped.
template <class Start, class Ended>
Outcome keep_in_flight(int count, int in_flight, Start start, Ended ended) {
  const nanoseconds cpu = children_cpu();
  const nanoseconds span = timed([&] {
    int started = 0;
    for (int done = 0; done < count; ++done) {
      while (started < count && started - done < in_flight) start(started++);
      int status = 0;
      const pid_t pid = ::waitpid(-1, &status, 0);
      TAKT_CHECK(pid > 0, "waitpid: %s", errno_text(errno).c_str());
      TAKT_CHECK(status == 0, "%s ended with status %d", kCommand, status);
      ended(pid);
    }
  });
  return {.span = span, .children_cpu = children_cpu() - cpu};
}

std::array<char*, 2> arguments() { return {const_cast<char*>(kCommand), nullptr}; }

void spawn() {
  pid_t pid = 0;
  const int error = ::posix_spawn(&pid, kCommand, nullptr, nullptr, arguments().data(), environ);
  TAKT_CHECK(error == 0, "posix_spawn: %s", errno_text(error).c_str());
}

pid_t clone_into(int cgroup) {
  clone_args options{};
  options.flags = CLONE_INTO_CGROUP;
  options.exit_signal = SIGCHLD;
  options.cgroup = static_cast<__u64>(cgroup);
  const long pid = ::syscall(SYS_clone3, &options, sizeof options);
  TAKT_CHECK(pid >= 0, "clone3: %s", errno_text(errno).c_str());
  if (pid == 0) {
    ::execve(kCommand, arguments().data(), environ);
    ::_exit(127);
  }
  return static_cast<pid_t>(pid);
}

// The process is reaped, and yet its cgroup may be busy for a moment.
void remove_cgroup(int parent, const std::string& name) {
  for (int at = 0; at < kRemovals; ++at) {
    if (::unlinkat(parent, name.c_str(), AT_REMOVEDIR) == 0) return;
    TAKT_CHECK(errno == EBUSY, "rmdir of a cgroup: %s", errno_text(errno).c_str());
  }
  TAKT_CHECK(false, "cgroup %s stays busy", name.c_str());
}

}  // namespace

Outcome spawn_loop(int count, int in_flight) {
  return keep_in_flight(
      count, in_flight, [](int) { spawn(); }, [](pid_t) {});
}

Outcome clone_loop(int count, int in_flight, const std::string& parent) {
  TAKT_CHECK(::mkdir(parent.c_str(), 0755) == 0, "mkdir %s: %s", parent.c_str(),
             errno_text(errno).c_str());
  const UniqueFd folder(::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  TAKT_CHECK(folder, "open %s: %s", parent.c_str(), errno_text(errno).c_str());
  std::unordered_map<pid_t, std::string> names;
  const auto start = [&](int at) {
    std::string name = std::to_string(at);
    TAKT_CHECK(::mkdirat(folder.get(), name.c_str(), 0755) == 0, "mkdir of a cgroup: %s",
               errno_text(errno).c_str());
    const UniqueFd cgroup(::openat(folder.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    TAKT_CHECK(cgroup, "open of a cgroup: %s", errno_text(errno).c_str());
    names.emplace(clone_into(cgroup.get()), std::move(name));
  };
  const auto ended = [&](pid_t pid) {
    const auto found = names.find(pid);
    TAKT_CHECK(found != names.end(), "process %d is not ours", pid);
    remove_cgroup(folder.get(), found->second);
    names.erase(found);
  };
  const Outcome outcome = keep_in_flight(count, in_flight, start, ended);
  TAKT_CHECK(::rmdir(parent.c_str()) == 0, "rmdir %s: %s", parent.c_str(),
             errno_text(errno).c_str());
  return outcome;
}

}  // namespace takt::bench
