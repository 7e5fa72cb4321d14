// SPDX-License-Identifier: Apache-2.0
#include "base/process.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

namespace takt {
namespace {

rlimit descriptor_limit() {
  rlimit limit{};
  EXPECT_EQ(::getrlimit(RLIMIT_NOFILE, &limit), 0);
  return limit;
}

TEST(DescriptorLimit, IsRaisedToWhatIsAllowed) {
  const rlimit before = descriptor_limit();
  const rlimit low{.rlim_cur = 64, .rlim_max = before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &low), 0);
  ASSERT_TRUE(raise_descriptor_limit().ok());
  EXPECT_EQ(descriptor_limit().rlim_cur, before.rlim_max);
  EXPECT_EQ(descriptor_limit().rlim_max, before.rlim_max);
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
}

TEST(Pidfd, TellsTheEndAndReachesNobodyAfterIt) {
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::pause();
    ::_exit(0);
  }
  const auto pidfd = open_pidfd(pid);
  ASSERT_TRUE(pidfd.ok());
  EXPECT_FALSE(pidfd_ended(pidfd->get()));
  ASSERT_TRUE(signal_pidfd(pidfd->get(), SIGKILL).ok());
  int status = 0;
  ASSERT_EQ(::waitpid(pid, &status, 0), pid);
  EXPECT_TRUE(WIFSIGNALED(status));
  EXPECT_TRUE(pidfd_ended(pidfd->get()));
  const auto again = signal_pidfd(pidfd->get(), SIGKILL);
  ASSERT_FALSE(again.ok());
  EXPECT_EQ(again.error().error_number, ESRCH);
}

TEST(ProcessStartTicks, AreTheSameEachTimeAndThereForTheLivingOnly) {
  const auto ticks = process_start_ticks(::getpid());
  ASSERT_TRUE(ticks.ok());
  EXPECT_GT(*ticks, 0U);
  EXPECT_EQ(process_start_ticks(::getpid()).value(), *ticks);
  EXPECT_FALSE(process_start_ticks(0).ok());
}

TEST(Descriptors, MayBeOpenedUpToTheLimit) {
  const rlimit before = descriptor_limit();
  const int lowest_free = ::open("/", O_PATH | O_CLOEXEC);
  ASSERT_EQ(::close(lowest_free), 0);
  rlimit few = before;
  few.rlim_cur = static_cast<rlim_t>(lowest_free) + 3;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &few), 0);
  const bool three = can_open(3);
  const bool four = can_open(4);
  few.rlim_cur = static_cast<rlim_t>(lowest_free);
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &few), 0);
  const bool one_of_none = can_open(1);
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_TRUE(three);
  EXPECT_FALSE(four);
  EXPECT_FALSE(one_of_none);
}

}  // namespace
}  // namespace takt
