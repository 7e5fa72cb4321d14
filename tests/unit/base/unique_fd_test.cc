// SPDX-License-Identifier: Apache-2.0
#include "base/unique_fd.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <utility>

namespace takt {
namespace {

UniqueFd open_null() { return UniqueFd(::open("/dev/null", O_RDONLY | O_CLOEXEC)); }

bool is_open(int fd) { return ::fcntl(fd, F_GETFD) >= 0; }

TEST(UniqueFd, ClosesWhatItOwns) {
  int number = -1;
  {
    const UniqueFd owner = open_null();
    number = owner.get();
    ASSERT_TRUE(is_open(number));
  }
  EXPECT_FALSE(is_open(number));
}

TEST(UniqueFd, EmptyHoldsNothing) {
  const UniqueFd empty;
  EXPECT_FALSE(empty);
  EXPECT_EQ(empty.get(), -1);
}

TEST(UniqueFd, MoveConstructionEmptiesTheSource) {
  UniqueFd first = open_null();
  const int number = first.get();
  const UniqueFd second(std::move(first));
  EXPECT_EQ(second.get(), number);
  EXPECT_FALSE(first);  // NOLINT(bugprone-use-after-move): that is what is tested
  EXPECT_TRUE(is_open(number));
}

TEST(UniqueFd, MoveAssignmentClosesTheOldOne) {
  UniqueFd target = open_null();
  UniqueFd source = open_null();
  const int old = target.get();
  const int fresh = source.get();
  target = std::move(source);
  EXPECT_FALSE(is_open(old));
  EXPECT_EQ(target.get(), fresh);
  EXPECT_FALSE(source);  // NOLINT(bugprone-use-after-move): that is what is tested
}

TEST(UniqueFd, MoveToItselfKeepsTheDescriptor) {
  UniqueFd owner = open_null();
  UniqueFd& same = owner;
  const int number = owner.get();
  owner = std::move(same);
  EXPECT_EQ(owner.get(), number);
  EXPECT_TRUE(is_open(number));
}

TEST(UniqueFd, ReleaseGivesTheDescriptorAway) {
  UniqueFd owner = open_null();
  const int number = owner.release();
  EXPECT_FALSE(owner);
  EXPECT_TRUE(is_open(number));
  ::close(number);
}

TEST(UniqueFd, ClosingKeepsErrno) {
  UniqueFd owner(1 << 20);  // not open: close fails with EBADF
  errno = ENOSPC;
  owner.reset();
  EXPECT_EQ(errno, ENOSPC);
}

}  // namespace
}  // namespace takt
