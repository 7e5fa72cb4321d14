// SPDX-License-Identifier: Apache-2.0
// Whole attempts: how they end, and what a start that fails says.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/keyctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <optional>
#include <string>
#include <variant>

#include "attempt/folder.h"
#include "base/fs.h"
#include "base/process.h"
#include "unit/supervisor/harness.h"

namespace takt::supervisor {
namespace {

using attempt::EndCause;
using attempt::ExitRecord;

constexpr uid_t kNobody = 65534;

class Attempts : public testing::Test {
 protected:
  test::TestCgroup cgroup_;
  SpawnerProcess spawner_;
};

TEST_F(Attempts, ExitCodesComeBack) {
  for (const int code : {0, 1, 7, 127, 255}) {
    Attempt attempt(spawner_, cgroup_.get());
    attempt.set_script("exit " + std::to_string(code));
    const ExitRecord record = attempt.run();
    EXPECT_EQ(record.cause, EndCause::kExited);
    ASSERT_TRUE(record.wait_status.has_value());
    ASSERT_TRUE(WIFEXITED(*record.wait_status));
    EXPECT_EQ(WEXITSTATUS(*record.wait_status), code);
    attempt.expect_nothing_left();
  }
}

TEST_F(Attempts, SignalsComeBack) {
  for (const int number : {SIGKILL, SIGSEGV, SIGUSR1}) {
    Attempt attempt(spawner_, cgroup_.get());
    attempt.set_script("kill -" + std::to_string(number) + " $$");
    const ExitRecord record = attempt.run();
    EXPECT_EQ(record.cause, EndCause::kSignaled);
    ASSERT_TRUE(record.wait_status.has_value());
    EXPECT_EQ(WTERMSIG(*record.wait_status), number);
  }
}

TEST_F(Attempts, TheRecordTellsTimesAndUse) {
  Attempt attempt(spawner_, cgroup_.get());
  attempt.set_script("i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done");
  const WallTime before = wall_now();
  const ExitRecord record = attempt.run();
  EXPECT_GE(record.start_time, before);
  EXPECT_GE(record.end_time, record.start_time);
  EXPECT_LE(record.end_time, wall_now());
  EXPECT_GT(record.duration, microseconds(0));
  ASSERT_TRUE(record.cpu_user.has_value());
  EXPECT_GT(*record.cpu_user + *record.cpu_system, microseconds(0));
  EXPECT_FALSE(record.sigkill_needed);
  EXPECT_EQ(record.stragglers_killed, 0U);
  EXPECT_EQ(record.note, "");
}

TEST_F(Attempts, MessagesComeInOrderAndTheLeadersEndIsOnRecordFirst) {
  Attempt attempt(spawner_, cgroup_.get());
  attempt.set_script("exit 3");
  attempt.start();
  ASSERT_TRUE(std::holds_alternative<attempt::Ending>(attempt.next()));
  const auto supervisor = attempt::read_supervisor_record(attempt.folder()).value();
  EXPECT_EQ(supervisor.pid, attempt.pid());
  ASSERT_TRUE(supervisor.leader_status.has_value());
  EXPECT_EQ(WEXITSTATUS(*supervisor.leader_status), 3);
  ASSERT_TRUE(std::holds_alternative<attempt::Ended>(attempt.next()));
  EXPECT_EQ(attempt.result().end_time, supervisor.leader_end_time);
}

TEST_F(Attempts, TheScopeLauncherMakesItsOwnLeaves) {
  Attempt attempt(spawner_, cgroup_.get(), attempt::Launcher::kScope);
  attempt.set_script("cat /proc/self/cgroup; cat /proc/$PPID/cgroup");
  const ExitRecord record = attempt.run();
  EXPECT_EQ(record.cause, EndCause::kExited);
  const std::string out = attempt.read("stdout");
  EXPECT_NE(out.find("0::" + attempt.base().path() + "/job\n"), std::string::npos) << out;
  EXPECT_NE(out.find("0::" + attempt.base().path() + "/supervisor\n"), std::string::npos) << out;
  attempt.expect_nothing_left();
}

TEST_F(Attempts, TheChildIsWhatThePlanSays) {
  Attempt attempt(spawner_, cgroup_.get());
  attempt.plan.uid = kNobody;
  attempt.plan.gid = kNobody;
  attempt.plan.groups = {12345};
  attempt.plan.umask = 0027;
  attempt.plan.nice = 5;
  attempt.plan.no_new_privs = true;
  attempt.plan.working_directory = "/usr";
  attempt.plan.rlimits = {{.resource = RLIMIT_NOFILE, .soft = 123, .hard = 456}};
  attempt.plan.environment = {"PATH=/usr/bin:/bin", "TAKT_X=a b"};
  attempt.set_script(
      "id -u; id -g; id -G; umask; nice; pwd; ulimit -Sn; ulimit -Hn; ls /proc/self/fd | wc -l\n"
      "grep -E '^(SigBlk|SigIgn|NoNewPrivs)' /proc/self/status; cat /proc/self/oom_score_adj\n"
      "cut -d' ' -f6 /proc/$$/stat | grep -qx $$ && echo session; env | grep TAKT");
  attempt.run();
  EXPECT_EQ(attempt.read("stdout"),
            "65534\n65534\n65534 12345\n0027\n5\n/usr\n123\n456\n4\n"
            "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\nNoNewPrivs:\t1\n0\n"
            "session\nTAKT_X=a b\n");
  EXPECT_FALSE(attempt.has("stderr")) << attempt.read("stderr");
}

// A spawner whose session keyring has a key in it.
class Keyring : public testing::Test {
 protected:
  static constexpr const char* kKey = "takt-test-of-the-workers-keyring";

  Keyring() {
    const long joined = ::syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, nullptr);
    EXPECT_TRUE(joined >= 0 || errno == ENOSYS || errno == EPERM) << errno_text(errno);
    if (joined < 0) return;
    EXPECT_GE(::syscall(SYS_add_key, "user", kKey, "x", 1, KEY_SPEC_SESSION_KEYRING), 0);
    EXPECT_NE(read_file(AT_FDCWD, "/proc/keys", 1 << 20).value().find(kKey), std::string::npos);
  }

  test::TestCgroup cgroup_;
  std::optional<SpawnerProcess> spawner_;
};

TEST_F(Keyring, AJobHasAKeyringOfItsOwn) {
  spawner_.emplace();  // it inherits ours
  Attempt attempt(*spawner_, cgroup_.get());
  // Not root: its own keys are shown to every process of a user.
  attempt.plan.uid = attempt.plan.gid = kNobody;
  attempt.plan.groups = {};
  attempt.set_script("grep -c " + std::string(kKey) + " /proc/keys; true");
  EXPECT_EQ(attempt.run().cause, EndCause::kExited);
  EXPECT_EQ(attempt.read("stdout"), "0\n");
}

TEST_F(Attempts, TheEnvironmentIsBuiltFromNothing) {
  Attempt attempt(spawner_, cgroup_.get());
  attempt.plan.argv = {"/usr/bin/env"};
  attempt.plan.environment = {"ONLY=this"};
  attempt.run();
  EXPECT_EQ(attempt.read("stdout"), "ONLY=this\n");
}

TEST_F(Attempts, StdinIsThePlansDataOrEmpty) {
  const std::string data("line\0two\n", 9);
  Attempt given(spawner_, cgroup_.get());
  given.plan.argv = {"cat"};
  given.plan.stdin_data = data;
  given.run();
  EXPECT_EQ(given.read("stdout"), data);
  Attempt empty(spawner_, cgroup_.get());
  empty.plan.argv = {"cat"};
  EXPECT_EQ(empty.run().cause, EndCause::kExited);
  EXPECT_EQ(empty.read("stdout"), "");
}

TEST_F(Attempts, TheJobsUserCanOpenItsOutputAgain) {
  Attempt attempt(spawner_, cgroup_.get());
  attempt.plan.uid = kNobody;
  attempt.plan.gid = kNobody;
  attempt.set_script("echo again > /dev/stdout; echo err > /dev/stderr");
  attempt.run();
  EXPECT_EQ(attempt.read("stdout"), "again\n");
  EXPECT_EQ(attempt.read("stderr"), "err\n");
}

TEST_F(Attempts, FallbackDirectoriesAreTriedInOrder) {
  Attempt attempt(spawner_, cgroup_.get());
  attempt.plan.fallback_directories = {"/nonexistent", "/usr", "/"};
  attempt.set_script("pwd");
  attempt.run();
  EXPECT_EQ(attempt.read("stdout"), "/usr\n");
}

// --- starts that fail ---

struct FailedStart {
  const char* step;
  const char* field;
  int error_number;
};

void expect_failed(Attempt& attempt, const FailedStart& expected) {
  attempt.spawn();
  ASSERT_TRUE(std::holds_alternative<attempt::Ready>(attempt.prepare()));
  attempt.go();
  EXPECT_TRUE(std::holds_alternative<attempt::Ended>(attempt.next())) << "no Started before it";
  const ExitRecord record = attempt.result();
  EXPECT_EQ(record.cause, EndCause::kStartFailed);
  EXPECT_EQ(record.failed_step, expected.step);
  EXPECT_EQ(record.failed_field, expected.field);
  EXPECT_EQ(record.failed_errno, expected.error_number);
  EXPECT_FALSE(record.wait_status.has_value()) << "127 is no exit code of the job";
  attempt.expect_nothing_left();
}

TEST_F(Attempts, ACommandThatIsNotThere) {
  for (const char* command : {"/nonexistent", "takt-no-such-command"}) {
    Attempt attempt(spawner_, cgroup_.get());
    attempt.plan.argv = {command};
    expect_failed(attempt, {"exec", "argv", ENOENT});
  }
}

TEST_F(Attempts, ACommandThatMayNotBeRun) {
  Attempt attempt(spawner_, cgroup_.get());
  ASSERT_TRUE(write_file(attempt.folder(), "data", "x", 0644).ok());
  const std::string folder =
      "/proc/" + std::to_string(::getpid()) + "/fd/" + std::to_string(attempt.folder());
  attempt.plan.argv = {folder + "/data"};
  expect_failed(attempt, {"exec", "argv", EACCES});
  // Found but not executable beats not found, wherever in the path it was.
  Attempt searched(spawner_, cgroup_.get());
  searched.plan.argv = {"data"};
  searched.plan.search_path = folder + ":/nonexistent::/var/empty";
  expect_failed(searched, {"exec", "argv", EACCES});
}

TEST_F(Attempts, AFileThatIsNoProgram) {
  Attempt attempt(spawner_, cgroup_.get());
  ASSERT_TRUE(write_file(attempt.folder(), "script", "no interpreter line\n", 0755).ok());
  const std::string folder =
      "/proc/" + std::to_string(::getpid()) + "/fd/" + std::to_string(attempt.folder());
  attempt.plan.argv = {folder + "/script"};
  expect_failed(attempt, {"exec", "argv", ENOEXEC});
}

TEST_F(Attempts, AFolderThatIsNotThereOrIsClosed) {
  Attempt missing(spawner_, cgroup_.get());
  missing.plan.working_directory = "/nonexistent";
  expect_failed(missing, {"chdir", "working_directory", ENOENT});
  Attempt closed(spawner_, cgroup_.get());
  ASSERT_EQ(::fchmod(closed.folder(), 0700), 0);
  closed.plan.uid = kNobody;
  closed.plan.gid = kNobody;
  closed.plan.working_directory =
      "/proc/" + std::to_string(::getpid()) + "/fd/" + std::to_string(closed.folder());
  expect_failed(closed, {"chdir", "working_directory", EACCES});
}

TEST_F(Attempts, LimitsThatTheKernelRefuses) {
  Attempt attempt(spawner_, cgroup_.get());
  attempt.plan.rlimits = {{.resource = RLIMIT_NOFILE, .soft = 2, .hard = 1}};
  expect_failed(attempt, {"rlimits", "rlimits", EINVAL});
}

TEST_F(Attempts, ACgroupThatWasTakenAway) {
  Attempt attempt(spawner_, cgroup_.get());
  attempt.spawn();
  ASSERT_TRUE(std::holds_alternative<attempt::Ready>(attempt.prepare()));
  ASSERT_TRUE(attempt.base().remove_child(attempt::kJobLeaf).ok());
  attempt.go();
  const ExitRecord record = attempt.result();
  EXPECT_EQ(record.cause, EndCause::kStartFailed);
  EXPECT_EQ(record.failed_step, "supervise");
  EXPECT_NE(record.failed_errno, 0);
}

}  // namespace
}  // namespace takt::supervisor
