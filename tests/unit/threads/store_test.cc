// SPDX-License-Identifier: Apache-2.0
// Which scheduler a worker takes for the owner of a store's attempts.
#include "base/uuid.h"
#include "unit/threads/in_process_fleet.h"

namespace takt::test {
namespace {

using SessionCall = BidiCall<v1::SessionRequest, v1::SessionResponse>;

class Stores : public InProcessFleet {
 protected:
  void SetUp() override { worker_ = &add_worker("one"); }

  static rpc::Caller scheduler(const std::string& name) {
    rpc::Caller caller;
    caller.role = rpc::Role::kScheduler;
    caller.via = Via::kTls;
    caller.certificate = "takt://scheduler/" + name;
    return caller;
  }
  std::shared_ptr<SessionCall> open(const rpc::Caller& caller, const std::string& store,
                                    std::int64_t epoch) {
    auto call = std::make_shared<SessionCall>(threads_);
    call->serve(worker_->daemon().parts().sessions.accept(caller));
    hello(*call, store, epoch);
    return call;
  }
  static void hello(SessionCall& call, const std::string& store, std::int64_t epoch) {
    v1::SessionRequest message;
    message.mutable_hello()->set_store_id(store);
    message.mutable_hello()->set_epoch(epoch);
    call.send(std::move(message));
  }
  // Whether the worker has sent its list; false at the end of the session.
  static bool listed(SessionCall& call) {
    while (const auto message = call.next())
      if (message->has_list_end()) return true;
    return false;
  }
  // How the worker ends the session.
  static grpc::Status end(SessionCall& call) {
    while (call.next()) {
    }
    return call.wait().value_or(grpc::Status(grpc::StatusCode::UNKNOWN, "no end"));
  }
  static void leave(SessionCall& call) {
    call.cancel();
    EXPECT_TRUE(call.wait());
  }

  InProcessWorker* worker_ = nullptr;
  const std::string store_ = Uuid::random().str();
};

TEST_F(Stores, AnotherCertificateDoesNotTakeOverAStore) {
  const auto first = open(scheduler("main"), store_, 5);
  ASSERT_TRUE(listed(*first));
  const auto other = open(scheduler("lab"), store_, 6);
  const grpc::Status refused = end(*other);
  EXPECT_EQ(refused.error_code(), grpc::StatusCode::PERMISSION_DENIED);
  EXPECT_NE(refused.error_message().find("takt://scheduler/main"), std::string::npos)
      << refused.error_message();
  EXPECT_NE(refused.error_message().find("takt://scheduler/lab"), std::string::npos)
      << refused.error_message();
  EXPECT_FALSE(first->at_end()) << "its session goes on";
  leave(*first);

  // Neither while the scheduler is away, nor has it cost the store its epoch.
  EXPECT_FALSE(listed(*open(scheduler("lab"), store_, 7)));
  const auto again = open(scheduler("main"), store_, 5);
  EXPECT_TRUE(listed(*again));
  const auto own = open(scheduler("lab"), Uuid::random().str(), 1);
  EXPECT_TRUE(listed(*own)) << "a store of its own";
  leave(*again);
  leave(*own);
}

TEST_F(Stores, ALocalCallerDoesNotTakeOverAStoreOfACertificate) {
  const auto first = open(scheduler("main"), store_, 5);
  ASSERT_TRUE(listed(*first));
  rpc::Caller local;
  local.role = rpc::Role::kScheduler;
  local.via = Via::kUnixSocket;
  local.uid = 4711;
  local.user_name = "takt-scheduler";
  EXPECT_EQ(end(*open(local, store_, 6)).error_code(), grpc::StatusCode::PERMISSION_DENIED);
  leave(*first);
}

TEST_F(Stores, ASessionIsOfOneStore) {
  const auto session = open(scheduler("main"), store_, 1);
  ASSERT_TRUE(listed(*session));
  hello(*session, Uuid::random().str(), 1);
  const grpc::Status status = end(*session);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_NE(status.error_message().find("second hello"), std::string::npos)
      << status.error_message();
}

}  // namespace
}  // namespace takt::test
