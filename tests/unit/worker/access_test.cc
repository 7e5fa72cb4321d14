// SPDX-License-Identifier: Apache-2.0
// Whose an attempt is to a worker, and what others get of it.
#include "worker/access.h"

#include <gtest/gtest.h>

namespace takt::worker {
namespace {

using rpc::Action;
using rpc::See;
using rpc::Sight;

Principal by_socket(const std::string& name, uid_t uid, Role role = Role::kUser) {
  Principal principal;
  principal.role = role;
  principal.via = Via::kUnixSocket;
  principal.uid = uid;
  principal.user_name = name;
  return principal;
}

Principal by_certificate(const std::string& uri) {
  Principal principal;
  principal.role = Role::kUser;
  principal.via = Via::kTls;
  principal.certificate = uri;
  return principal;
}

Acceptance taken(const std::string& owner, const std::string& by, uid_t uid) {
  Acceptance acceptance;
  acceptance.owner = owner;
  acceptance.submitted_by = by;
  acceptance.caller_uid = uid;
  return acceptance;
}

enum class Gets { kAll, kSummary, kNothing };

Gets gets(const Principal& principal, Action action, const Acceptance& acceptance,
          See see = See::kOwn) {
  const auto sight = may(principal, action, {}, acceptance, see);
  if (!sight) return Gets::kNothing;
  return *sight == Sight::kWhole ? Gets::kAll : Gets::kSummary;
}

const Principal kAlice = by_socket("alice", 4001);
const Principal kBob = by_socket("bob", 4002);
const Principal kScheduler = by_socket("takt-scheduler", 990, Role::kScheduler);
const Principal kAdmin = by_socket("admin", 4003, Role::kOperator);

TEST(AttemptAccess, ADirectAttemptIsOfWhoStartedIt) {
  const Acceptance bobs = taken(kDirectOwner, "bob", 4002);
  for (const Action action : {Action::kWorkerQueryJob, Action::kWorkerReadOutput,
                              Action::kWorkerListJobs, Action::kWorkerStopJob}) {
    EXPECT_EQ(gets(kBob, action, bobs), Gets::kAll) << rpc::action_name(action);
    EXPECT_EQ(gets(kAdmin, action, bobs), Gets::kAll) << rpc::action_name(action);
  }
  // One has got bob's name, and one his uid.
  for (const Principal& other :
       {kAlice, kScheduler, by_socket("bob", 4009), by_socket("carol", 4002)}) {
    EXPECT_EQ(gets(other, Action::kWorkerQueryJob, bobs), Gets::kSummary);
    EXPECT_EQ(gets(other, Action::kWorkerReadOutput, bobs), Gets::kNothing);
    EXPECT_EQ(gets(other, Action::kWorkerStopJob, bobs), Gets::kNothing);
  }
  const Acceptance certified = taken(kDirectOwner, "takt://user/bob", kNoUid);
  EXPECT_EQ(gets(by_certificate("takt://user/bob"), Action::kWorkerStopJob, certified), Gets::kAll);
  EXPECT_EQ(gets(kBob, Action::kWorkerReadOutput, certified), Gets::kNothing);
}

TEST(AttemptAccess, WhatASchedulerSentIsShownToItAndToWhoSubmittedIt) {
  const Acceptance sent = taken("store-1", "user bob", 990);
  for (const Principal& owner : {kScheduler, kBob, kAdmin}) {
    EXPECT_EQ(gets(owner, Action::kWorkerReadOutput, sent), Gets::kAll);
    EXPECT_EQ(gets(owner, Action::kWorkerQueryJob, sent), Gets::kAll);
  }
  EXPECT_EQ(gets(kAlice, Action::kWorkerReadOutput, sent), Gets::kNothing);
  EXPECT_EQ(gets(by_certificate("takt://user/bob"), Action::kWorkerReadOutput, sent),
            Gets::kNothing);
  EXPECT_EQ(gets(kBob, Action::kWorkerStopJob, sent), Gets::kNothing) << "the scheduler does that";
  EXPECT_EQ(gets(kAdmin, Action::kWorkerStopJob, sent), Gets::kAll);
}

TEST(AttemptAccess, AReaderSeesAllAndActsOnNothing) {
  for (Acceptance bobs : {taken(kDirectOwner, "bob", 4002), taken("store-1", "user bob", 990)}) {
    bobs.spec.readers = {"alice", "takt://user/carol"};
    for (const Principal& reader : {kAlice, by_certificate("takt://user/carol")}) {
      EXPECT_EQ(gets(reader, Action::kWorkerQueryJob, bobs), Gets::kAll);
      EXPECT_EQ(gets(reader, Action::kWorkerReadOutput, bobs), Gets::kAll);
      EXPECT_EQ(gets(reader, Action::kWorkerStopJob, bobs), Gets::kNothing);
    }
    for (const Principal& other :
         {by_socket("carol", 4005), by_certificate("takt://user/alice"), by_socket("", 4006)})
      EXPECT_EQ(gets(other, Action::kWorkerReadOutput, bobs), Gets::kNothing);
  }
}

TEST(AttemptAccess, SeeAllShowsAndLetsActOnNone) {
  const Acceptance bobs = taken(kDirectOwner, "bob", 4002);
  EXPECT_EQ(gets(kAlice, Action::kWorkerReadOutput, bobs, See::kAll), Gets::kAll);
  EXPECT_EQ(gets(kAlice, Action::kWorkerQueryJob, bobs, See::kAll), Gets::kAll);
  EXPECT_EQ(gets(kAlice, Action::kWorkerStopJob, bobs, See::kAll), Gets::kNothing);
}

}  // namespace
}  // namespace takt::worker
