// SPDX-License-Identifier: Apache-2.0
// Daemons that inherit any signals, descriptors and umask, and get signals before they serve.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <string>
#include <vector>

#include "base/fs.h"
#include "component/fleet.h"

namespace takt::component {
namespace {

constexpr int kStarts = 8;

class Startup : public Fleet {
 protected:
  void SetUp() override {
    Fleet::SetUp();
    add_worker("one");
    daemons_ = {workers_.front().get(), scheduler_.get()};
  }
  // Both with other surroundings; back when the worker is READY again.
  void start_again(const std::vector<std::string>& under) {
    for (DaemonProcess* daemon : daemons_) daemon->stop();
    for (DaemonProcess* daemon : daemons_) daemon->start(under);
    ASSERT_TRUE(wait_worker("one", v1::WORKER_STATE_READY)) << workers_.front()->log();
  }
  // The first is the worker, so that it goes while the scheduler is there.
  std::array<DaemonProcess*, 2> daemons_{};
};

// A daemon that has opened its configuration, and reads it.
class Reading {
 public:
  // In place of the file there is a pipe, until the daemon has opened that.
  explicit Reading(DaemonProcess& daemon) {
    const std::string path = daemon.configuration();
    text_ = read_file(AT_FDCWD, path, 1 << 20).value();
    EXPECT_EQ(::unlink(path.c_str()), 0);
    EXPECT_EQ(::mkfifo(path.c_str(), 0600), 0);
    daemon.start();
    EXPECT_TRUE(eventually([&] {
      auto opened = open_at(AT_FDCWD, path, O_WRONLY | O_NONBLOCK);
      if (opened) pipe_ = std::move(*opened);
      return opened.ok();
    })) << "it does not read "
        << path;
    EXPECT_TRUE(replace_file(AT_FDCWD, path, text_, 0644).ok());
  }
  void let_go_on() {
    EXPECT_TRUE(write_all(pipe_.get(), text_, "pipe").ok());
    pipe_.reset();
  }

 private:
  std::string text_;
  UniqueFd pipe_;
};

TEST_F(Startup, ATerminationThatComesEarlyEndsADaemonInOrder) {
  for (DaemonProcess* daemon : daemons_) {
    daemon->stop();
    Reading reading(*daemon);
    daemon->signal(SIGTERM);
    reading.let_go_on();
    daemon->expect_end();
  }
  for (DaemonProcess* daemon : daemons_) daemon->start();
  ASSERT_TRUE(wait_worker("one", v1::WORKER_STATE_READY));
}

TEST_F(Startup, AReloadThatComesEarlyEndsNoDaemon) {
  for (DaemonProcess* daemon : daemons_) daemon->stop();
  for (DaemonProcess* daemon : daemons_) {
    Reading reading(*daemon);
    daemon->signal(SIGHUP);
    reading.let_go_on();
    EXPECT_TRUE(eventually([&] { return daemon->log().find("reloaded") != std::string::npos; }))
        << daemon->log();
  }
  ASSERT_TRUE(wait_worker("one", v1::WORKER_STATE_READY));
}

TEST_F(Startup, ATerminationAtAnyMomentEndsADaemonInOrder) {
  for (DaemonProcess* daemon : daemons_) {
    for (int i = 0; i < kStarts; ++i) {
      daemon->stop();  // which expects exit code 0
      daemon->start();
    }
  }
  ASSERT_TRUE(wait_worker("one", v1::WORKER_STATE_READY));
}

TEST_F(Startup, SignalsThatWereIgnoredAndBlockedCount) {
  start_again({"/usr/bin/env", "--ignore-signal=TERM,INT,QUIT,HUP,CHLD,PIPE,USR1",
               "--block-signal=TERM,HUP,CHLD,USR1"});
  EXPECT_EQ(follow(submit(sh("exec grep -E '^Sig(Blk|Ign)' /proc/self/status"))).out,
            "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
  // Its exit status is waited for.
  const pid_t spawner = workers_.front()->spawner();
  ASSERT_GT(spawner, 0);
  ASSERT_EQ(::kill(spawner, SIGKILL), 0);
  EXPECT_EQ(follow(submit(sh("echo again"))).out, "again\n");
  EXPECT_NE(workers_.front()->spawner(), spawner);
  for (DaemonProcess* daemon : daemons_) {
    daemon->signal(SIGHUP);
    EXPECT_TRUE(eventually([&] { return daemon->log().find("reloaded") != std::string::npos; }))
        << daemon->log();
  }
}

TEST_F(Startup, AUmaskKeepsNoUserFromTheirJobs) {
  start_again({"/bin/sh", "-c", "umask 077; exec \"$0\" \"$@\""});
  v1::JobSpec spec;
  spec.set_script("#!/bin/sh\nid -un\n");
  const Output output = follow(submit(spec));
  EXPECT_EQ(output.out, "nobody\n") << output.err;
}

TEST_F(Startup, NothingTakesThePlaceOfAStandardStreamThatWasClosed) {
  start_again({"/bin/sh", "-c", "exec \"$0\" \"$@\" <&- >&- 2>&-"});
  EXPECT_EQ(follow(submit(sh("echo out; echo err >&2"))).out, "out\n");
  for (const pid_t pid : {scheduler_->pid(), workers_.front()->pid(), workers_.front()->spawner()})
    for (const char* fd : {"0", "1", "2"}) {
      const std::string link = "/proc/" + std::to_string(pid) + "/fd/" + fd;
      std::array<char, 64> target{};
      ASSERT_GT(::readlink(link.c_str(), target.data(), target.size() - 1), 0) << link;
      EXPECT_STREQ(target.data(), "/dev/null") << link;
    }
}

}  // namespace
}  // namespace takt::component
