// SPDX-License-Identifier: Apache-2.0
// The worker's end of the spawner, against the real takt-supervisor.
#include "worker/spawner.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include <csignal>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/fs.h"
#include "base/process.h"
#include "support/child_process.h"
#include "unit/cgroup/test_cgroup.h"
#include "unit/sd/loop_thread.h"

namespace takt::worker {
namespace {

constexpr int kPatienceMs = 20000;

// The parent of a process, from /proc/PID/stat.
pid_t parent_of(pid_t pid) {
  const auto stat = read_file(AT_FDCWD, "/proc/" + std::to_string(pid) + "/stat", 4096);
  if (!stat) return 0;
  // "pid (comm) state ppid": comm may hold anything, so from its last parenthesis on.
  const std::size_t after = stat->rfind(')');
  return std::stoi(stat->substr(after + 4));
}

bool wait_ended(int pidfd) {
  pollfd watched{.fd = pidfd, .events = POLLIN, .revents = 0};
  return ::poll(&watched, 1, kPatienceMs) == 1;
}

class SpawnerTest : public testing::Test {
 protected:
  SpawnerTest() { make(TAKT_SUPERVISOR); }
  ~SpawnerTest() override {
    loop_.run([this] {
      answers_.clear();
      spawner_.reset();
    });
  }

  void make(const std::string& program) {
    loop_.run([&] { spawner_ = std::make_unique<Spawner>(loop_.loop(), program); });
  }
  // Asks for so many; each callback is counted.
  void ask(std::size_t count) {
    loop_.run([&] {
      for (std::size_t i = 0; i < count; ++i) {
        const std::size_t index = answers_.size();
        answers_.emplace_back();
        spawner_->spawn({}, [this, index](Result<Parked> result) {
          ++calls_;
          answers_[index] = std::make_unique<Result<Parked>>(std::move(result));
        });
      }
    });
  }
  bool wait_calls(std::size_t count) {
    return loop_.wait([this, count] { return calls_ >= count; });
  }
  // The one child that this process has.
  static pid_t spawner_pid() {
    const auto children = test::children_of(::getpid());
    TAKT_CHECK(children.size() == 1, "%zu children", children.size());
    return children.front();
  }
  Parked& parked(std::size_t index) {
    TAKT_CHECK(answers_[index] && answers_[index]->ok(), "no supervisor %zu", index);
    return answers_[index]->value();
  }

  sd::LoopThread loop_;
  std::unique_ptr<Spawner> spawner_;
  std::vector<std::unique_ptr<Result<Parked>>> answers_;
  std::size_t calls_ = 0;
};

TEST_F(SpawnerTest, GivesAParkedSupervisorThatGoesWithItsSocket) {
  ask(1);
  ASSERT_TRUE(wait_calls(1));
  Parked& supervisor = parked(0);
  EXPECT_GT(supervisor.pid, 0);
  EXPECT_FALSE(pidfd_ended(supervisor.pidfd.get()));
  EXPECT_EQ(parent_of(supervisor.pid), spawner_pid());
  supervisor.control.reset();
  EXPECT_TRUE(wait_ended(supervisor.pidfd.get()));
}

TEST_F(SpawnerTest, ClonesStraightIntoTheCgroup) {
  const test::TestCgroup cgroup;
  loop_.run([&] {
    answers_.emplace_back();
    spawner_->spawn(UniqueFd(::dup(cgroup.get().fd())), [this](Result<Parked> result) {
      ++calls_;
      answers_[0] = std::make_unique<Result<Parked>>(std::move(result));
    });
  });
  ASSERT_TRUE(wait_calls(1));
  EXPECT_TRUE(cgroup.get().contains(parked(0).pid));
  parked(0).control.reset();
  EXPECT_TRUE(wait_ended(parked(0).pidfd.get()));
}

TEST_F(SpawnerTest, AnswersAMultitudeEachOnceAndEachItsOwn) {
  constexpr std::size_t kCount = 200;
  ask(kCount);
  ASSERT_TRUE(wait_calls(kCount));
  std::set<pid_t> pids;
  for (std::size_t i = 0; i < kCount; ++i) pids.insert(parked(i).pid);
  EXPECT_EQ(pids.size(), kCount);
  // The control socket belongs to that process: only its own goes when it is closed.
  parked(7).control.reset();
  EXPECT_TRUE(wait_ended(parked(7).pidfd.get()));
  EXPECT_FALSE(pidfd_ended(parked(8).pidfd.get()));
  EXPECT_EQ(calls_, kCount);
}

TEST_F(SpawnerTest, WhatWasUnansweredWhenItWasKilledIsAskedAgain) {
  constexpr std::size_t kUnanswered = 40;
  ask(1);
  ASSERT_TRUE(wait_calls(1));
  const pid_t first = spawner_pid();
  auto spawner = open_pidfd(first);
  ASSERT_TRUE(spawner.ok());
  // Stopped, it takes the requests and answers none of them.
  ASSERT_TRUE(signal_pidfd(spawner->get(), SIGSTOP).ok());
  ask(kUnanswered);
  loop_.run([] {});
  EXPECT_EQ(calls_, 1U);
  ASSERT_TRUE(signal_pidfd(spawner->get(), SIGKILL).ok());
  ASSERT_TRUE(wait_calls(1 + kUnanswered));
  std::set<pid_t> pids;
  for (std::size_t i = 0; i < answers_.size(); ++i) pids.insert(parked(i).pid);
  EXPECT_EQ(pids.size(), answers_.size());
  const pid_t second = spawner_pid();
  EXPECT_NE(second, first);
  for (std::size_t i = 1; i < answers_.size(); ++i) EXPECT_EQ(parent_of(parked(i).pid), second);
  EXPECT_FALSE(pidfd_ended(parked(0).pidfd.get())) << "what was answered before lives on";
  loop_.run([] {});
  EXPECT_EQ(calls_, 1 + kUnanswered) << "each once";
}

// Killed while it answers: some were forked already, and go when they see the end of their socket.
TEST_F(SpawnerTest, KilledInTheMidstOfAnsweringEachIsStillAnsweredOnce) {
  constexpr std::size_t kCount = 100;
  ask(1);
  ASSERT_TRUE(wait_calls(1));
  for (int round = 0; round < 3; ++round) {
    const std::size_t before = answers_.size();
    ask(kCount);
    ASSERT_TRUE(wait_calls(before + 3));
    auto spawner = open_pidfd(spawner_pid());
    ASSERT_TRUE(spawner.ok());
    ASSERT_TRUE(signal_pidfd(spawner->get(), SIGKILL).ok());
    ASSERT_TRUE(wait_calls(before + kCount));
    loop_.run([] {});
    ASSERT_EQ(calls_, before + kCount);
  }
  std::set<pid_t> pids;
  for (std::size_t i = 0; i < answers_.size(); ++i) {
    pids.insert(parked(i).pid);
    EXPECT_FALSE(pidfd_ended(parked(i).pidfd.get())) << i;
  }
  EXPECT_EQ(pids.size(), answers_.size());
  for (auto& answer : answers_) answer->value().control.reset();
  for (auto& answer : answers_) EXPECT_TRUE(wait_ended(answer->value().pidfd.get()));
}

TEST_F(SpawnerTest, AProgramThatIsNotThereIsAnErrorForEachWhoAsked) {
  make("/nonexistent/takt-supervisor");
  ask(3);
  ASSERT_TRUE(wait_calls(3));
  for (const auto& answer : answers_) {
    ASSERT_FALSE(answer->ok());
    EXPECT_NE(answer->error().message.find("/nonexistent/takt-supervisor"), std::string::npos);
  }
}

TEST_F(SpawnerTest, AProgramThatAlwaysDiesIsGivenUp) {
  make("/bin/false");
  ask(2);
  ASSERT_TRUE(wait_calls(2));
  for (const auto& answer : answers_) {
    ASSERT_FALSE(answer->ok());
    EXPECT_NE(answer->error().message.find("5 times"), std::string::npos)
        << answer->error().message;
  }
}

TEST_F(SpawnerTest, GoingWithRequestsUnansweredLeavesNoProcess) {
  ask(1);
  ASSERT_TRUE(wait_calls(1));
  auto spawner = open_pidfd(spawner_pid());
  ASSERT_TRUE(spawner.ok());
  ask(20);
  loop_.run([this] { spawner_.reset(); });
  EXPECT_TRUE(wait_ended(spawner->get()));
  EXPECT_FALSE(pidfd_ended(parked(0).pidfd.get()));
}

}  // namespace
}  // namespace takt::worker
