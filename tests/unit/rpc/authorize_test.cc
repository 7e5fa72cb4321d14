// SPDX-License-Identifier: Apache-2.0
#include "rpc/authorize.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "base/fs.h"

namespace takt::rpc {
namespace {

using ::testing::HasSubstr;

Caller caller_with(Role role) {
  Caller caller;
  caller.role = role;
  caller.via = Via::kUnixSocket;
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
    Action::kCountJobs,  Action::kGetLimits,
};
const std::set<Action> kDirectActions = {Action::kWorkerStartJob,  Action::kWorkerStopJob,
                                         Action::kWorkerQueryJob,  Action::kWorkerListJobs,
                                         Action::kWorkerPauseJob,  Action::kWorkerResumeJob,
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

const std::set<Action> kShowing = {Action::kGetJob, Action::kListJobs, Action::kWatchJobs,
                                   Action::kWorkerQueryJob, Action::kWorkerListJobs};
const std::set<Action> kShowingOutput = {Action::kExplainJob, Action::kReadOutput,
                                         Action::kWorkerReadOutput};
const std::set<Action> kActing = {
    Action::kStopJob,        Action::kPauseJob,       Action::kResumeJob, Action::kRetryJob,
    Action::kHoldJob,        Action::kReleaseJob,     Action::kUpdateJob, Action::kWorkerStopJob,
    Action::kWorkerPauseJob, Action::kWorkerResumeJob};

Access expected_of_another(Action action) {
  if (action == Action::kGetLimits) return Access::kNo;
  if (kShowing.contains(action)) return Access::kSummary;
  if (kShowingOutput.contains(action)) return Access::kIfShown;
  return kActing.contains(action) ? Access::kNo : Access::kYes;
}

const JobOwner kOwn{"job-1", "user alice", Whose::kOwn};
const JobOwner kAnother{"job-1", "user bob", Whose::kAnother};
const JobOwner kReaders{"job-1", "user bob", Whose::kReaders};

// Every cell: what may() decides is what the table says, and what it says is as it should be.
TEST(May, EveryCellOfTheTable) {
  for (int number = 0; number < static_cast<int>(Action::kEnd); ++number) {
    const auto action = static_cast<Action>(number);
    for (const Role role : {Role::kUser, Role::kOperator, Role::kScheduler, Role::kWorker}) {
      const Caller caller = caller_with(role);
      const std::string cell = std::string(role_name(role)) + " " + action_name(action);
      if (!authorize(caller, action)) {
        for (const See see : {See::kOwn, See::kAll}) {
          EXPECT_FALSE(may(caller, action, kOwn, see).ok()) << cell;
          EXPECT_FALSE(may(caller, action, kAnother, see).ok()) << cell;
        }
        continue;
      }
      EXPECT_EQ(may(caller, action, kOwn, See::kOwn).value(), Sight::kWhole) << cell;
      const Access access = role == Role::kOperator ? Access::kYes : expected_of_another(action);
      EXPECT_EQ(access_of(caller, action, Whose::kAnother), access) << cell;
      const auto sight = may(caller, action, kAnother, See::kOwn);
      EXPECT_EQ(sight.ok(), access == Access::kYes || access == Access::kSummary) << cell;
      if (sight) {
        EXPECT_EQ(*sight == Sight::kSummary, access == Access::kSummary) << cell;
      }
      EXPECT_EQ(may(caller, action, kAnother, See::kAll).ok(), access != Access::kNo) << cell;
      const auto reader = may(caller, action, kReaders, See::kOwn);
      EXPECT_EQ(reader.ok(), access != Access::kNo) << cell;
      if (reader) {
        EXPECT_EQ(*reader, Sight::kWhole) << cell;
      }
    }
  }
}

TEST(May, RefusalSaysWhoMay) {
  const auto refused = [](Action action) {
    return may(caller_with(Role::kUser), action, kAnother, See::kOwn).error();
  };
  EXPECT_EQ(refused(Action::kStopJob).code, ErrorCode::kPermissionDenied);
  EXPECT_EQ(refused(Action::kStopJob).message,
            "job job-1 was submitted by user bob; only they and operators may act on it");
  EXPECT_EQ(refused(Action::kReadOutput).message,
            "job job-1 was submitted by user bob; only they and operators may read its output, "
            "unless [access] see = all");
}

TEST(May, ThePageHasTheTable) {
  const auto page =
      read_file(AT_FDCWD, std::string(TAKT_SOURCE_ROOT) + "/docs/security.md", 1 << 20);
  ASSERT_TRUE(page.ok()) << page.error().message;
  EXPECT_NE(page->find("\n" + access_table() + "\n"), std::string::npos)
      << "docs/security.md must hold:\n"
      << access_table();
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
