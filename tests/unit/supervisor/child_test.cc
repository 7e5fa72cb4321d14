// SPDX-License-Identifier: Apache-2.0
// Every step of the child, made to fail by a system call filter: each says its own name.
#include "supervisor/child.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "base/fs.h"
#include "base/unique_fd.h"

namespace takt::supervisor {
namespace {

constexpr std::uint32_t kTestErrno = ENOTNAM;  // which the kernel gives for nothing else

// From now on the system call `number` fails with this errno, in all of this process and its
// children: where there is a thread besides (ThreadSanitizer's), the C library wants setresuid and
// its like to fare in it as in ours.
void forbid(long number, std::uint32_t error = kTestErrno) {
  std::array<sock_filter, 4> program{
      {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
       BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<std::uint32_t>(number), 0, 1),
       BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error),
       BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)}};
  const sock_fprog filter{.len = program.size(), .filter = program.data()};
  constexpr unsigned kAllThreads = SECCOMP_FILTER_FLAG_TSYNC;
  if (::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, kAllThreads, &filter) != 0) ::_exit(99);
}

attempt::LaunchPlan some_plan() {
  attempt::LaunchPlan plan;
  plan.argv = {"/bin/true"};
  plan.rlimits = {{.resource = 0, .soft = ~0ULL, .hard = ~0ULL}};
  plan.no_new_privs = true;
  plan.working_directory = "/";
  return plan;
}

// Runs a child under `forbidden`; what it wrote into its start pipe.
std::string start_pipe_of(long forbidden, std::uint32_t error = kTestErrno) {
  int ends[2];
  EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  const UniqueFd reader(ends[0]);
  UniqueFd writer(ends[1]);
  const UniqueFd null = open_at(AT_FDCWD, "/dev/null", O_RDWR).value();
  const pid_t pid = ::fork();
  if (pid == 0) {
    const attempt::LaunchPlan plan = some_plan();
    if (forbidden >= 0) forbid(forbidden, error);
    run_child(plan, {.stdin_fd = null.get(),
                     .stdout_fd = null.get(),
                     .stderr_fd = null.get(),
                     .start_pipe = writer.get()});
  }
  writer.reset();
  std::string said = read_all(reader.get(), 100, "start pipe").value();
  ::waitpid(pid, nullptr, 0);
  return said;
}

struct Case {
  long system_call;
  const char* step;
};

TEST(Child, EveryStepThatFailsSaysItsName) {
#ifdef SYS_dup2
  constexpr long kDup = SYS_dup2;
#else
  constexpr long kDup = SYS_dup3;
#endif
  const std::vector<Case> cases{{SYS_rt_sigprocmask, "signals"},
                                {SYS_openat, "oom_score_adj"},
                                {SYS_prlimit64, "rlimits"},
                                {SYS_setsid, "setsid"},
                                {kDup, "stdio"},
                                {SYS_setpriority, "nice"},
                                {SYS_keyctl, "keyring"},
                                {SYS_setgroups, "setgroups"},
                                {SYS_setresgid, "setgid"},
                                {SYS_setresuid, "setuid"},
                                {SYS_prctl, "no_new_privs"},
                                {SYS_chdir, "chdir"},
                                {SYS_close_range, "close_fds"},
                                {SYS_execve, "exec"}};
  for (const Case& step : cases) {
    const std::string said = start_pipe_of(step.system_call);
    StartFailure failure;
    ASSERT_EQ(said.size(), sizeof failure) << step.step;
    said.copy(reinterpret_cast<char*>(&failure), sizeof failure);
    EXPECT_STREQ(step_name(failure.step), step.step);
    EXPECT_EQ(failure.error_number, static_cast<int>(kTestErrno)) << step.step;
  }
}

TEST(Child, AHostWithoutKeysRunsJobs) {
  for (const int error : {ENOSYS, EPERM})
    EXPECT_EQ(start_pipe_of(SYS_keyctl, static_cast<std::uint32_t>(error)), "") << error;
  EXPECT_NE(start_pipe_of(SYS_keyctl, EDQUOT), "") << "nothing runs with the worker's keys";
}

// A user with root's number but without the privilege to raise limits, as in many containers.
void give_up_raising_limits() {
  const rlimit low{.rlim_cur = 50, .rlim_max = 100};
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  std::array<__user_cap_data_struct, 2> sets{};
  const bool read = ::syscall(SYS_capget, &header, sets.data()) == 0;
  for (std::uint32_t* set : {&sets[0].effective, &sets[0].permitted})
    *set &= ~(1U << CAP_SYS_RESOURCE);
  if (::setrlimit(RLIMIT_NOFILE, &low) != 0 || !read ||
      ::syscall(SYS_capset, &header, sets.data()) != 0)
    ::_exit(99);
}

// The exit status of a command that compares its limits with 100:100.
int run_with_limit(bool required) {
  const UniqueFd null = open_at(AT_FDCWD, "/dev/null", O_RDWR).value();
  const pid_t pid = ::fork();
  if (pid == 0) {
    attempt::LaunchPlan plan = some_plan();
    plan.argv = {"/bin/sh", "-c", "[ $(ulimit -Sn):$(ulimit -Hn) = 100:100 ]"};
    plan.rlimits = {{.resource = RLIMIT_NOFILE, .soft = 1024, .hard = 4096, .required = required}};
    give_up_raising_limits();
    run_child(plan, {.stdin_fd = null.get(),
                     .stdout_fd = null.get(),
                     .stderr_fd = null.get(),
                     .start_pipe = null.get()});
  }
  int status = -1;
  ::waitpid(pid, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST(Child, ALimitThatMayNotBeRaisedIsCutUnlessItIsRequired) {
  EXPECT_EQ(run_with_limit(false), 0);
  EXPECT_EQ(run_with_limit(true), 127) << "failed at the step";
}

TEST(Child, ASuccessfulExecSaysNothing) { EXPECT_EQ(start_pipe_of(-1), ""); }

TEST(Steps, HaveNamesOfTheirOwn) {
  std::set<std::string> names;
  for (int step = 0; step <= static_cast<int>(Step::kExec); ++step)
    names.insert(step_name(static_cast<Step>(step)));
  EXPECT_EQ(names.size(), static_cast<std::size_t>(Step::kExec) + 1);
  EXPECT_STREQ(step_field(Step::kChdir), "working_directory");
  EXPECT_STREQ(step_field(Step::kSetsid), "");
}

}  // namespace
}  // namespace takt::supervisor
