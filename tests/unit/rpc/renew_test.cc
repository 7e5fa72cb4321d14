// SPDX-License-Identifier: Apache-2.0
// The seam for certificates: new credentials take new connections while old calls go on.
#include <atomic>
#include <thread>

#include "base/limits.h"
#include "rpc/stream_writer.h"
#include "tls_fixture.h"

namespace takt::rpc {
namespace {

class RenewTest : public TlsTest {
 protected:
  using Writer = StreamWriter<EchoResponse>;

  void start_with_streams() {
    script_.push = [this](const EchoRequest&) {
      auto writer = Writer::create(64, [this] { ended_.put(1); });
      Writer* const raw = writer.get();
      opened_.put(std::move(writer));
      return raw;
    };
    start_tls();
  }
  Result<void> renew(milliseconds drain = kPatience) {
    return server_->renew(*load(server_pair()), drain);
  }
  std::unique_ptr<EchoService::Stub> client() {
    return tls_stub(*load(ca_.issue("user", "alice")));
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
  const auto old_client = client();
  grpc::ClientContext context;
  set_deadline(context);
  const auto reader = old_client->Push(&context, EchoRequest());
  const auto writer = opened_.take();
  ASSERT_TRUE(writer.has_value());
  EXPECT_EQ(server_->identities(), 1U);

  ASSERT_TRUE(renew().ok());
  EXPECT_EQ(server_->identities(), 0U) << "the new generation has seen nobody yet";
  const auto new_client = client();
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
  const auto mine = client();
  grpc::ClientContext context;
  set_deadline(context);
  const auto reader = mine->Push(&context, EchoRequest());
  ASSERT_TRUE(opened_.take().has_value());
  ASSERT_TRUE(renew(std::chrono::hours(1)).ok());
  const auto before = std::chrono::steady_clock::now();
  server_->shutdown(200ms);
  EXPECT_LT(std::chrono::steady_clock::now() - before, 10s);
  EXPECT_TRUE(ended_.take(0ms).has_value()) << "shutdown returns after the last handler";
  EXPECT_FALSE(reader->Finish().ok());
  EXPECT_EQ(server_->draining(), 0U);
  EXPECT_FALSE(renew(0ms).ok()) << "no renewal after shutdown";
}

TEST_F(RenewTest, DrainingGenerationsAreBounded) {
  start_with_streams();
  std::vector<std::unique_ptr<EchoService::Stub>> clients;
  std::vector<std::unique_ptr<grpc::ClientContext>> contexts;
  std::vector<std::unique_ptr<grpc::ClientReader<EchoResponse>>> readers;
  const auto open = [&] {
    clients.push_back(client());
    contexts.push_back(std::make_unique<grpc::ClientContext>());
    set_deadline(*contexts.back());
    readers.push_back(clients.back()->Push(contexts.back().get(), EchoRequest()));
    ASSERT_TRUE(opened_.take().has_value());
  };
  for (std::size_t i = 0; i < limits::kDrainingMax; ++i) {
    open();
    ASSERT_TRUE(renew().ok());
  }
  open();
  const auto refused = renew();
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::kResourceExhausted);
  server_->shutdown(0ms);
}

TEST_F(RenewTest, EveryHandshakeDuringRenewalsSucceeds) {
  start_tls();
  const auto user = load(ca_.issue("user", "alice"));
  const auto next = load(server_pair());
  std::atomic<bool> stop{false};
  std::atomic<int> renewals{0};
  std::thread renewing([&] {
    while (!stop) {
      if (server_->renew(*next, 1s).ok()) ++renewals;
      EchoResponse response;
      EXPECT_TRUE(echo(*tls_stub(*user), &response).ok());
    }
  });
  int served = 0;
  for (int i = 0; i < 100; ++i) served += call(*user).ok() ? 1 : 0;
  stop = true;
  renewing.join();
  EXPECT_EQ(served, 100);
  EXPECT_GE(renewals, 1);
}

TEST_F(RenewTest, UnixSocketsNoticeNothing) {
  tls_ = load(server_pair());
  std::vector<ListenSocket> sockets;
  for (const std::string& where : {address(), std::string("127.0.0.1:0")}) {
    auto socket = bind_address(where, {.tcp = Tcp::kTls});
    ASSERT_TRUE(socket.ok()) << socket.error().message;
    sockets.push_back(std::move(*socket));
  }
  start_on(std::move(sockets), everybody());
  const auto local = stub();
  EchoResponse response;
  ASSERT_TRUE(echo(*local, &response).ok());
  EXPECT_EQ(server_->identities(), 1U);
  ASSERT_TRUE(renew().ok());
  EXPECT_EQ(server_->identities(), 1U) << "the same server as before";
  EXPECT_TRUE(echo(*local, &response).ok());
}

}  // namespace
}  // namespace takt::rpc
