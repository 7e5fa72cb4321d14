// SPDX-License-Identifier: Apache-2.0
// Plain files where reading is enough; a real cgroup with real processes where the kernel must act.
#include "cgroup/cgroup.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <vector>

#include "base/fs.h"
#include "unit/base/temp_folder.h"
#include "unit/cgroup/test_cgroup.h"

namespace takt::cgroup {
namespace {

// --- a fake tree ---

class FakeTree : public testing::Test {
 protected:
  void add(const std::string& path, const std::string& text) {
    const std::string full = folder_.path() + path;
    ASSERT_TRUE(make_directories(full.substr(0, full.rfind('/')), 0755).ok());
    ASSERT_TRUE(write_file(AT_FDCWD, full, text, 0644).ok());
  }
  Cgroup open(const std::string& path) { return Cgroup::open(tree_, path).value(); }

  test::TempFolder folder_;
  Tree tree_{Mount{.root = "/", .point = folder_.path()}};
};

TEST_F(FakeTree, ReadsEventsAndStatistics) {
  add("/a/cgroup.events", "populated 1\nfrozen 1\n");
  add("/a/cpu.stat", "usage_usec 5\nuser_usec 3\nsystem_usec 2\n");
  add("/a/memory.peak", "8192\n");
  add("/a/cgroup.controllers", "cpu memory\n");
  const Cgroup cgroup = open("/a");
  EXPECT_TRUE(cgroup.populated().value());
  EXPECT_TRUE(cgroup.frozen().value());
  EXPECT_EQ(cgroup.cpu_stat().user, microseconds(3));
  EXPECT_EQ(cgroup.memory_peak(), 8192U);
  EXPECT_EQ(cgroup.tasks_peak(), std::nullopt) << "no such file: unknown, not 0";
  EXPECT_EQ(cgroup.io_stat().read_bytes, std::nullopt);
  EXPECT_EQ(cgroup.controllers().value(), (std::vector<std::string>{"cpu", "memory"}));
}

TEST_F(FakeTree, ListsProcessesOfChildrenToo) {
  add("/a/cgroup.procs", "1\n2\n");
  add("/a/b/cgroup.procs", "3\n");
  add("/a/b/c/cgroup.procs", "4\n");
  auto pids = open("/a").processes().value();
  std::sort(pids.begin(), pids.end());
  EXPECT_EQ(pids, (std::vector<pid_t>{1, 2, 3, 4}));
}

TEST_F(FakeTree, WritesRequests) {
  for (const std::string file :
       {"cgroup.kill", "cgroup.freeze", "cgroup.subtree_control", "cgroup.procs"})
    add("/a/" + file, "");
  const Cgroup cgroup = open("/a");
  ASSERT_TRUE(cgroup.kill().ok());
  ASSERT_TRUE(cgroup.freeze(true).ok());
  ASSERT_TRUE(cgroup.enable({"memory", "pids"}).ok());
  ASSERT_TRUE(cgroup.add_process(42).ok());
  EXPECT_EQ(cgroup.read("cgroup.kill").value(), "1");
  EXPECT_EQ(cgroup.read("cgroup.freeze").value(), "1");
  EXPECT_EQ(cgroup.read("cgroup.subtree_control").value(), "+memory +pids ");
  EXPECT_EQ(cgroup.read("cgroup.procs").value(), "42");
}

TEST_F(FakeTree, RefusesWhatIsOutsideOfTheMount) {
  const Tree inner(Mount{.root = "/docker/x", .point = folder_.path()});
  EXPECT_EQ(inner.directory_of("/docker/x").value(), folder_.path());
  EXPECT_EQ(inner.directory_of("/docker/x/job").value(), folder_.path() + "/job");
  EXPECT_FALSE(inner.directory_of("/docker/xy").ok());
  EXPECT_FALSE(inner.directory_of("/other").ok());
  EXPECT_FALSE(tree_.directory_of("relative").ok());
  EXPECT_EQ(tree_.directory_of("/").value(), folder_.path());
}

TEST(Path, Helpers) {
  EXPECT_TRUE(is_within("/a/b", "/a"));
  EXPECT_TRUE(is_within("/a", "/a"));
  EXPECT_FALSE(is_within("/ab", "/a"));
  EXPECT_TRUE(is_within("/a", "/"));
  EXPECT_EQ(parent_path("/a/b"), "/a");
  EXPECT_EQ(parent_path("/a"), "/");
  EXPECT_EQ(join_path("/", "a"), "/a");
  EXPECT_EQ(join_path("/a", "b"), "/a/b");
}

// --- the kernel ---

// A child that waits for a signal, and is reaped with its owner.
class Sleeper {
 public:
  Sleeper() : pid_(::fork()) {
    if (pid_ != 0) return;
    for (;;) ::pause();
  }
  Sleeper(const Sleeper&) = delete;
  Sleeper& operator=(const Sleeper&) = delete;
  ~Sleeper() { end(); }
  [[nodiscard]] pid_t pid() const { return pid_; }
  // Its wait status, killing it if it lives.
  int end() {
    if (pid_ == 0) return status_;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, &status_, 0);
    pid_ = 0;
    return status_;
  }

 private:
  pid_t pid_;
  int status_ = 0;
};

class RealCgroup : public testing::Test {
 protected:
  test::TestCgroup own_;
};

TEST_F(RealCgroup, MovesProcessesAndKnowsThem) {
  const Cgroup leaf = own_.get().make_child("leaf").value();
  EXPECT_FALSE(own_.get().populated().value());
  const Sleeper sleeper;
  EXPECT_FALSE(leaf.contains(sleeper.pid()));
  ASSERT_TRUE(leaf.add_process(sleeper.pid()).ok());
  EXPECT_TRUE(own_.get().populated().value());
  EXPECT_TRUE(leaf.contains(sleeper.pid()));
  EXPECT_TRUE(own_.get().contains(sleeper.pid())) << "below counts";
  EXPECT_EQ(path_of_process(sleeper.pid()).value(), leaf.path());
  EXPECT_EQ(own_.get().processes().value(), std::vector<pid_t>{sleeper.pid()});
}

TEST_F(RealCgroup, KillsEverythingBelow) {
  const Cgroup inner = own_.get().make_child("a").value().make_child("b").value();
  Sleeper first;
  Sleeper second;
  ASSERT_TRUE(inner.add_process(first.pid()).ok());
  ASSERT_TRUE(inner.add_process(second.pid()).ok());
  ASSERT_TRUE(own_.get().kill().ok());
  ASSERT_TRUE(test::TestCgroup::wait_until_empty(own_.get()));
  EXPECT_EQ(WTERMSIG(first.end()), SIGKILL);
  EXPECT_EQ(WTERMSIG(second.end()), SIGKILL);
}

TEST_F(RealCgroup, FreezesAndThaws) {
  const Sleeper sleeper;
  const Cgroup leaf = own_.get().make_child("leaf").value();
  ASSERT_TRUE(leaf.add_process(sleeper.pid()).ok());
  ASSERT_TRUE(leaf.freeze(true).ok());
  Events events = Events::open(leaf).value();
  ASSERT_TRUE(events.populated().value());
  while (!leaf.frozen().value()) {
    pollfd watched{.fd = events.fd(), .events = POLLPRI, .revents = 0};
    ASSERT_EQ(::poll(&watched, 1, 10000), 1);
    ASSERT_TRUE(events.populated().ok());
  }
  ASSERT_TRUE(leaf.freeze(false).ok());
  EXPECT_FALSE(leaf.frozen().value());
}

TEST_F(RealCgroup, RemovesEmptyTreesOnly) {
  const Cgroup a = own_.get().make_child("a").value();
  const Cgroup b = a.make_child("b").value();
  Sleeper sleeper;
  ASSERT_TRUE(b.add_process(sleeper.pid()).ok());
  const auto busy = own_.get().remove_child("a");
  ASSERT_FALSE(busy.ok());
  EXPECT_EQ(busy.error().error_number, EBUSY);
  sleeper.end();
  ASSERT_TRUE(test::TestCgroup::wait_until_empty(a));
  EXPECT_TRUE(own_.get().remove_child("a").ok());
  EXPECT_TRUE(own_.get().remove_child("a").ok()) << "not there is no error";
}

TEST_F(RealCgroup, ARemovedCgroupIsEmptyAndStaysItself) {
  const Cgroup first = own_.get().make_child("x").value();
  const std::uint64_t inode = first.inode().value();
  ASSERT_TRUE(own_.get().remove_child("x").ok());
  const Cgroup second = own_.get().make_child("x").value();
  EXPECT_NE(second.inode().value(), inode);
  EXPECT_FALSE(first.populated().value());
  EXPECT_TRUE(first.processes().value().empty());
  EXPECT_FALSE(first.kill().ok()) << "must not reach the new one of that name";
  EXPECT_TRUE(own_.get().remove_child("x").ok());
}

TEST_F(RealCgroup, MakingTwiceIsNoError) {
  const Cgroup first = own_.get().make_child("x").value();
  EXPECT_EQ(own_.get().make_child("x").value().inode().value(), first.inode().value());
}

TEST_F(RealCgroup, EnablingAnUnknownControllerFails) {
  EXPECT_FALSE(own_.get().enable({"nonsense"}).ok());
  EXPECT_TRUE(own_.get().enable({}).ok());
}

TEST_F(RealCgroup, CountsProcessorTime) { EXPECT_TRUE(own_.get().cpu_stat().usage.has_value()); }

TEST(ProcessPath, AProcessThatIsGoneIsNotFound) {
  Sleeper sleeper;
  const pid_t pid = sleeper.pid();
  ASSERT_TRUE(path_of_process(pid).ok());
  sleeper.end();
  const auto path = path_of_process(pid);
  ASSERT_FALSE(path.ok());
  EXPECT_EQ(path.error().code, ErrorCode::kNotFound);
  EXPECT_TRUE(path_of_self().ok());
}

}  // namespace
}  // namespace takt::cgroup
