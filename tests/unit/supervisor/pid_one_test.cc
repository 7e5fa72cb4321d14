// SPDX-License-Identifier: Apache-2.0
// `systemctl stop` of a scope is a SIGCONT from PID 1: so here the test is PID 1, in a pid
// namespace of its own.
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <functional>
#include <variant>

#include "unit/supervisor/fake_init.h"
#include "unit/supervisor/harness.h"

namespace takt::supervisor {
namespace {

constexpr int kGood = 0;
constexpr int kBad = 1;
constexpr int kNoNamespace = 2;

// Runs `body` as PID 1; true if nothing in it failed.
bool run_as_pid_one(const std::function<void()>& body) {
  const pid_t outer = ::fork();
  if (outer == 0) {
    if (::unshare(CLONE_NEWPID | CLONE_NEWNS) != 0) ::_exit(kNoNamespace);
    const pid_t inner = ::fork();
    if (inner == 0) {
      const bool mounted =
          ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
          ::mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr) == 0;
      if (!mounted || ::getpid() != 1) ::_exit(kNoNamespace);
      body();
      ::_exit(testing::Test::HasFailure() ? kBad : kGood);
    }
    int status = 0;
    ::waitpid(inner, &status, 0);
    ::_exit(WIFEXITED(status) ? WEXITSTATUS(status) : kBad);
  }
  int status = -1;
  ::waitpid(outer, &status, 0);
  return status == 0;
}

constexpr const char* kStopScript = "trap 'exit 8' TERM; echo up; while :; do sleep 0.01; done";

// Sends PID 1's SIGCONT to a running job; returns its record. PID 1 answers when the job has ended.
attempt::ExitRecord stop_by_init(const test::TestCgroup& cgroup, FakeInit* init) {
  SpawnerProcess spawner;
  Attempt attempt(spawner, cgroup.get());
  attempt.set_script(kStopScript);
  attempt.start();
  attempt.wait_for_output("up\n");
  attempt.signal(SIGCONT);
  EXPECT_TRUE(std::holds_alternative<attempt::Ending>(attempt.next()));
  if (init != nullptr) init->answer();
  const attempt::ExitRecord record = attempt.result();
  EXPECT_TRUE(record.stopped_from_outside);
  EXPECT_EQ(WEXITSTATUS(record.wait_status.value()), 8) << "by the job's own signal and grace";
  return record;
}

TEST(PidOne, ItsSigcontIsAStopFromOutside) {
  const test::TestCgroup cgroup;
  EXPECT_TRUE(run_as_pid_one([&] {
    FakeInit init("running");
    const attempt::ExitRecord record = stop_by_init(cgroup, &init);
    EXPECT_EQ(record.cause, attempt::EndCause::kStopped);
    EXPECT_EQ(record.stop_by, "systemctl stop");
    EXPECT_EQ(record.note, "");
  }));
}

TEST(PidOne, ItsSigcontWhileTheHostGoesDownIsTheShutdown) {
  const test::TestCgroup cgroup;
  EXPECT_TRUE(run_as_pid_one([&] {
    FakeInit init("stopping");
    const attempt::ExitRecord record = stop_by_init(cgroup, &init);
    EXPECT_EQ(record.cause, attempt::EndCause::kHostShutdown);
    EXPECT_EQ(record.stop_by, "systemd");
    EXPECT_EQ(record.note, "");
  }));
}

TEST(PidOne, WithoutItsAnswerAStopIsAStopAndSaysWhatIsNotKnown) {
  const test::TestCgroup cgroup;
  EXPECT_TRUE(run_as_pid_one([&] {
    FakeInit init("stopping");
    const attempt::ExitRecord record = stop_by_init(cgroup, nullptr);
    EXPECT_EQ(record.cause, attempt::EndCause::kStopped);
    EXPECT_NE(record.note, "");
    init.answer();
  }));
}

TEST(PidOne, AShutdownThatComesBeforeTheCommandKeepsItFromRunning) {
  const test::TestCgroup cgroup;
  EXPECT_TRUE(run_as_pid_one([&] {
    FakeInit init("stopping");
    init.answer();
    SpawnerProcess spawner;
    Attempt attempt(spawner, cgroup.get());
    attempt.spawn();
    EXPECT_TRUE(std::holds_alternative<attempt::Ready>(attempt.prepare()));
    attempt.signal(SIGCONT);
    attempt.go();
    const attempt::ExitRecord record = attempt.result();
    EXPECT_EQ(record.cause, attempt::EndCause::kHostShutdown);
    EXPECT_FALSE(record.wait_status.has_value());
  }));
}

}  // namespace
}  // namespace takt::supervisor
