// SPDX-License-Identifier: Apache-2.0
// A scheduler with two users: their calls go through the real services, each with its principal.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "compat/in_process.h"
#include "rpc/user_names.h"
#include "scheduler/services.h"
#include "unit/scheduler/scheduler_fixture.h"

namespace takt::scheduler {

inline Principal user(const std::string& name, uid_t uid, Role role = Role::kUser) {
  Principal principal;
  principal.role = role;
  principal.via = Via::kUnixSocket;
  principal.uid = uid;
  principal.gid = uid;
  principal.user_name = name;
  return principal;
}

class PrincipalsTest : public SchedulerTest {
 protected:
  struct Client {
    Principal principal;
    std::unique_ptr<compat::InProcess> server;
    std::shared_ptr<grpc::Channel> channel;
    std::unique_ptr<v1::JobService::Stub> jobs;
  };

  void SetUp() override {
    SchedulerTest::SetUp();
    alice_ = client(user("alice", 4001));
    bob_ = client(user("bob", 4002));
  }
  // Channels first: a server ends with its last call.
  void TearDown() override {
    drop(alice_);
    drop(bob_);
    SchedulerTest::TearDown();
  }
  static void drop(Client& client) {
    client.jobs.reset();
    client.channel.reset();
    client.server.reset();
  }

  // Its calls are counted, if there are shares.
  Client client(const Principal& principal, const std::shared_ptr<rpc::Shares>& shares = nullptr) {
    Client made;
    made.principal = principal;
    {
      const std::lock_guard lock(mutex_);
      users_[principal.uid] = principal.user_name;
    }
    made.server =
        *compat::InProcess::create(make_services(daemon_->core(), shares, names_), principal);
    made.channel = made.server->channel();
    made.jobs = v1::JobService::NewStub(made.channel);
    return made;
  }

  static std::string submit_as(const Client& client, const v1::JobSpec& spec) {
    v1::SubmitJobRequest request;
    *request.mutable_spec() = spec;
    v1::SubmitJobResponse response;
    const grpc::Status status = client.jobs->SubmitJob(context().get(), request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response.job_id();
  }

  std::mutex mutex_;  // guards what follows
  std::map<uid_t, std::string> users_;
  // The user database of these tests.
  rpc::UserNames names_{[this](uid_t uid) -> Result<std::optional<std::string>> {
    const std::lock_guard lock(mutex_);
    const auto found = users_.find(uid);
    return found == users_.end() ? std::nullopt : std::optional(found->second);
  }};
  Client alice_;
  Client bob_;
};

}  // namespace takt::scheduler
