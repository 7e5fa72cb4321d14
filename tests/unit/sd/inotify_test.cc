// SPDX-License-Identifier: Apache-2.0
#include "sd/inotify.h"

#include <fcntl.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace takt::sd {
namespace {

using namespace std::chrono_literals;

class InotifyTest : public testing::Test {
 protected:
  void SetUp() override {
    char folder[] = "/tmp/takt-inotify-XXXXXX";
    ASSERT_NE(::mkdtemp(folder), nullptr);
    folder_ = folder;
    auto loop = EventLoop::create();
    ASSERT_TRUE(loop.ok()) << loop.error().message;
    loop_ = std::move(*loop);
    auto inotify = Inotify::create(*loop_);
    ASSERT_TRUE(inotify.ok()) << inotify.error().message;
    inotify_ = std::move(*inotify);
    guard_ = loop_->add_timer(20s, [this] {
      ADD_FAILURE() << "the event did not come";
      loop_->exit(-1);
    });
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string make(const std::string& name) {
    const std::string path = folder_ + "/" + name;
    append(path);
    return path;
  }
  static void append(const std::string& path) { std::ofstream(path, std::ios::app) << "x"; }

  Inotify::Watch watch(const std::string& path, std::uint32_t mask, Inotify::Callback fn) {
    auto made = inotify_->watch(path, mask, std::move(fn));
    EXPECT_TRUE(made.ok()) << made.error().message;
    return made.ok() ? std::move(*made) : Inotify::Watch();
  }

  // Ends the loop after its first turn: the kernel queues events as they happen, so that turn
  // delivers all that came before.
  void exit_after_events() {
    loop_->on_turn_end([this] { loop_->exit(0); });
    ASSERT_TRUE(loop_->post([] {}));
  }

  std::string folder_;
  std::unique_ptr<EventLoop> loop_;
  std::unique_ptr<Inotify> inotify_;
  Source guard_;
};

TEST_F(InotifyTest, TellsAWatcherOfItsOwnFileOnly) {
  const std::string mine = make("mine");
  const std::string other = make("other");
  std::uint32_t seen = 0;
  const auto on_mine = watch(mine, IN_MODIFY, [&](std::uint32_t mask) { seen |= mask; });
  const auto on_other = watch(other, IN_MODIFY, [&](std::uint32_t) { FAIL(); });
  append(mine);
  exit_after_events();
  EXPECT_EQ(*loop_->run(), 0);
  EXPECT_EQ(seen, std::uint32_t{IN_MODIFY});
}

TEST_F(InotifyTest, WatchesOfOneFileDoNotDisturbEachOther) {
  const std::string path = make("file");
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  std::uint32_t first = 0;
  std::uint32_t second = 0;
  auto by_path = watch(path, IN_MODIFY, [&](std::uint32_t mask) { first |= mask; });
  auto made = inotify_->watch(fd.get(), IN_ATTRIB, [&](std::uint32_t mask) { second |= mask; });
  ASSERT_TRUE(made.ok()) << made.error().message;
  auto removed = watch(path, IN_MODIFY, [&](std::uint32_t) { FAIL(); });
  removed.reset();
  EXPECT_FALSE(removed);
  append(path);
  std::filesystem::permissions(path, std::filesystem::perms::owner_read);
  exit_after_events();
  EXPECT_EQ(*loop_->run(), 0);
  EXPECT_EQ(first, std::uint32_t{IN_MODIFY});
  EXPECT_EQ(second, std::uint32_t{IN_ATTRIB});
}

TEST_F(InotifyTest, ARemovedWatchIsNotCalledForWhatHappenedBefore) {
  const std::string path = make("file");
  auto gone = watch(path, IN_MODIFY, [&](std::uint32_t) { FAIL(); });
  append(path);
  gone.reset();
  int calls = 0;
  const auto anew = watch(path, IN_MODIFY, [&](std::uint32_t) { ++calls; });
  append(path);
  exit_after_events();
  EXPECT_EQ(*loop_->run(), 0);
  EXPECT_EQ(calls, 1);
}

TEST_F(InotifyTest, AWatchMayEndItselfAndItsNeighbour) {
  const std::string path = make("file");
  int calls = 0;
  Inotify::Watch first;
  Inotify::Watch second;
  const auto end_both = [&](std::uint32_t) {
    ++calls;
    first.reset();
    second.reset();
  };
  first = watch(path, IN_MODIFY, end_both);
  second = watch(path, IN_MODIFY, end_both);
  append(path);
  exit_after_events();
  EXPECT_EQ(*loop_->run(), 0);
  EXPECT_EQ(calls, 1);
}

TEST_F(InotifyTest, AFileThatGoesAwaySaysSoAndIsForgotten) {
  const std::string path = make("file");
  std::vector<std::uint32_t> seen;
  auto gone = watch(path, IN_MODIFY, [&](std::uint32_t mask) {
    seen.push_back(mask);
    loop_->exit(0);
  });
  std::filesystem::remove(path);
  EXPECT_EQ(*loop_->run(), 0);
  EXPECT_EQ(seen, std::vector<std::uint32_t>{IN_IGNORED});
  gone.reset();
}

TEST_F(InotifyTest, OverflowCallsEveryWatcher) {
  const std::string one = make("one");
  const std::string two = make("two");
  const std::string quiet = make("quiet");
  std::uint32_t at_quiet = 0;
  std::uint32_t at_one = 0;
  const auto watch_one = watch(one, IN_MODIFY, [&](std::uint32_t mask) { at_one |= mask; });
  const auto watch_two = watch(two, IN_MODIFY, [](std::uint32_t) {});
  const auto watch_quiet = watch(quiet, IN_MODIFY, [&](std::uint32_t mask) {
    at_quiet |= mask;
    loop_->exit(0);
  });
  int queue = 0;
  std::ifstream("/proc/sys/fs/inotify/max_queued_events") >> queue;
  ASSERT_GT(queue, 0);
  const UniqueFd fd_one(::open(one.c_str(), O_WRONLY | O_CLOEXEC));
  const UniqueFd fd_two(::open(two.c_str(), O_WRONLY | O_CLOEXEC));
  for (int i = 0; i <= queue; ++i)  // two by turns: equal events in a row are merged
    ASSERT_EQ(::pwrite((i % 2 == 0 ? fd_one : fd_two).get(), "x", 1, 0), 1);
  EXPECT_EQ(*loop_->run(), 0);
  EXPECT_EQ(at_quiet, std::uint32_t{IN_Q_OVERFLOW});
  EXPECT_EQ(at_one, std::uint32_t{IN_MODIFY | IN_Q_OVERFLOW});
}

TEST_F(InotifyTest, WatchesOutliveItAsEmptyShells) {
  const std::string path = make("file");
  auto orphan = watch(path, IN_MODIFY, [&](std::uint32_t) { FAIL(); });
  auto killer = watch(folder_, IN_MODIFY, [&](std::uint32_t) { FAIL(); });
  append(path);
  inotify_.reset();
  exit_after_events();
  EXPECT_EQ(*loop_->run(), 0);
  orphan.reset();
}

TEST_F(InotifyTest, AMissingFileIsNamed) {
  const auto made = inotify_->watch(folder_ + "/nothing", IN_MODIFY, [](std::uint32_t) {});
  ASSERT_FALSE(made.ok());
  EXPECT_EQ(made.error().error_number, ENOENT);
  EXPECT_NE(made.error().message.find("/nothing"), std::string::npos);
}

}  // namespace
}  // namespace takt::sd
