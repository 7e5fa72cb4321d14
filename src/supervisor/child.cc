// SPDX-License-Identifier: Apache-2.0
#include "supervisor/child.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/close_range.h>
#include <linux/keyctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "base/fs.h"

namespace takt::supervisor {
namespace {

constexpr int kChildFailedExit = 127;

struct StepText {
  const char* name;
  const char* field;
};
constexpr std::array<StepText, 18> kSteps{{{"supervise", ""},
                                           {"stdin", "stdin"},
                                           {"pipes", ""},
                                           {"clone", ""},
                                           {"signals", ""},
                                           {"oom_score_adj", ""},
                                           {"rlimits", "rlimits"},
                                           {"setsid", ""},
                                           {"stdio", ""},
                                           {"nice", "nice"},
                                           {"keyring", ""},
                                           {"setgroups", "user"},
                                           {"setgid", "group"},
                                           {"setuid", "user"},
                                           {"no_new_privs", "no_new_privs"},
                                           {"chdir", "working_directory"},
                                           {"close_fds", ""},
                                           {"exec", "argv"}}};
static_assert(kSteps.size() == static_cast<std::size_t>(Step::kExec) + 1, "a text for each step");

std::vector<char*> pointers_to(const std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  pointers.reserve(texts.size() + 1);
  for (const std::string& text : texts) pointers.push_back(const_cast<char*>(text.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

// One child on its way to exec. Every step returns whether it succeeded, errno telling why not.
class Child {
 public:
  Child(const attempt::LaunchPlan& plan, const ChildFds& fds)
      : plan_(plan),
        fds_(fds),
        argv_(pointers_to(plan.argv)),
        environment_(pointers_to(plan.environment)) {}

  [[noreturn]] void run() {
    take(Step::kSignals, &Child::reset_signals);
    take(Step::kOomScore, &Child::reset_oom_score);
    take(Step::kRlimits, &Child::set_rlimits);
    ::umask(plan_.umask);
    take(Step::kSetsid, &Child::become_session_leader);
    take(Step::kStdio, &Child::connect_stdio);
    take(Step::kNice, &Child::set_nice);
    take(Step::kKeyring, &Child::join_new_keyring);
    take(Step::kSetgroups, &Child::set_groups);
    take(Step::kSetgid, &Child::set_gid);
    take(Step::kSetuid, &Child::set_uid);
    take(Step::kNoNewPrivs, &Child::set_no_new_privs);
    take(Step::kChdir, &Child::change_directory);
    take(Step::kCloseFds, &Child::close_fds);
    execute();
    fail(Step::kExec);
  }

 private:
  void take(Step step, bool (Child::*action)()) {
    errno = 0;
    if (!(this->*action)()) fail(step);
  }

  [[noreturn]] void fail(Step step) {
    const StartFailure failure{.step = step, .error_number = errno};
    std::ignore = ::write(fds_.start_pipe, &failure, sizeof failure);
    ::_exit(kChildFailedExit);
  }

  bool reset_signals() {
    // By system call: sigaction() refuses the C library's own two, which its posix_spawn() ignored
    // in the spawner. All zeros are the kernel's default action, without flags and mask.
    const std::array<std::uint64_t, 8> standard{};
    for (int number = 1; number <= SIGRTMAX; ++number)
      std::ignore =
          ::syscall(SYS_rt_sigaction, number, standard.data(), nullptr, sizeof(std::uint64_t));
    sigset_t none;
    ::sigemptyset(&none);
    return ::sigprocmask(SIG_SETMASK, &none, nullptr) == 0;
  }

  bool reset_oom_score() {
    constexpr const char* kFile = "/proc/self/oom_score_adj";
    const auto written = write_file(AT_FDCWD, kFile, "0", 0);
    if (written) return true;
    // Where the privilege is missing to lower what somebody raised, that stays; what must not stay
    // is the supervisor's own protection.
    const auto present = read_file(AT_FDCWD, kFile, 64);
    errno = written.error().error_number;
    return present && !present->starts_with('-');
  }

  bool set_rlimits() {
    for (const attempt::ResourceLimit& limit : plan_.rlimits)
      if (!set_rlimit(limit)) return false;
    return true;
  }

  bool set_rlimit(const attempt::ResourceLimit& limit) {
    rlimit64 value{.rlim_cur = limit.soft, .rlim_max = limit.hard};
    if (::syscall(SYS_prlimit64, 0, limit.resource, &value, nullptr) == 0) return true;
    if (errno != EPERM || limit.required) return false;
    rlimit64 present{};
    if (::syscall(SYS_prlimit64, 0, limit.resource, nullptr, &present) != 0) return false;
    value.rlim_max = std::min(value.rlim_max, present.rlim_max);
    value.rlim_cur = std::min(value.rlim_cur, value.rlim_max);
    return ::syscall(SYS_prlimit64, 0, limit.resource, &value, nullptr) == 0;
  }

  bool become_session_leader() { return ::setsid() >= 0; }

  bool connect_stdio() {
    return ::dup2(fds_.stdin_fd, 0) == 0 && ::dup2(fds_.stdout_fd, 1) == 1 &&
           ::dup2(fds_.stderr_fd, 2) == 2;
  }

  bool set_nice() { return ::setpriority(PRIO_PROCESS, 0, plan_.nice) == 0; }

  // Else every job of every user had the worker's session keyring, and the keys in it. As root, so
  // that the keyring counts against root's quota: a user may have 200 keys, and more jobs.
  bool join_new_keyring() {
    if (::syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, nullptr) >= 0) return true;
    // A kernel without keys, or a container whose filter keeps all of its programs, the worker too,
    // from using them.
    return errno == ENOSYS || errno == EPERM;
  }

  bool set_groups() { return ::setgroups(plan_.groups.size(), plan_.groups.data()) == 0; }

  bool set_gid() { return ::setresgid(plan_.gid, plan_.gid, plan_.gid) == 0; }

  bool set_uid() { return ::setresuid(plan_.uid, plan_.uid, plan_.uid) == 0; }

  bool set_no_new_privs() {
    return !plan_.no_new_privs || ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
  }

  bool change_directory() {
    if (!plan_.working_directory.empty()) return ::chdir(plan_.working_directory.c_str()) == 0;
    for (const std::string& directory : plan_.fallback_directories)
      if (::chdir(directory.c_str()) == 0) return true;
    return ::chdir("/") == 0;
  }

  bool close_fds() { return ::syscall(SYS_close_range, 3U, ~0U, CLOSE_RANGE_CLOEXEC) == 0; }

  void execute_file(const char* file) { ::execve(file, argv_.data(), environment_.data()); }

  // Returns only on failure, with errno set.
  void execute() {
    const std::string& command = plan_.argv[0];
    if (command.find('/') != std::string::npos) return execute_file(command.c_str());
    bool denied = false;
    std::string_view rest = plan_.search_path;
    while (!rest.empty()) {
      const std::string_view folder = rest.substr(0, rest.find(':'));
      rest.remove_prefix(std::min(rest.size(), folder.size() + 1));
      if (folder.empty()) continue;  // would mean the working directory: never searched
      execute_file((std::string(folder) + "/" + command).c_str());
      if (errno == EACCES) denied = true;
      // As execvp: these say that it is not here; anything else that it is, but does not run.
      const bool elsewhere = errno == EACCES || errno == ENOENT || errno == ENOTDIR ||
                             errno == ESTALE || errno == ENODEV || errno == ETIMEDOUT;
      if (!elsewhere) return;
    }
    errno = denied ? EACCES : ENOENT;
  }

  const attempt::LaunchPlan& plan_;
  const ChildFds& fds_;
  std::vector<char*> argv_;
  std::vector<char*> environment_;
};

}  // namespace

const char* step_name(Step step) { return kSteps[static_cast<std::size_t>(step)].name; }

const char* step_field(Step step) { return kSteps[static_cast<std::size_t>(step)].field; }

void run_child(const attempt::LaunchPlan& plan, const ChildFds& fds) { Child(plan, fds).run(); }

}  // namespace takt::supervisor
