// SPDX-License-Identifier: Apache-2.0
// The spawner, and supervisors before `go` or without a worker.
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "attempt/folder.h"
#include "base/fs.h"
#include "base/process.h"
#include "unit/supervisor/harness.h"

namespace takt::supervisor {
namespace {

using attempt::EndCause;

class Spawner : public testing::Test {
 protected:
  test::TestCgroup cgroup_;
  SpawnerProcess spawner_;
};

std::string proc_file(pid_t pid, const std::string& name) {
  return read_file(AT_FDCWD, "/proc/" + std::to_string(pid) + "/" + name, 1 << 20).value();
}

TEST_F(Spawner, EndsAtEndOfFile) { EXPECT_EQ(spawner_.close(), 0); }

TEST_F(Spawner, EndsOnWhatItDoesNotUnderstand) {
  ASSERT_TRUE(attempt::send_packet(spawner_.socket(), "nonsense").ok());
  ASSERT_TRUE(wait_for(spawner_.socket(), POLLIN));
  EXPECT_TRUE(attempt::receive_packet(spawner_.socket())->end);
}

TEST_F(Spawner, SaysWhyItCouldNotSpawn) {
  const cgroup::Cgroup gone = cgroup_.get().make_child("gone").value();
  ASSERT_TRUE(cgroup_.get().remove_child("gone").ok());
  auto [ours, theirs] = attempt::make_socket_pair().value();
  const auto spawned = spawner_.spawn(std::move(theirs), gone.fd());
  EXPECT_EQ(spawned.answer.pid, 0);
  EXPECT_NE(spawned.answer.error_number, 0);
  EXPECT_FALSE(spawned.pidfd);
}

TEST_F(Spawner, ARequestWithoutASocketIsRefused) {
  ASSERT_TRUE(attempt::send_message(spawner_.socket(), attempt::SpawnRequest{5}).ok());
  const auto packet = attempt::receive_packet(spawner_.socket()).value();
  EXPECT_EQ(std::get<attempt::SpawnAnswer>(attempt::decode_message(packet.data).value()),
            (attempt::SpawnAnswer{.number = 5, .pid = 0, .error_number = EBADMSG}));
}

TEST_F(Spawner, LeavesNoZombies) {
  for (int i = 0; i < 5; ++i) {
    Attempt attempt(spawner_, cgroup_.get());
    EXPECT_EQ(attempt.run().cause, EndCause::kExited);
  }
  EXPECT_EQ(proc_file(spawner_.pid(), "task/" + std::to_string(spawner_.pid()) + "/children"), "");
}

TEST_F(Spawner, AParkedSupervisorHoldsNothingOfOthers) {
  Attempt first(spawner_, cgroup_.get());
  first.start();
  Attempt second(spawner_, cgroup_.get());
  second.spawn();
  ASSERT_TRUE(std::holds_alternative<attempt::Ready>(second.prepare()));
  EXPECT_EQ(proc_file(second.pid(), "comm"), "takt-supervisor\n");
  EXPECT_EQ(proc_file(second.pid(), "cmdline").substr(0, 20),
            ("takt-supervisor " + second.plan.job_id).substr(0, 20));
  const std::string folder = "/proc/" + std::to_string(second.pid()) + "/fd";
  const auto fds = list_directory(AT_FDCWD, folder).value();
  std::vector<std::string> targets;
  for (const std::string& fd : fds) {
    std::array<char, 512> target{};
    ASSERT_GT(::readlink((folder + "/" + fd).c_str(), target.data(), target.size() - 1), 0);
    if (std::stoi(fd) > 2) targets.emplace_back(target.data());
  }
  EXPECT_EQ(targets.size(), 4U) << "control socket, folder, base, job/";
  EXPECT_EQ(std::count_if(targets.begin(), targets.end(),
                          [](const std::string& name) { return name.starts_with("socket:"); }),
            1);
}

TEST_F(Spawner, EndOfFileBeforePrepareLeavesNoTrace) {
  Attempt attempt(spawner_, cgroup_.get());
  attempt.spawn();
  attempt.close_control();
  ASSERT_TRUE(attempt.wait());
  EXPECT_TRUE(list_directory(attempt.folder())->empty());
}

TEST_F(Spawner, EndOfFileBeforeGoLeavesNoTrace) {
  for (const attempt::Launcher launcher : {attempt::Launcher::kScope, attempt::Launcher::kCgroup}) {
    Attempt attempt(spawner_, cgroup_.get(), launcher);
    attempt.set_script("echo ran");
    attempt.spawn();
    ASSERT_TRUE(std::holds_alternative<attempt::Ready>(attempt.prepare()));
    attempt.close_control();
    ASSERT_TRUE(attempt.wait());
    EXPECT_TRUE(list_directory(attempt.folder())->empty());
    EXPECT_FALSE(attempt.base().populated().value());
    if (launcher == attempt::Launcher::kCgroup) continue;
    EXPECT_FALSE(attempt.base().open_child(attempt::kSupervisorLeaf).ok());
    EXPECT_FALSE(attempt.base().open_child(attempt::kJobLeaf).ok());
  }
}

TEST_F(Spawner, AWrongMessageInsteadOfGoLeavesNoTrace) {
  Attempt attempt(spawner_, cgroup_.get());
  attempt.spawn();
  ASSERT_TRUE(std::holds_alternative<attempt::Ready>(attempt.prepare()));
  attempt.prepare_again();
  ASSERT_TRUE(attempt.wait());
  EXPECT_TRUE(list_directory(attempt.folder())->empty());
}

TEST_F(Spawner, ADamagedPlanIsRefusedByStep) {
  auto [ours, theirs] = attempt::make_socket_pair().value();
  const auto spawned = spawner_.spawn(std::move(theirs), std::nullopt);
  const UniqueFd plan(::memfd_create("plan", MFD_CLOEXEC));
  ASSERT_TRUE(write_all(plan.get(), "TAKPnothing", "plan").ok());
  const test::TempFolder folder;
  const std::vector<int> fds{folder.fd(), plan.get()};
  ASSERT_TRUE(attempt::send_message(ours.get(), attempt::Prepare{}, fds).ok());
  const auto message = attempt::decode_message(attempt::receive_packet(ours.get())->data).value();
  ASSERT_TRUE(std::holds_alternative<attempt::Failed>(message));
  EXPECT_EQ(std::get<attempt::Failed>(message).step, "plan");
  EXPECT_TRUE(wait_for(spawned.pidfd.get(), POLLIN)) << "and it exits";
}

TEST_F(Spawner, ASupervisorThatIsNotWhereItShouldBeRefuses) {
  Attempt attempt(spawner_, cgroup_.get(), attempt::Launcher::kScope);
  attempt.plan.unit = "takt-job-other.1.scope";
  attempt.spawn();
  const attempt::Message answer = attempt.prepare();
  ASSERT_TRUE(std::holds_alternative<attempt::Failed>(answer));
  EXPECT_EQ(std::get<attempt::Failed>(answer).step, "cgroup");
  ASSERT_TRUE(attempt.wait());
  EXPECT_FALSE(attempt.base().open_child(attempt::kSupervisorLeaf).ok()) << "nothing was made";
}

TEST_F(Spawner, SupervisorsOutliveTheirSpawnerAndTheirWorker) {
  std::vector<std::unique_ptr<Attempt>> attempts;
  for (int i = 0; i < 4; ++i) {
    attempts.push_back(std::make_unique<Attempt>(spawner_, cgroup_.get()));
    attempts.back()->set_script("trap 'echo end; exit " + std::to_string(20 + i) +
                                "' USR1; echo up; while :; do sleep 0.01; done");
    attempts.back()->start();
    attempts.back()->wait_for_output("up\n");
  }
  spawner_.kill();
  for (const auto& attempt : attempts) attempt->close_control();
  for (const auto& attempt : attempts) ASSERT_EQ(::kill(attempt->leader(), SIGUSR1), 0);
  for (int i = 0; i < 4; ++i) {
    Attempt& attempt = *attempts[static_cast<std::size_t>(i)];
    const attempt::ExitRecord record = attempt.result();
    EXPECT_EQ(record.cause, EndCause::kExited);
    EXPECT_EQ(WEXITSTATUS(record.wait_status.value()), 20 + i);
    EXPECT_EQ(attempt.read("stdout"), "up\nend\n");
    attempt.expect_nothing_left();
  }
}

TEST_F(Spawner, AParkedSupervisorEndsWithItsWorkerThoughTheSpawnerWasKilled) {
  Attempt attempt(spawner_, cgroup_.get());
  attempt.spawn();
  spawner_.kill();
  attempt.close_control();
  EXPECT_TRUE(attempt.wait());
}

// Whether this machine lets us lower oom_score_adj at all: a container may not.
bool may_protect() {
  const pid_t pid = ::fork();
  if (pid == 0) ::_exit(write_file(AT_FDCWD, "/proc/self/oom_score_adj", "-999", 0).ok() ? 0 : 1);
  int status = -1;
  ::waitpid(pid, &status, 0);
  return status == 0;
}

TEST_F(Spawner, ASupervisorIsHardToKillForMemoryAndItsJobIsNot) {
  const std::string spawners = "/proc/" + std::to_string(spawner_.pid()) + "/oom_score_adj";
  ASSERT_TRUE(write_file(AT_FDCWD, spawners, "300", 0).ok());
  Attempt attempt(spawner_, cgroup_.get());
  attempt.set_script("echo up; exec sleep 1000");
  attempt.start();
  attempt.wait_for_output("up\n");
  EXPECT_EQ(proc_file(attempt.pid(), "oom_score_adj"), may_protect() ? "-999\n" : "300\n");
  EXPECT_EQ(proc_file(attempt.leader(), "oom_score_adj"), "0\n");
}

}  // namespace
}  // namespace takt::supervisor
