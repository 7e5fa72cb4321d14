// SPDX-License-Identifier: Apache-2.0
#include "rpc/authorize.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

namespace takt::rpc {
namespace {

using ::testing::HasSubstr;

Caller caller_with(Role role) {
  Caller caller;
  caller.role = role;
  caller.local = true;
  caller.uid = 1000;
  caller.gid = 1000;
  caller.user_name = "alice";
  return caller;
}

const std::set<Action> kUserActions = {
    Action::kSubmitJob,  Action::kSubmitJobs, Action::kGetJob,     Action::kListJobs,
    Action::kStopJob,    Action::kPauseJob,   Action::kResumeJob,  Action::kRetryJob,
    Action::kExplainJob, Action::kWatchJobs,  Action::kReadOutput, Action::kListWorkers,
    Action::kHoldJob,    Action::kReleaseJob, Action::kUpdateJob,  Action::kPlanJob,
    Action::kCountJobs,
};
const std::set<Action> kDirectActions = {Action::kWorkerStartJob, Action::kWorkerStopJob,
                                         Action::kWorkerQueryJob, Action::kWorkerListJobs,
                                         Action::kWorkerReadOutput};
const std::set<Action> kOperatorActions = {Action::kDrainWorker,  Action::kUndrainWorker,
                                           Action::kForgetWorker, Action::kListOrphans,
                                           Action::kStopOrphan,   Action::kAdoptOrphan};
const std::set<Action> kWorkerActions = {Action::kRegisterWorker, Action::kDeregisterWorker};
const std::set<Action> kSessionActions = {Action::kWorkerSession};
const std::vector<std::set<Action>> kAll = {kUserActions, kDirectActions, kOperatorActions,
                                            kWorkerActions, kSessionActions};

// The role may do exactly what is in these sets, of all that there is.
void expect_exactly(Role role, const std::vector<std::set<Action>>& allowed) {
  for (const auto& set : kAll) {
    const bool expected = std::find(allowed.begin(), allowed.end(), set) != allowed.end();
    for (const Action action : set) {
      EXPECT_EQ(authorize(caller_with(role), action).ok(), expected)
          << role_name(role) << " " << action_name(action);
    }
  }
}

TEST(Authorize, TableByRole) {
  expect_exactly(Role::kNone, {});
  expect_exactly(Role::kUser, {kUserActions, kDirectActions});
  expect_exactly(Role::kOperator, {kUserActions, kDirectActions, kOperatorActions});
  expect_exactly(Role::kScheduler, {kDirectActions, kSessionActions});
  expect_exactly(Role::kWorker, {kWorkerActions});
}

TEST(Authorize, EveryRolePassesAll) {
  Caller root = caller_with(Role::kOperator);
  root.every_role = true;
  for (const auto& set : kAll) {
    for (const Action action : set) EXPECT_TRUE(authorize(root, action).ok());
  }
}

TEST(Authorize, RefusalSaysWhatToDo) {
  const auto none = authorize(caller_with(Role::kNone), Action::kSubmitJob);
  ASSERT_FALSE(none.ok());
  EXPECT_EQ(none.error().code, ErrorCode::kPermissionDenied);
  EXPECT_EQ(none.error().message,
            "alice may not call JobService.SubmitJob: alice is not in group takt: sudo usermod -aG "
            "takt alice, then log in again");
  const auto user = authorize(caller_with(Role::kUser), Action::kDrainWorker);
  ASSERT_FALSE(user.ok());
  EXPECT_THAT(user.error().message, HasSubstr("sudo usermod -aG takt-admin alice"));
  const auto session = authorize(caller_with(Role::kOperator), Action::kWorkerSession);
  ASSERT_FALSE(session.ok());
  EXPECT_THAT(session.error().message, HasSubstr("takt-scheduler"));
  Caller nameless;
  nameless.uid = 4711;
  const auto by_number = authorize(nameless, Action::kListJobs);
  ASSERT_FALSE(by_number.ok());
  EXPECT_THAT(by_number.error().message, HasSubstr("uid 4711 may not"));
  EXPECT_THAT(by_number.error().message, HasSubstr("usermod -aG takt $USER"));
}

}  // namespace
}  // namespace takt::rpc
