// SPDX-License-Identifier: Apache-2.0
// The program itself, with real signals and real ends of pipes.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>

#include "base/fs.h"
#include "base/process.h"
#include "support/default_signals.h"
#include "unit/cli/fake_scheduler.h"

namespace takt::cli {
namespace {

struct Pipe {
  Pipe() {
    int fds[2] = {-1, -1};
    EXPECT_EQ(::pipe2(fds, O_CLOEXEC), 0);
    reader = UniqueFd(fds[0]);
    writer = UniqueFd(fds[1]);
  }
  UniqueFd reader, writer;
};

class ProcessTest : public testing::Test {
 protected:
  void start(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), TAKT_PROGRAM);
    arguments.insert(arguments.begin(), under.begin(), under.end());
    std::vector<char*> argv;
    for (std::string& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, in.reader.get(), 0);
    posix_spawn_file_actions_adddup2(&actions, out.writer.get(), 1);
    posix_spawn_file_actions_adddup2(&actions, err.writer.get(), 2);
    for (const int fd : closed) posix_spawn_file_actions_addclose(&actions, fd);
    ASSERT_EQ(
        posix_spawn(&pid, argv[0], &actions, test::DefaultSignals().get(), argv.data(), environ),
        0);
    posix_spawn_file_actions_destroy(&actions);
    in.reader.reset();
    out.writer.reset();
    err.writer.reset();
  }

  std::string read_line() {
    std::string line;
    char c = 0;
    while (::read(out.reader.get(), &c, 1) == 1 && c != '\n') line += c;
    return line;
  }

  void send(int signal) {
    const auto process = open_pidfd(pid);
    ASSERT_TRUE(process.ok());
    ASSERT_TRUE(signal_pidfd(process->get(), signal).ok());
  }

  // The exit code, or 1000 and the signal.
  int join() {
    int status = 0;
    EXPECT_EQ(::waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
  }

  FakeScheduler scheduler;
  Pipe in, out, err;
  std::vector<std::string> under;  // a program with its arguments that runs takt
  std::vector<int> closed;         // of the standard streams
  pid_t pid = -1;
};

TEST_F(ProcessTest, SigintStopsTheJob) {
  scheduler.out = "started\n";
  start({"run", "-n", "--address", scheduler.address(), "--", "x"});
  EXPECT_EQ(read_line(), "started");
  send(SIGINT);
  EXPECT_EQ(join(), 130);
  EXPECT_EQ(scheduler.stops.size(), 1U);
}

TEST_F(ProcessTest, ASecondSignalLeavesTheJob) {
  scheduler.out = "started\n";
  scheduler.stop_ends = false;
  start({"run", "-n", "--address", scheduler.address(), "--", "x"});
  EXPECT_EQ(read_line(), "started");
  send(SIGTERM);
  scheduler.wait_for_stops(1);
  send(SIGTERM);
  EXPECT_EQ(join(), 143);
  const std::string said = *read_all(err.reader.get(), 1 << 16, "stderr");
  EXPECT_NE(said.find("left job 6f0b2c1e"), std::string::npos) << said;
}

TEST_F(ProcessTest, OtherVerbsEndByASignalAsAnyProgram) {
  scheduler.out = "started\n";
  start({"logs", "-f", "--address", scheduler.address(), kJobId});
  EXPECT_EQ(read_line(), "started");
  send(SIGINT);
  EXPECT_EQ(join(), 1000 + SIGINT);
  EXPECT_TRUE(scheduler.stops.empty());
}

TEST_F(ProcessTest, WhatIsIgnoredInTheBackgroundStaysIgnored) {
  under = {"/usr/bin/env", "--ignore-signal=INT,HUP"};
  scheduler.out = "started\n";
  start({"run", "-n", "--address", scheduler.address(), "--", "x"});
  EXPECT_EQ(read_line(), "started");
  send(SIGINT);
  send(SIGHUP);
  scheduler.end_job(exited(0));
  EXPECT_EQ(join(), 0);
  EXPECT_TRUE(scheduler.stops.empty());
}

TEST_F(ProcessTest, NothingTakesThePlaceOfAStandardStreamThatWasClosed) {
  closed = {0, 2};
  scheduler.out = "started\n";
  start({"logs", "-f", "--address", scheduler.address(), kJobId});
  EXPECT_EQ(read_line(), "started");
  for (const int fd : closed) {
    const std::string link = "/proc/" + std::to_string(pid) + "/fd/" + std::to_string(fd);
    std::array<char, 64> target{};
    ASSERT_GT(::readlink(link.c_str(), target.data(), target.size() - 1), 0) << link;
    EXPECT_STREQ(target.data(), "/dev/null");
  }
  send(SIGINT);
  EXPECT_EQ(join(), 1000 + SIGINT);
}

TEST_F(ProcessTest, AClosedOutputIsAnError) {
  closed = {1};
  scheduler.out = "started\n";
  start({"logs", "--address", scheduler.address(), kJobId});
  EXPECT_EQ(join(), 1);
  const std::string said = *read_all(err.reader.get(), 1 << 16, "stderr");
  EXPECT_NE(said.find("write standard output: Bad file descriptor"), std::string::npos) << said;
}

TEST_F(ProcessTest, AReaderThatIsGoneIsNoCrash) {
  scheduler.out = std::string(1 << 20, 'y');
  out.reader.reset();
  start({"logs", "--address", scheduler.address(), kJobId});
  EXPECT_EQ(join(), 141);
}

TEST_F(ProcessTest, StandardInputIsReadToItsEnd) {
  scheduler.end_job(exited(0));
  start({"run", "--address", scheduler.address(), "--", "x"});
  ASSERT_TRUE(write_all(in.writer.get(), "one\n", "in").ok());
  ASSERT_TRUE(write_all(in.writer.get(), std::string(100'000, 'x'), "in").ok());
  EXPECT_TRUE(scheduler.submits.empty()) << "not before its end";
  in.writer.reset();
  EXPECT_EQ(join(), 0);
  ASSERT_EQ(scheduler.submits.size(), 1U);
  EXPECT_EQ(scheduler.submits[0].spec().stdin_data().size(), 100'004U);
}

}  // namespace
}  // namespace takt::cli
