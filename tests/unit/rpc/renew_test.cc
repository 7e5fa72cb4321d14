// SPDX-License-Identifier: Apache-2.0
// The seam for certificates: new credentials take new connections while old calls go on.
#include <atomic>
#include <thread>

#include "base/limits.h"
#include "fixture.h"
#include "rpc/stream_writer.h"

namespace takt::rpc {
namespace {

class RenewTest : public RpcTest {
 protected:
  using Writer = StreamWriter<EchoResponse>;

  void start_with_streams() {
    script_.push = [this](const EchoRequest&) {
      auto writer = Writer::create(64, [this] { ended_.put(1); });
      Writer* const raw = writer.get();
      opened_.put(std::move(writer));
      return raw;
    };
    start();
  }
  static EchoResponse numbered(std::int64_t number) {
    EchoResponse response;
    response.set_number(number);
    return response;
  }

  Mailbox<std::shared_ptr<Writer>> opened_;
  Mailbox<int> ended_;
};

TEST_F(RenewTest, AStreamGoesOnWhileNewConnectionsLandOnTheNewOne) {
  start_with_streams();
  const auto old_client = stub();
  grpc::ClientContext context;
  set_deadline(context);
  const auto reader = old_client->Push(&context, EchoRequest());
  const auto writer = opened_.take();
  ASSERT_TRUE(writer.has_value());
  EXPECT_EQ(server_->identities(), 1U);

  ASSERT_TRUE(server_->renew(grpc::InsecureServerCredentials(), kPatience).ok());
  EXPECT_EQ(server_->identities(), 0U) << "the new generation has seen nobody yet";
  const auto new_client = stub();
  EchoResponse response;
  ASSERT_TRUE(echo(*new_client, &response, "new").ok());
  EXPECT_EQ(response.payload(), "new");
  EXPECT_EQ(server_->identities(), 1U);
  EXPECT_EQ(server_->draining(), 1U);

  for (std::int64_t i = 0; i < 10; ++i) {
    ASSERT_TRUE((*writer)->send(numbered(i)));
    ASSERT_TRUE(reader->Read(&response));
    EXPECT_EQ(response.number(), i);
  }
  (*writer)->finish();
  EXPECT_FALSE(reader->Read(&response));
  EXPECT_TRUE(reader->Finish().ok());
}

TEST_F(RenewTest, ShutdownDoesNotWaitForAnOldGenerationsPatience) {
  start_with_streams();
  const auto client = stub();
  grpc::ClientContext context;
  set_deadline(context);
  const auto reader = client->Push(&context, EchoRequest());
  ASSERT_TRUE(opened_.take().has_value());
  ASSERT_TRUE(server_->renew(nullptr, std::chrono::hours(1)).ok());
  const auto before = std::chrono::steady_clock::now();
  server_->shutdown(200ms);
  EXPECT_LT(std::chrono::steady_clock::now() - before, 10s);
  EXPECT_TRUE(ended_.take(0ms).has_value()) << "shutdown returns after the last handler";
  EXPECT_FALSE(reader->Finish().ok());
  EXPECT_EQ(server_->draining(), 0U);
  EXPECT_FALSE(server_->renew(nullptr, 0ms).ok()) << "no renewal after shutdown";
}

TEST_F(RenewTest, DrainingGenerationsAreBounded) {
  start_with_streams();
  std::vector<std::unique_ptr<EchoService::Stub>> clients;
  std::vector<std::unique_ptr<grpc::ClientContext>> contexts;
  std::vector<std::unique_ptr<grpc::ClientReader<EchoResponse>>> readers;
  const auto open = [&] {
    clients.push_back(stub());
    contexts.push_back(std::make_unique<grpc::ClientContext>());
    set_deadline(*contexts.back());
    readers.push_back(clients.back()->Push(contexts.back().get(), EchoRequest()));
    ASSERT_TRUE(opened_.take().has_value());
  };
  for (std::size_t i = 0; i < limits::kDrainingMax; ++i) {
    open();
    ASSERT_TRUE(server_->renew(nullptr, kPatience).ok());
  }
  open();
  const auto refused = server_->renew(nullptr, kPatience);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::kResourceExhausted);
  server_->shutdown(0ms);
}

TEST_F(RenewTest, EveryRawConnectDuringRenewalsIsServed) {
  start();
  std::atomic<bool> stop{false};
  std::atomic<int> renewals{0};
  std::thread renewing([&] {
    while (!stop) {
      if (server_->renew(grpc::InsecureServerCredentials(), 1s).ok()) ++renewals;
      EchoResponse response;
      EXPECT_TRUE(echo(*stub(), &response).ok());
    }
  });
  int served = 0;
  for (int i = 0; i < 200; ++i) served += connect_and_greet(socket_path()) ? 1 : 0;
  stop = true;
  renewing.join();
  EXPECT_EQ(served, 200);
  EXPECT_GE(renewals, 1);
}

}  // namespace
}  // namespace takt::rpc
