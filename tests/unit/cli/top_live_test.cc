// SPDX-License-Identifier: Apache-2.0
// takt top on a terminal: keys, size, and that the terminal is as it was after every way out.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>

#include "base/fs.h"
#include "base/process.h"
#include "support/default_signals.h"
#include "unit/cli/fake_scheduler.h"

namespace takt::cli {
namespace {

constexpr std::string_view kLeave = "\033[?1049l";

class TopLiveTest : public testing::Test {
 protected:
  void SetUp() override {
    master = UniqueFd(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
    ASSERT_EQ(::grantpt(master.get()), 0);
    ASSERT_EQ(::unlockpt(master.get()), 0);
    slave = UniqueFd(::open(::ptsname(master.get()), O_RDWR | O_NOCTTY | O_CLOEXEC));
    ASSERT_TRUE(slave);
    resize(80, 24);
    ASSERT_EQ(::tcgetattr(slave.get(), &before), 0);
  }

  void resize(int columns, int rows) {
    winsize size{};
    size.ws_col = static_cast<unsigned short>(columns);
    size.ws_row = static_cast<unsigned short>(rows);
    ASSERT_EQ(::ioctl(master.get(), TIOCSWINSZ, &size), 0);
  }

  void start(std::vector<std::string> more = {}) {
    std::vector<std::string> arguments = {TAKT_PROGRAM, "top", "--address", scheduler.address()};
    arguments.insert(arguments.end(), more.begin(), more.end());
    std::vector<std::string> variables = {"TERM=xterm", "PATH=/usr/bin"};
    const auto pointers = [](std::vector<std::string>& texts) {
      std::vector<char*> all;
      for (std::string& text : texts) all.push_back(text.data());
      all.push_back(nullptr);
      return all;
    };
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    for (const int fd : {0, 1, 2}) posix_spawn_file_actions_adddup2(&actions, slave.get(), fd);
    // In a group of its own, as shells do it, so that it can be stopped.
    const test::DefaultSignals attributes(POSIX_SPAWN_SETPGROUP);
    ASSERT_EQ(posix_spawn(&pid, TAKT_PROGRAM, &actions, attributes.get(),
                          pointers(arguments).data(), pointers(variables).data()),
              0);
    posix_spawn_file_actions_destroy(&actions);
    read_until("\033[J");
  }

  // What the terminal got, up to this text.
  std::string read_until(std::string_view text) {
    std::string got;
    char c = 0;
    pollfd more{master.get(), POLLIN, 0};
    while (got.find(text) == std::string::npos) {
      if (::poll(&more, 1, 60'000) != 1 || ::read(master.get(), &c, 1) != 1) {
        ADD_FAILURE() << "\"" << text << "\" does not come; this came: " << got;
        return got;
      }
      got += c;
    }
    return got;
  }
  // Until a screen of so many lines was drawn.
  void wait_for_rows(int rows) {
    std::string frame;
    while (!HasFailure() && std::count(frame.begin(), frame.end(), '\n') != rows - 1)
      frame = read_until("\033[J");
  }
  void press(const std::string& keys) {
    ASSERT_TRUE(write_all(master.get(), keys, "terminal").ok());
  }
  void send(int signal) {
    const auto process = open_pidfd(pid);
    ASSERT_TRUE(process.ok());
    ASSERT_TRUE(signal_pidfd(process->get(), signal).ok());
  }

  // The exit code, or 1000 and the signal, once the other screen is left and nothing is changed.
  int leave() {
    read_until(kLeave);
    int status = 0;
    EXPECT_EQ(::waitpid(pid, &status, 0), pid);
    termios after{};
    EXPECT_EQ(::tcgetattr(slave.get(), &after), 0);
    EXPECT_EQ(after.c_lflag, before.c_lflag);
    EXPECT_EQ(after.c_iflag, before.c_iflag);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
  }

  FakeScheduler scheduler;
  UniqueFd master, slave;
  termios before{};
  pid_t pid = -1;
};

TEST_F(TopLiveTest, KeysSortAndQuit) {
  start();
  termios now{};
  ASSERT_EQ(::tcgetattr(slave.get(), &now), 0);
  EXPECT_EQ(now.c_lflag & static_cast<tcflag_t>(ICANON | ECHO), 0U);
  press("m");
  read_until("m memory*");
  press("\033OQ\033[1;2Q\033");  // keys of many characters are none of ours
  press("[15Qt");
  read_until("t time*");
  press("q");
  EXPECT_EQ(leave(), 0);
}

TEST_F(TopLiveTest, FollowsTheSizeOfTheTerminal) {
  start();
  resize(60, 10);
  send(SIGWINCH);
  wait_for_rows(10);
  resize(100, 30);
  send(SIGWINCH);
  wait_for_rows(30);
  press("q");
  EXPECT_EQ(leave(), 0);
}

TEST_F(TopLiveTest, EverySignalGivesTheTerminalBack) {
  for (const auto& [signal, code] :
       {std::pair(SIGINT, 130), std::pair(SIGTERM, 143), std::pair(SIGHUP, 129),
        std::pair(SIGQUIT, 131), std::pair(SIGABRT, 1000 + SIGABRT),
        std::pair(SIGSEGV, 1000 + SIGSEGV)}) {
    start();
    send(signal);
    EXPECT_EQ(leave(), code) << signal;
  }
}

TEST_F(TopLiveTest, CtrlZGivesItBackUntilItGoesOn) {
  start();
  send(SIGTSTP);
  read_until(kLeave);
  int status = 0;
  ASSERT_EQ(::waitpid(pid, &status, WUNTRACED), pid);
  ASSERT_TRUE(WIFSTOPPED(status));
  termios now{};
  ASSERT_EQ(::tcgetattr(slave.get(), &now), 0);
  EXPECT_EQ(now.c_lflag, before.c_lflag);
  send(SIGCONT);
  read_until("q quit");
  press("q");
  EXPECT_EQ(leave(), 0);
}

TEST_F(TopLiveTest, ASchedulerOutOfReachHoldsUpNoKey) {
  scheduler.refusals.assign(1000, {grpc::StatusCode::UNAVAILABLE, "starting"});
  start({"--timeout", "200ms"});
  press("k");
  read_until("k tasks*");
  read_until("OUT OF REACH");
  press("q");
  EXPECT_EQ(leave(), 0);
}

TEST_F(TopLiveTest, ARefusalIsSaidOnTheTerminalAsItWas) {
  scheduler.refusals = {{grpc::StatusCode::PERMISSION_DENIED, "bob is not in group takt"}};
  start();
  EXPECT_EQ(leave(), 1);
  read_until("bob is not in group takt");
}

TEST_F(TopLiveTest, TheLastOfSoManyScreensIsLeftThere) {
  start({"-n", "1"});
  EXPECT_EQ(leave(), 0);
  EXPECT_EQ(read_until("No job runs.").find("q quit"), std::string::npos);
}

}  // namespace
}  // namespace takt::cli
