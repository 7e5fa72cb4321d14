// SPDX-License-Identifier: Apache-2.0
#include "sd/event_loop.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "base/limits.h"
#include "base/process.h"

namespace takt::sd {
namespace {

using namespace std::chrono_literals;

class EventLoopTest : public testing::Test {
 protected:
  void SetUp() override {
    auto made = EventLoop::create();
    ASSERT_TRUE(made.ok()) << made.error().message;
    loop_ = std::move(*made);
    guard_ = loop_->add_timer(20s, [this] {
      ADD_FAILURE() << "the loop did not end by itself";
      loop_->exit(-1);
    });
  }

  int run() {
    const Result<int> code = loop_->run();
    return code.ok() ? *code : -2;
  }

  static std::array<UniqueFd, 2> make_pipe() {
    int ends[2] = {-1, -1};
    EXPECT_EQ(::pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
    return {UniqueFd(ends[0]), UniqueFd(ends[1])};
  }

  std::unique_ptr<EventLoop> loop_;
  Source guard_;
};

TEST_F(EventLoopTest, PostsOfEachThreadRunInOrderOnTheLoop) {
  constexpr int kThreads = 4;
  constexpr int kPosts = 2000;
  std::vector<std::vector<int>> seen(kThreads);
  int left = kThreads * kPosts;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      EXPECT_FALSE(loop_->in_loop());
      for (int i = 0; i < kPosts; ++i) {
        EXPECT_TRUE(loop_->post([&, t, i] {
          EXPECT_TRUE(loop_->in_loop());
          seen[static_cast<std::size_t>(t)].push_back(i);
          if (--left == 0) loop_->exit(0);
        }));
      }
    });
  }
  EXPECT_EQ(run(), 0);
  for (auto& thread : threads) thread.join();
  for (const auto& numbers : seen) {
    ASSERT_EQ(numbers.size(), std::size_t{kPosts});
    EXPECT_TRUE(std::is_sorted(numbers.begin(), numbers.end()));
  }
}

TEST_F(EventLoopTest, PostsAreBounded) {
  std::size_t ran = 0;
  for (std::size_t i = 0; i < limits::kLoopPostsMax; ++i)
    ASSERT_TRUE(loop_->post([&ran] { ++ran; }));
  EXPECT_FALSE(loop_->post([&ran] { ran += 1000000; }));
  loop_->exit(0);
  EXPECT_EQ(run(), 0);
  EXPECT_EQ(ran, limits::kLoopPostsMax);
}

TEST_F(EventLoopTest, TasksThatNeverRanAreDestroyedWithTheLoop) {
  const auto token = std::make_shared<int>(0);
  ASSERT_TRUE(loop_->post([this, token] {
    loop_->exit(0);
    EXPECT_TRUE(loop_->post(
        [this, token] { EXPECT_TRUE(loop_->post([token] { FAIL() << "ran after the end"; })); }));
  }));
  EXPECT_EQ(run(), 0);
  EXPECT_EQ(token.use_count(), 2);
  EXPECT_FALSE(loop_->post([token] { FAIL() << "ran after the end"; }));
  EXPECT_EQ(token.use_count(), 2);
  guard_.reset();
  loop_.reset();
  EXPECT_EQ(token.use_count(), 1);
}

TEST_F(EventLoopTest, ExitFromAnotherThreadGivesTheFirstCode) {
  std::thread other([this] {
    loop_->exit(7);
    loop_->exit(8);
  });
  EXPECT_EQ(run(), 7);
  other.join();
}

TEST_F(EventLoopTest, TheThreadThatRunsIsTheLoops) {
  EXPECT_TRUE(loop_->in_loop());
  std::thread other([this] {
    EXPECT_FALSE(loop_->in_loop());
    EXPECT_TRUE(loop_->post([this] {
      EXPECT_TRUE(loop_->in_loop());
      loop_->exit(0);
    }));
    EXPECT_EQ(run(), 0);
  });
  other.join();
  EXPECT_FALSE(loop_->in_loop());
}

TEST_F(EventLoopTest, DueTimersRunInOrderOfTimeThenOfAdding) {
  std::string order;
  const BootTime now = BootClock::now();
  std::vector<Source> timers;
  const auto add = [&](BootTime when, char name) {
    timers.push_back(loop_->add_timer(when, [&order, name] { order += name; }));
  };
  add(now + 3ms, 'e');
  add(now + 1ms, 'b');
  add(now + 1ms, 'c');
  add(now - 1h, 'a');
  add(now + 2ms, 'd');
  add(now + 2ms, 'x');
  timers.pop_back();
  timers.push_back(loop_->add_timer(5ms, [this] { loop_->exit(0); }));
  EXPECT_EQ(run(), 0);
  EXPECT_EQ(order, "abcde");
  EXPECT_GE(BootClock::now() - now, 5ms);
}

TEST_F(EventLoopTest, ATimerMayDestroyItselfAndOthersAndAddMore) {
  const BootTime now = BootClock::now();
  int fired = 0;
  Source mine;
  Source other;
  Source later;
  other = loop_->add_timer(now + 2ms, [] { FAIL() << "destroyed before it was due"; });
  auto payload = std::make_shared<std::string>("alive");
  mine = loop_->add_timer(now + 1ms, [&, payload] {
    mine.reset();
    other.reset();
    ++fired;
    EXPECT_EQ(*payload, "alive");  // what the function holds is still there
    later = loop_->add_timer(nanoseconds(0), [&] { loop_->exit(fired); });
  });
  EXPECT_EQ(run(), 1);
  EXPECT_EQ(payload.use_count(), 1);
}

TEST_F(EventLoopTest, SourcesMayOutliveTheLoop) {
  Source timer = loop_->add_timer(1h, [] {});
  auto pipe = make_pipe();
  auto io = loop_->add_io(pipe[0].get(), EPOLLIN, [](std::uint32_t) {});
  ASSERT_TRUE(io.ok());
  guard_.reset();
  loop_.reset();
  timer.reset();
  io->reset();
}

TEST_F(EventLoopTest, IoFollowsItsEventsAndMayDestroyItself) {
  auto pipe = make_pipe();
  ASSERT_EQ(::write(pipe[1].get(), "x", 1), 1);
  int calls = 0;
  Source io;
  auto added = loop_->add_io(pipe[0].get(), EPOLLIN, [&](std::uint32_t events) {
    EXPECT_EQ(events & EPOLLIN, std::uint32_t{EPOLLIN});
    if (++calls < 3) return;  // level-triggered: comes again
    if (calls == 3) {
      io.set_events(0);
      EXPECT_TRUE(loop_->post([&] {
        EXPECT_EQ(calls, 3);
        io.set_events(EPOLLIN);
      }));
      return;
    }
    io.reset();
    loop_->exit(calls);
  });
  ASSERT_TRUE(added.ok()) << added.error().message;
  io = std::move(*added);
  EXPECT_EQ(run(), 4);
}

TEST_F(EventLoopTest, WhatEpollRefusesIsAnError) {
  const UniqueFd file(::open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
  ASSERT_TRUE(file);
  const auto added = loop_->add_io(file.get(), EPOLLIN, [](std::uint32_t) {});
  ASSERT_FALSE(added.ok());
  EXPECT_EQ(added.error().error_number, EPERM);
}

TEST_F(EventLoopTest, HooksRunOncePerTurnAfterAllThatWasReady) {
  int ran = 0;
  std::vector<int> at_hook;
  std::string order;
  loop_->on_turn_end([&] {
    at_hook.push_back(ran);
    order += 'a';
  });
  loop_->on_turn_end([&] {
    order += 'b';
    if (at_hook.size() > 1) return;
    EXPECT_TRUE(loop_->post([&] {
      ++ran;
      loop_->exit(0);
    }));
  });
  auto pipe = make_pipe();
  ASSERT_EQ(::write(pipe[1].get(), "x", 1), 1);
  Source io;
  auto added = loop_->add_io(pipe[0].get(), EPOLLIN, [&](std::uint32_t) {
    ++ran;
    io.reset();
  });
  ASSERT_TRUE(added.ok());
  io = std::move(*added);
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(loop_->post([&] { ++ran; }));
  const Source timer = loop_->add_timer(nanoseconds(0), [&] { ++ran; });
  EXPECT_EQ(run(), 0);
  EXPECT_EQ(at_hook, (std::vector<int>{12, 13}));  // also after the turn that ended the loop
  EXPECT_EQ(order, "abab");
}

TEST_F(EventLoopTest, HooksOfTheLastTurnMayStillAddTimers) {
  std::vector<Source> timers;
  loop_->on_turn_end([&] { timers.push_back(loop_->add_timer(1h, [] {})); });
  ASSERT_TRUE(loop_->post([this] { loop_->exit(0); }));
  EXPECT_EQ(loop_->run().value(), 0);
  EXPECT_FALSE(timers.empty());
  timers.push_back(loop_->add_timer(1ms, [] {}));  // nor does it hurt later
}

TEST_F(EventLoopTest, ABusySourceDoesNotKeepHooksFromRunning) {
  auto pipe = make_pipe();
  ASSERT_EQ(::write(pipe[1].get(), "x", 1), 1);
  auto io = loop_->add_io(pipe[0].get(), EPOLLIN, [](std::uint32_t) {});  // never reads
  ASSERT_TRUE(io.ok());
  int hooks = 0;
  loop_->on_turn_end([&] {
    if (++hooks == 3) loop_->exit(0);
  });
  EXPECT_EQ(run(), 0);
  EXPECT_GE(hooks, 3);
}

TEST_F(EventLoopTest, APidfdFiresOnceWhenItsProcessHasEnded) {
  auto pipe = make_pipe();
  const pid_t child = ::fork();
  if (child == 0) {
    char byte = 0;
    ::close(pipe[1].release());
    ::fcntl(pipe[0].get(), F_SETFL, 0);
    [[maybe_unused]] const ssize_t got = ::read(pipe[0].get(), &byte, 1);
    ::_exit(3);
  }
  ASSERT_GT(child, 0);
  auto pidfd = open_pidfd(child);
  ASSERT_TRUE(pidfd.ok());
  int fired = 0;
  int hooks_after = 0;
  auto source = loop_->add_pidfd(pidfd->get(), [&] {
    ++fired;
    EXPECT_TRUE(pidfd_ended(pidfd->get()));
  });
  ASSERT_TRUE(source.ok()) << source.error().message;
  loop_->on_turn_end([&] {
    if (fired == 0) return;
    if (++hooks_after == 3) return loop_->exit(fired);
    EXPECT_TRUE(loop_->post([] {}));  // more turns: it must not fire again
  });
  ASSERT_TRUE(loop_->post([&] {
    EXPECT_FALSE(pidfd_ended(pidfd->get()));
    pipe[1].reset();
  }));
  EXPECT_EQ(run(), 1);
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(WEXITSTATUS(status), 3);
}

TEST_F(EventLoopTest, SignalsComeToTheLoop) {
  int seen = 0;
  auto source = loop_->add_signal(SIGUSR2, [&] {
    if (++seen == 2) loop_->exit(0);
    if (seen == 1) ::kill(::getpid(), SIGUSR2);
  });
  ASSERT_TRUE(source.ok()) << source.error().message;
  sigset_t mask;
  ::pthread_sigmask(SIG_BLOCK, nullptr, &mask);
  EXPECT_EQ(::sigismember(&mask, SIGUSR2), 1);
  EXPECT_FALSE(loop_->add_signal(SIGUSR2, [] {}).ok());
  ::kill(::getpid(), SIGUSR2);
  EXPECT_EQ(run(), 0);
  EXPECT_EQ(seen, 2);
}

TEST_F(EventLoopTest, FeedsTheWatchdogAndTellsItsStatus) {
  char folder[] = "/tmp/takt-sd-XXXXXX";
  ASSERT_NE(::mkdtemp(folder), nullptr);
  const std::string path = std::string(folder) + "/notify";
  const UniqueFd manager(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  ASSERT_EQ(::bind(manager.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  ::setenv("NOTIFY_SOCKET", path.c_str(), 1);
  ::setenv("WATCHDOG_USEC", "50000", 1);
  ::unsetenv("WATCHDOG_PID");

  loop_->enable_watchdog();
  loop_->set_status("3 running\n1 queued");
  std::vector<std::string> told;
  auto io = loop_->add_io(manager.get(), EPOLLIN, [&](std::uint32_t) {
    char text[256];
    const ssize_t got = ::recv(manager.get(), text, sizeof text, 0);
    if (got > 0) told.emplace_back(text, static_cast<std::size_t>(got));
    if (told.size() == 3) loop_->exit(0);
  });
  ASSERT_TRUE(io.ok());
  EXPECT_EQ(run(), 0);
  EXPECT_EQ(std::count(told.begin(), told.end(), "STATUS=3 running 1 queued"), 1);
  EXPECT_EQ(std::count(told.begin(), told.end(), "WATCHDOG=1"), 2);
  ::unsetenv("NOTIFY_SOCKET");
  ::unsetenv("WATCHDOG_USEC");
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace takt::sd
