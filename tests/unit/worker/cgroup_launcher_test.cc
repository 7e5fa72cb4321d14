// SPDX-License-Identifier: Apache-2.0
// Launcher cgroup: which users have a directory.
#include "worker/cgroup_launcher.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "base/fs.h"
#include "unit/sd/loop_thread.h"

namespace takt::worker {
namespace {

constexpr uid_t kFirstUser = 5000;

class CgroupLauncherTest : public testing::Test {
 protected:
  CgroupLauncherTest() { start(); }
  ~CgroupLauncherTest() override {
    stop();
    auto tree = cgroup::Tree::find();
    auto root = tree ? cgroup::Cgroup::open(*tree, "/") : Result<cgroup::Cgroup>(tree.error());
    if (root) static_cast<void>(root->remove_child(name_));
  }

  // No supervisor comes, so that a park() fails after its directories were made.
  void start() {
    loop_.run([this] {
      spawner_ = std::make_unique<Spawner>(loop_.loop(), "/nonexistent/takt-supervisor");
      launcher_ = std::make_unique<CgroupLauncher>(loop_.loop(), *spawner_, nullptr, name_);
    });
  }
  void stop() {
    loop_.run([this] {
      launcher_.reset();
      spawner_.reset();
    });
  }
  LivePtr park(uid_t uid) {
    auto live = std::make_shared<LiveAttempt>();
    live->record.id = {Uuid::random(), 1};
    live->identity.uid = uid;
    bool answered = false;
    loop_.run([&] { launcher_->park(*live, [&](const auto&) { answered = true; }); });
    TAKT_CHECK(loop_.wait([&] { return answered; }), "park");
    return live;
  }
  void release(const LivePtr& live) {
    loop_.run([&] { launcher_->release(*live); });
  }
  [[nodiscard]] std::string directory(uid_t uid) const { return "u" + std::to_string(uid); }
  // The place's directories of users.
  std::vector<std::string> users() {
    auto tree = cgroup::Tree::find();
    TAKT_CHECK(tree.ok(), "%s", tree.error().message.c_str());
    auto place = cgroup::Cgroup::open(*tree, "/" + name_);
    TAKT_CHECK(place.ok(), "%s", place.error().message.c_str());
    auto names = list_directory(place->fd());
    TAKT_CHECK(names.ok(), "%s", names.error().message.c_str());
    std::erase_if(*names, [](const std::string& name) {
      return name.size() < 2 || name[0] != 'u' || name[1] < '0' || name[1] > '9';
    });
    return *names;
  }
  bool has(uid_t uid) {
    const auto names = users();
    return std::find(names.begin(), names.end(), directory(uid)) != names.end();
  }

  const std::string name_ = "takt-test-" + std::to_string(::getpid());
  sd::LoopThread loop_;
  std::unique_ptr<Spawner> spawner_;
  std::unique_ptr<CgroupLauncher> launcher_;
};

TEST_F(CgroupLauncherTest, KeepsTheDirectoriesOfUsersWithJobsAndOfTheLastIdleOnes) {
  const LivePtr first = park(kFirstUser);
  const LivePtr second = park(kFirstUser);
  release(first);
  EXPECT_TRUE(has(kFirstUser)) << "it has a job";
  const auto others = static_cast<uid_t>(limits::kIdleUserPlaces + 1);
  for (uid_t i = 1; i <= others; ++i) release(park(kFirstUser + i));
  EXPECT_EQ(users().size(), limits::kIdleUserPlaces + 1);
  EXPECT_TRUE(has(kFirstUser)) << "it has a job";
  EXPECT_FALSE(has(kFirstUser + 1)) << "without jobs for longest";
  release(second);
  EXPECT_EQ(users().size(), limits::kIdleUserPlaces);
  EXPECT_TRUE(has(kFirstUser)) << "without jobs since now";
}

TEST_F(CgroupLauncherTest, ADirectoryThatASweepFoundStaysWhileItHasAJob) {
  const LivePtr of_user = park(kFirstUser);
  loop_.run([this] { launcher_->sweep([](const AttemptId&) { return true; }); });
  const LivePtr again = park(kFirstUser);
  for (uid_t i = 1; i <= limits::kIdleUserPlaces + 1; ++i) release(park(kFirstUser + i));
  EXPECT_TRUE(has(kFirstUser));
  release(again);
  release(of_user);
  EXPECT_EQ(users().size(), limits::kIdleUserPlaces);
}

}  // namespace
}  // namespace takt::worker
