// SPDX-License-Identifier: Apache-2.0
// Limits and evidence of kills for memory, on cgroups of plain files: what the kernel makes of them
// is for the tests on a kernel of their own.
#include "supervisor/limits.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <csignal>
#include <string>

#include "base/fs.h"
#include "supervisor/oom.h"
#include "supervisor/run_clock.h"
#include "unit/base/temp_folder.h"
#include "unit/cgroup/test_cgroup.h"

namespace takt::supervisor {
namespace {

using namespace std::chrono_literals;
using attempt::CgroupLimits;

// A base with a job/ below it.
class FakeAttempt : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(make_directory(folder_.fd(), "job", 0755).ok());
    add("cgroup.controllers", "cpu io memory pids\n");
    add("cgroup.subtree_control", "");
    for (const std::string file :
         {"memory.max", "memory.swap.max", "memory.oom.group", "pids.max", "cpu.max"})
      add("job/" + file, "");
  }
  void add(const std::string& file, const std::string& text) {
    ASSERT_TRUE(write_file(folder_.fd(), file, text, 0644).ok());
  }
  void remove(const std::string& file) { ASSERT_TRUE(remove_file(folder_.fd(), file).ok()); }
  std::string read(const std::string& file) { return read_file(folder_.fd(), file, 4096).value(); }
  cgroup::Cgroup base() { return open("/"); }
  cgroup::Cgroup job() { return open("/job"); }
  Result<void> apply(const CgroupLimits& limits) { return apply_limits(base(), job(), limits); }
  Result<void> enable(const CgroupLimits& limits) { return enable_controllers(base(), limits); }

  test::TempFolder folder_;

 private:
  cgroup::Cgroup open(const std::string& path) {
    const cgroup::Tree tree(cgroup::Mount{.root = "/", .point = folder_.path()});
    return cgroup::Cgroup::open(tree, path).value();
  }
};

TEST_F(FakeAttempt, EachLimitGoesToItsFile) {
  const CgroupLimits limits{.memory_bytes = 32 << 20,
                            .swap_bytes = 1 << 20,
                            .oom_group = true,
                            .tasks = 20,
                            .cpu_millicores = 1500};
  ASSERT_TRUE(apply(limits).ok());
  EXPECT_EQ(read("job/memory.max"), "33554432");
  EXPECT_EQ(read("job/memory.swap.max"), "1048576");
  EXPECT_EQ(read("job/memory.oom.group"), "1");
  EXPECT_EQ(read("job/pids.max"), "20");
  EXPECT_EQ(read("job/cpu.max"), "150000 100000");
}

TEST_F(FakeAttempt, WithoutLimitsNothingIsWritten) {
  ASSERT_TRUE(apply({}).ok());
  EXPECT_EQ(read("job/memory.max"), "");
  EXPECT_EQ(read("job/memory.oom.group"), "");
  EXPECT_EQ(read("job/pids.max"), "");
}

TEST_F(FakeAttempt, MemoryGoesWithoutSwapUnlessAsked) {
  ASSERT_TRUE(apply({.memory_bytes = 4096 * 10 + 1, .oom_group = false}).ok());
  EXPECT_EQ(read("job/memory.max"), "40960") << "the kernel cuts to pages; so do we, to compare";
  EXPECT_EQ(read("job/memory.swap.max"), "0");
  EXPECT_EQ(read("job/memory.oom.group"), "0");
}

TEST_F(FakeAttempt, SwapThatIsAskedForAndNotCountedIsRefused) {
  remove("job/memory.swap.max");
  const auto refused = apply({.memory_bytes = 1 << 20, .swap_bytes = 1 << 20});
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().field, "spec.resources.memory_bytes");
  EXPECT_NE(refused.error().message.find("memory.swap.max"), std::string::npos);
}

TEST_F(FakeAttempt, AValueThatTheKernelChangesIsNotInForce) {
  // What is written does not replace all of a plain file: it reads back otherwise.
  add("job/pids.max", "1234567");
  const auto refused = apply({.tasks = 20});
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().field, "spec.resources.tasks");
  EXPECT_NE(refused.error().message.find("2034567 after it was set to 20"), std::string::npos)
      << refused.error().message;
}

TEST_F(FakeAttempt, AMissingControllerIsNamedWithItsField) {
  add("cgroup.controllers", "cpu io\n");
  const auto memory = enable({.memory_bytes = 1 << 20});
  ASSERT_FALSE(memory.ok());
  EXPECT_EQ(memory.error().field, "spec.resources.memory_bytes");
  EXPECT_NE(memory.error().message.find("no memory controller"), std::string::npos);
  const auto tasks = enable({.tasks = 3});
  ASSERT_FALSE(tasks.ok());
  EXPECT_EQ(tasks.error().field, "spec.resources.tasks");
  EXPECT_NE(tasks.error().message.find("no pids controller"), std::string::npos);
  EXPECT_TRUE(enable({.cpu_millicores = 500}).ok());
}

TEST_F(FakeAttempt, WhatCountsIsEnabledAsFarAsItIsThere) {
  ASSERT_TRUE(enable({}).ok());
  EXPECT_EQ(read("cgroup.subtree_control"), "+memory +pids +io ");
  add("cgroup.controllers", "");
  EXPECT_TRUE(enable({}).ok()) << "counting is not worth failing a job for";
}

TEST_F(FakeAttempt, WeightsStandAtTheBase) {
  add("cpu.weight", "");
  add("io.weight", "");
  ASSERT_TRUE(apply({.cpu_weight = 300, .io_weight = 50}).ok());
  EXPECT_EQ(read("cpu.weight"), "300");
  EXPECT_EQ(read("io.weight"), "default 50");
  remove("cpu.weight");
  const auto refused = apply({.cpu_weight = 300});
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().field, "spec.cpu_weight");
  EXPECT_NE(refused.error().message.find("no cpu controller"), std::string::npos);
}

// --- evidence ---

TEST_F(FakeAttempt, AKillAtTheJobsOwnLimitIsToldFromTheHosts) {
  add("job/memory.events.local", "oom 0\noom_kill 0\n");
  OomWatch watch;
  watch.open(job());
  EXPECT_FALSE(watch.of_leader(base(), job())) << "a SIGKILL alone proves nothing";
  add("job/memory.events.local", "oom 1\noom_kill 3\n");
  auto evidence = watch.of_leader(base(), job());
  ASSERT_TRUE(evidence);
  EXPECT_EQ(evidence->scope, "job");
  EXPECT_EQ(evidence->kills, 3U);
  add("job/memory.events.local", "oom 0\noom_kill 1\n");
  evidence = watch.of_leader(base(), job());
  ASSERT_TRUE(evidence);
  EXPECT_EQ(evidence->scope, "host");
}

TEST_F(FakeAttempt, AKillThatTheLeaderHasOutlivedIsNotItsOwn) {
  add("job/memory.events.local", "oom 2\noom_kill 1\n");
  OomWatch watch;
  watch.open(job());
  watch.look(::getpid());  // lives, and is not about to die
  EXPECT_FALSE(watch.of_leader(base(), job())) << "somebody else's SIGKILL";
  EXPECT_EQ(watch.kills(), 1U);
  add("job/memory.events.local", "oom 2\noom_kill 2\n");
  const auto evidence = watch.of_leader(base(), job());
  ASSERT_TRUE(evidence);
  EXPECT_EQ(evidence->scope, "host") << "its own limit was not hit again";
}

TEST_F(FakeAttempt, AKillOfALeaderThatIsDyingIsItsOwn) {
  add("job/memory.events.local", "oom 1\noom_kill 1\n");
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) ::_exit(0);
  siginfo_t ended{};
  ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(child), &ended, WEXITED | WNOWAIT), 0);
  OomWatch watch;
  watch.open(job());
  watch.look(child);  // a zombie
  EXPECT_TRUE(watch.of_leader(base(), job()));
  ASSERT_EQ(::waitpid(child, nullptr, 0), child);
}

TEST_F(FakeAttempt, WithoutCountsThereIsNoEvidence) {
  OomWatch watch;
  watch.open(job());
  EXPECT_EQ(watch.fd(), -1);
  EXPECT_FALSE(watch.of_leader(base(), job()));
  EXPECT_EQ(watch.kills(), 0U);
}

TEST(OomWatch, KnowsTheMarkOfSystemdOomd) {
  const test::TestCgroup cgroup;
  const cgroup::Cgroup job = cgroup.get().make_child("job").value();
  OomWatch watch;
  watch.open(job);
  ASSERT_EQ(::fsetxattr(job.fd(), "user.oomd_ooms", "0", 1, 0), 0);
  EXPECT_FALSE(watch.of_leader(cgroup.get(), job));
  ASSERT_EQ(::fsetxattr(job.fd(), "user.oomd_ooms", "1", 1, 0), 0);
  const auto evidence = watch.of_leader(cgroup.get(), job);
  ASSERT_TRUE(evidence);
  EXPECT_EQ(evidence->scope, "systemd_oomd");
  EXPECT_FALSE(evidence->kills);
}

// --- the clock of the time limit ---

TEST(RunClock, StandsStillWhileFrozen) {
  const BootTime start(1000s);
  RunClock clock(10s, false, start);
  EXPECT_EQ(clock.deadline(), start + 10s);
  EXPECT_FALSE(clock.set_frozen(true, start + 4s));
  EXPECT_FALSE(clock.deadline()) << "it can not be reached now";
  EXPECT_FALSE(clock.set_frozen(true, start + 5s));
  EXPECT_TRUE(clock.set_frozen(false, start + 7s));
  EXPECT_EQ(clock.deadline(), start + 13s);
  EXPECT_EQ(clock.stood_still(), 3s);
  EXPECT_FALSE(clock.set_frozen(false, start + 8s));
  clock.set_frozen(true, start + 9s);
  clock.set_frozen(false, start + 10s);
  EXPECT_EQ(clock.deadline(), start + 14s);
  EXPECT_EQ(clock.stood_still(), 4s);
}

TEST(RunClock, GoesOnWherePausedTimeCounts) {
  const BootTime start(1000s);
  RunClock clock(10s, true, start);
  clock.set_frozen(true, start + 1s);
  EXPECT_EQ(clock.deadline(), start + 10s);
  EXPECT_FALSE(clock.set_frozen(false, start + 5s));
  EXPECT_EQ(clock.deadline(), start + 10s);
  EXPECT_EQ(clock.stood_still(), 0s);
}

TEST(RunClock, WithoutALimitThereIsNoDeadline) {
  RunClock clock(std::nullopt, false, BootTime(1s));
  EXPECT_FALSE(clock.deadline());
  EXPECT_FALSE(clock.set_frozen(true, BootTime(2s)));
  EXPECT_FALSE(clock.set_frozen(false, BootTime(3s)));
  EXPECT_FALSE(clock.deadline());
}

}  // namespace
}  // namespace takt::supervisor
