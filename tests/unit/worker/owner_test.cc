// SPDX-License-Identifier: Apache-2.0
// Every look-up of an attempt takes its owner, and finds nothing of another one.
#include "worker/owner.h"

#include <gtest/gtest.h>

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "unit/base/temp_folder.h"
#include "unit/job/specs.h"
#include "worker/live_attempt.h"
#include "worker/policy.h"
#include "worker/state_folder.h"
#include "worker/stored.h"

namespace takt::worker {
namespace {

constexpr const char* kStore = "7a359f99-4e9f-4d45-99c0-111c20c503f8";
constexpr const char* kOtherStore = "b4b1a1d0-5b2c-4d0e-8e4b-6f8f0f0f2b61";

Acceptance acceptance(const std::string& owner, const std::string& by, uid_t uid) {
  return {.owner = owner,
          .boot_id = "boot",
          .submitted_by = by,
          .user = "nobody",
          .caller_uid = uid,
          .accept_time = from_unix_us(1'795'000'000'000'000),
          .spec = test::small_spec()};
}

// No two of them are the same owner.
std::vector<Acceptance> of_all_owners() {
  return {acceptance(kStore, "user alice", rpc::kNoUid),
          acceptance(kOtherStore, "user alice", rpc::kNoUid),
          acceptance(kDirectOwner, "alice", 1000),
          acceptance(kDirectOwner, "alice", 1001),  // the name was given to another uid
          acceptance(kDirectOwner, "bob", 1000),    // the uid was given to another name
          acceptance(kDirectOwner, "takt://user/alice", rpc::kNoUid),
          acceptance(kDirectOwner, "jobscheduler", rpc::kNoUid),
          acceptance(kDirectOwner, "jobscheduler", 1002)};
}

// What each look-up gives for a key of the attempt.
struct Lookup {
  const char* what;
  bool (*finds)(const AttemptTable&, const StateFolder&, const AttemptKey&);
};

constexpr Lookup kLookups[] = {
    {"live attempt", [](const AttemptTable& table, const StateFolder&,
                        const AttemptKey& key) { return table.find(key) != nullptr; }},
    {"list of an owner", [](const AttemptTable& table, const StateFolder&,
                            const AttemptKey& key) { return !table.of(key.owner).empty(); }},
    {"folder", [](const AttemptTable&, const StateFolder& state,
                  const AttemptKey& key) { return state.open_attempt(key).ok(); }},
    {"stored attempt", [](const AttemptTable&, const StateFolder& state,
                          const AttemptKey& key) { return stored_attempt(state, key).ok(); }},
};

class OwnerTest : public testing::Test {
 protected:
  OwnerTest() : state_(std::move(*StateFolder::open(folder_.path() + "/takt"))) {}

  // An attempt that has ended, is still in the table, and has this acceptance.
  AttemptId add(AttemptTable& table, const Acceptance& acceptance) {
    const AttemptId id{Uuid::random(), 1};
    const auto made = state_.create_attempt(id, acceptance);
    EXPECT_TRUE(made.ok());
    EXPECT_TRUE(attempt::write_record(made->get(), attempt::ExitRecord{.wait_status = 0}).ok());
    auto live = std::make_shared<LiveAttempt>();
    live->record.id = id;
    live->acceptance = acceptance;
    table.add(live);
    return id;
  }

  test::TempFolder folder_;
  StateFolder state_;
};

TEST_F(OwnerTest, ALookUpFindsNothingOfAnotherOwner) {
  for (const Acceptance& mine : of_all_owners()) {
    AttemptTable table;
    const AttemptId id = add(table, mine);
    for (const Acceptance& other : of_all_owners()) {
      const AttemptKey key{owner_of(other), id};
      const bool same = key.owner == owner_of(mine);
      for (const Lookup& lookup : kLookups)
        EXPECT_EQ(lookup.finds(table, state_, key), same)
            << lookup.what << " of " << owner_of(mine).describe() << " for "
            << key.owner.describe();
      if (same) continue;
      EXPECT_EQ(state_.open_attempt(key).error().code, ErrorCode::kNotFound);
      EXPECT_EQ(stored_attempt(state_, key).error().code, ErrorCode::kNotFound);
      EXPECT_EQ(state_.create_attempt(id, other).error().code, ErrorCode::kExists);
    }
    EXPECT_EQ(table.owner_of(id), owner_of(mine));
    EXPECT_EQ(state_.owner_of(id).value(), owner_of(mine));
  }
}

TEST_F(OwnerTest, NoTwoAreTheSame) {
  std::set<Owner> owners;
  for (const Acceptance& one : of_all_owners()) owners.insert(owner_of(one));
  EXPECT_EQ(owners.size(), of_all_owners().size());
}

TEST_F(OwnerTest, ARequestHasOneJobForEachOwnerAndWorker) {
  const Uuid worker = Uuid::random();
  const Owner alice = Owner::direct("alice", 1000);
  const Uuid job = alice.job_of_request(worker, "backup");
  EXPECT_EQ(Owner::direct("alice", 1000).job_of_request(worker, "backup"), job);
  std::set<Uuid> jobs = {job,
                         alice.job_of_request(Uuid::random(), "backup"),
                         alice.job_of_request(worker, "Backup"),
                         Owner::direct("alice", 1001).job_of_request(worker, "backup"),
                         Owner::direct("bob", 1000).job_of_request(worker, "backup"),
                         Owner::direct("alice", 10).job_of_request(worker, "00 backup")};
  EXPECT_EQ(jobs.size(), 6U);
}

TEST_F(OwnerTest, TheKeyDirectSaysWhichCallersMayStart) {
  rpc::Caller user;
  user.role = rpc::Role::kUser;
  user.via = Via::kUnixSocket;
  user.uid = 1000;
  user.user_name = "alice";
  const rpc::Caller tls = [] {
    rpc::Caller caller = rpc::tls_caller();
    caller.role = rpc::Role::kOperator;
    caller.certificate = "takt://operator/alice";
    return caller;
  }();
  rpc::Caller conductor;
  conductor.role = rpc::Role::kScheduler;
  conductor.via = Via::kUnixSocket;
  conductor.user_name = "jobscheduler";
  rpc::Caller root;
  root.via = Via::kUnixSocket;
  root.every_role = true;
  root.uid = 0;
  struct Row {
    config::DirectStarts direct;
    bool local, tcp;
  };
  for (const Row& row : {Row{config::DirectStarts::kNo, false, false},
                         Row{config::DirectStarts::kLocal, true, false},
                         Row{config::DirectStarts::kYes, true, true}}) {
    config::WorkerConfig config;
    config.direct = row.direct;
    EXPECT_EQ(may_start_directly(user, config).ok(), row.local);
    EXPECT_EQ(may_start_directly(root, config).ok(), row.local);
    EXPECT_EQ(may_start_directly(tls, config).ok(), row.tcp);
    EXPECT_EQ(may_start_directly(rpc::insecure_tcp_caller(), config).ok(), row.tcp);
    EXPECT_TRUE(may_start_directly(conductor, config).ok()) << "[compat] is a section of its own";
    if (!row.tcp) {
      EXPECT_NE(may_start_directly(tls, config).error().message.find("direct in [access]"),
                std::string::npos);
    }
  }
}

}  // namespace
}  // namespace takt::worker
