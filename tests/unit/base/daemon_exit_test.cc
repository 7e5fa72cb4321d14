// SPDX-License-Identifier: Apache-2.0
#include "base/daemon_exit.h"

#include <gtest/gtest.h>

#include <cerrno>

namespace takt {
namespace {

TEST(DaemonExit, WhatARestartDoesNotCureHasACodeOfItsOwn) {
  EXPECT_EQ(exit_code_of(invalid("listen", "is wrong")), 78);
  EXPECT_EQ(exit_code_of(make_error(ErrorCode::kDataLoss, "torn")), 65);
  EXPECT_EQ(exit_code_of(make_error(ErrorCode::kNotFound, "no cgroup2")), 69);
  EXPECT_EQ(exit_code_of(make_error(ErrorCode::kFailedPrecondition, "written by a newer takt")),
            69);
  EXPECT_EQ(exit_code_of(make_error(ErrorCode::kUnimplemented, "no pidfd")), 69);
  EXPECT_EQ(exit_code_of(make_error(ErrorCode::kPermissionDenied, "may not use it")), 77);
  EXPECT_EQ(exit_code_of(system_error("open", EACCES)), 77);
  EXPECT_EQ(exit_code_of(system_error("open", EPERM)), 77);
  for (const int number : {ENOTDIR, ELOOP, ENAMETOOLONG, ENOSYS})
    EXPECT_EQ(exit_code_of(system_error("open", number)), 69) << number;
}

TEST(DaemonExit, WhatMayPassIsTriedAgain) {
  for (const int number : {ENOSPC, EIO, EMFILE, ENOMEM, EADDRINUSE, EROFS, ECONNREFUSED})
    EXPECT_EQ(exit_code_of(system_error("open", number)), 1) << number;
  for (const ErrorCode code : {ErrorCode::kUnavailable, ErrorCode::kResourceExhausted,
                               ErrorCode::kDeadlineExceeded, ErrorCode::kInternal})
    EXPECT_EQ(exit_code_of(make_error(code, "later")), 1);
}

}  // namespace
}  // namespace takt
