// SPDX-License-Identifier: Apache-2.0
#include "rpc/refusals.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/log_capture.h"

namespace takt::rpc {
namespace {

using test::LogCapture;
using ::testing::ElementsAre;

Principal local_user(const std::string& name) {
  Principal principal;
  principal.role = Role::kUser;
  principal.via = Via::kUnixSocket;
  principal.uid = 1000;
  principal.user_name = name;
  return principal;
}

TEST(Refusals, OneAccountLeavesLinesToTheOthers) {
  BootTime now = BootTime(std::chrono::hours(1));
  RefusalLines lines([&now] { return now; });
  for (std::size_t i = 0; i < limits::kRefusalLinesOfAccount; ++i)
    EXPECT_TRUE(lines.admit("alice")) << i;
  for (int i = 0; i < 1000; ++i) EXPECT_FALSE(lines.admit("alice")) << i;
  EXPECT_TRUE(lines.admit("bob"));
  now += std::chrono::minutes(1);
  EXPECT_TRUE(lines.admit("alice"));
}

TEST(Refusals, AllAccountsTogetherAreBounded) {
  BootTime now = BootTime(std::chrono::hours(1));
  RefusalLines lines([&now] { return now; });
  std::size_t admitted = 0;
  for (int i = 0; i < 10'000; ++i)
    if (lines.admit("uid " + std::to_string(i))) ++admitted;
  EXPECT_EQ(admitted, limits::kRefusalLinesPerMinute);
}

TEST(Refusals, TheLineSaysWhoWhatAndWhy) {
  const LogCapture captured;
  const Error error = make_error(ErrorCode::kPermissionDenied, "job 1 was submitted by user bob");
  const RefusalAudit audit;
  audit.note(local_user("refused"), "JobService.StopJob", "", error);
  Principal certified;
  certified.role = Role::kUser;
  certified.via = Via::kTls;
  certified.certificate = "takt://user/refused";
  audit.note(certified, "JobService.StopJob", "ipv4:10.0.0.7:4711", error);
  EXPECT_THAT(
      LogCapture::lines(),
      ElementsAre("refused JobService.StopJob to refused (uid 1000): job 1 was submitted by "
                  "user bob",
                  "refused JobService.StopJob to takt://user/refused at "
                  "ipv4:10.0.0.7:4711: job 1 was submitted by user bob"));
}

}  // namespace
}  // namespace takt::rpc
