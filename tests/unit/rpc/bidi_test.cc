// SPDX-License-Identifier: Apache-2.0
// Both ends of a two-way stream, against each other.
#include <gtest/gtest.h>

#include <atomic>

#include "fixture.h"
#include "rpc/bidi_client.h"
#include "rpc/bidi_server.h"

namespace takt::rpc {
namespace {

using ServerSide = BidiServer<EchoRequest, EchoResponse>;
using ClientSide = BidiClient<EchoRequest, EchoResponse>;
using RequestPtr = std::shared_ptr<EchoRequest>;
using ResponsePtr = std::shared_ptr<EchoResponse>;

EchoRequest request(std::int64_t number, std::size_t bytes = 0) {
  EchoRequest request;
  request.set_number(number);
  request.set_payload(std::string(bytes, 'x'));
  return request;
}
EchoResponse response(std::int64_t number, std::size_t bytes = 0) {
  EchoResponse response;
  response.set_number(number);
  response.set_payload(std::string(bytes, 'x'));
  return response;
}

class BidiTest : public RpcTest {
 protected:
  ~BidiTest() override {
    if (client_) client_->cancel();
    requests_ = std::make_unique<Mailbox<RequestPtr>>();
    responses_ = std::make_unique<Mailbox<ResponsePtr>>();
    if (server_) server_->shutdown(0ms);
    if (started_ && !client_over_) {
      EXPECT_TRUE(client_ended_.take().has_value());
    }
  }

  // `queue` and `window` on both sides.
  void connect(std::size_t queue, std::size_t window) {
    script_.talk = [this, queue, window] {
      ServerSide::Events events;
      events.on_message = [this](RequestPtr message) { requests_->put(std::move(message)); };
      events.on_end = [this] { server_ended_.put(1); };
      auto stream = ServerSide::create(queue, window, std::move(events));
      ServerSide* const raw = stream.get();
      opened_.put(std::move(stream));
      return raw;
    };
    start();
    stub_ = stub();
    ClientSide::Events events;
    events.on_message = [this](ResponsePtr message) {
      if (count_only_) {
        numbers_.push_back(message->number());
      } else {
        responses_->put(std::move(message));
      }
    };
    events.on_end = [this](const grpc::Status& status) { client_ended_.put(status); };
    client_ = ClientSide::create(queue, window, std::move(events));
    client_->start([this](grpc::ClientContext* context, auto* reactor) {
      stub_->async()->Talk(context, reactor);
    });
    started_ = true;
    auto opened = opened_.take();
    ASSERT_TRUE(opened.has_value());
    worker_ = *opened;
  }
  std::optional<grpc::Status> client_end() {
    client_over_ = true;
    return client_ended_.take();
  }

  std::unique_ptr<Mailbox<RequestPtr>> requests_ = std::make_unique<Mailbox<RequestPtr>>();
  std::unique_ptr<Mailbox<ResponsePtr>> responses_ = std::make_unique<Mailbox<ResponsePtr>>();
  Mailbox<int> server_ended_;
  Mailbox<grpc::Status> client_ended_;
  Mailbox<std::shared_ptr<ServerSide>> opened_;
  std::unique_ptr<EchoService::Stub> stub_;
  std::shared_ptr<ClientSide> client_;
  std::shared_ptr<ServerSide> worker_;
  std::atomic<bool> count_only_{false};
  std::vector<std::int64_t> numbers_;  // to be read after on_end
  bool started_ = false;
  bool client_over_ = false;
};

TEST_F(BidiTest, BothWaysInOrderThenClosedByTheClient) {
  connect(1000, 16);
  for (int i = 0; i < 1000; ++i) {
    ASSERT_TRUE(client_->send(request(i)));
    ASSERT_TRUE(worker_->send(response(i)));
  }
  for (int i = 0; i < 1000; ++i) {
    const auto got = requests_->take();
    ASSERT_TRUE(got.has_value());
    ASSERT_EQ((*got)->number(), i);
    const auto answer = responses_->take();
    ASSERT_TRUE(answer.has_value());
    ASSERT_EQ((*answer)->number(), i);
  }
  client_->close();
  EXPECT_FALSE(client_->send(request(0)));
  const auto status = client_end();
  ASSERT_TRUE(status.has_value());
  EXPECT_TRUE(status->ok()) << status->error_message();
  EXPECT_TRUE(server_ended_.take().has_value());
  EXPECT_FALSE(worker_->send(response(0)));
}

TEST_F(BidiTest, TheServerEndsWithAStatus) {
  connect(16, 16);
  ASSERT_TRUE(worker_->send(response(7)));
  worker_->fail(make_error(ErrorCode::kFailedPrecondition, "a lower epoch"));
  const auto last = responses_->take();
  ASSERT_TRUE(last.has_value()) << "what was queued comes first";
  const auto status = client_end();
  ASSERT_TRUE(status.has_value());
  EXPECT_EQ(from_status(*status).code, ErrorCode::kFailedPrecondition);
  EXPECT_FALSE(client_->send(request(0)));
  client_->cancel();  // harmless
  client_->close();
}

// Without this the stream would stay open and silent: gRPC reads nothing more of it by itself.
TEST_F(BidiTest, AMessageThatCannotBeParsedEndsTheStreamOfTheClient) {
  connect(16, 16);
  EchoResponse bad = response(1);
  bad.set_caller("caf\xc3");
  ASSERT_TRUE(worker_->send(response(0)));
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(worker_->send(bad));
  ASSERT_TRUE(worker_->send(response(2)));
  const auto status = client_end();
  ASSERT_TRUE(status.has_value());
  EXPECT_EQ(from_status(*status).code, ErrorCode::kDataLoss);
  EXPECT_NE(status->error_message().find("cannot be parsed"), std::string::npos);
  EXPECT_TRUE(server_ended_.take().has_value());
}

TEST_F(BidiTest, AMessageThatCannotBeParsedEndsTheStreamOfTheServer) {
  connect(16, 16);
  EchoRequest bad = request(1);
  bad.set_note("caf\xc3");
  ASSERT_TRUE(client_->send(bad));
  ASSERT_TRUE(client_->send(request(2)));
  const auto status = client_end();
  ASSERT_TRUE(status.has_value());
  EXPECT_EQ(from_status(*status).code, ErrorCode::kDataLoss);
  EXPECT_NE(status->error_message().find("cannot be parsed"), std::string::npos);
  EXPECT_TRUE(server_ended_.take().has_value());
}

TEST_F(BidiTest, CancelByTheClient) {
  connect(16, 16);
  client_->cancel();
  const auto status = client_end();
  ASSERT_TRUE(status.has_value());
  EXPECT_EQ(status->error_code(), grpc::StatusCode::CANCELLED);
  EXPECT_TRUE(server_ended_.take().has_value());
  EXPECT_FALSE(worker_->send(response(0)));
}

TEST_F(BidiTest, AFullQueueEndsTheSession) {
  connect(4, 1);
  // The owner holds the only message that the window allows, so the peer's writes back up.
  ASSERT_TRUE(worker_->send(response(0, 32768)));
  auto held = responses_->take();
  ASSERT_TRUE(held.has_value());
  constexpr int kBound = 100000;
  int sent = 1;
  while (sent < kBound && worker_->send(response(sent, 32768))) ++sent;
  ASSERT_LT(sent, kBound);
  EXPECT_EQ(responses_->size(), 0U) << "one is with the owner, no more";
  // What was under way still comes, in order; then the end.
  count_only_ = true;
  held.reset();
  const auto status = client_end();
  ASSERT_TRUE(status.has_value());
  EXPECT_EQ(status->error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_LE(numbers_.size(), static_cast<std::size_t>(sent));
  for (std::size_t i = 0; i < numbers_.size(); ++i)
    EXPECT_EQ(numbers_[i], static_cast<std::int64_t>(i + 1));
}

TEST_F(BidiTest, TheClientsFullQueueToo) {
  connect(4, 1);
  constexpr int kBound = 100000;
  int sent = 0;
  while (sent < kBound && client_->send(request(sent, 32768))) ++sent;
  ASSERT_LT(sent, kBound);
  const auto status = client_end();
  ASSERT_TRUE(status.has_value());
  EXPECT_EQ(status->error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_TRUE(server_ended_.take().has_value());
}

TEST_F(BidiTest, CancelIsNoticedWhileReadingIsPaused) {
  connect(64, 1);
  ASSERT_TRUE(worker_->send(response(1)));
  const auto held = responses_->take();  // the window is full now
  ASSERT_TRUE(held.has_value());
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(worker_->send(response(i)));
  client_->cancel();
  const auto status = client_end();
  ASSERT_TRUE(status.has_value()) << "although the owner lets nothing go";
  EXPECT_EQ(status->error_code(), grpc::StatusCode::CANCELLED);
  EXPECT_EQ(responses_->size(), 0U) << "nothing is delivered after cancel";
}

TEST_F(BidiTest, TheServerEndsWhileItsReadingIsPaused) {
  connect(64, 1);
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(client_->send(request(i)));
  const auto held = requests_->take();
  ASSERT_TRUE(held.has_value());
  worker_->finish();
  EXPECT_TRUE(server_ended_.take().has_value());
  EXPECT_TRUE(client_end().has_value());
}

TEST_F(BidiTest, TheServerGoesAway) {
  connect(16, 16);
  server_->shutdown(0ms);
  const auto status = client_end();
  ASSERT_TRUE(status.has_value());
  EXPECT_FALSE(status->ok());
  EXPECT_TRUE(server_ended_.take(0ms).has_value());
}

TEST_F(BidiTest, NobodyListens) {
  stub_ = stub();
  ClientSide::Events events;
  events.on_end = [this](const grpc::Status& status) { client_ended_.put(status); };
  client_ = ClientSide::create(4, 4, std::move(events));
  client_->context().set_wait_for_ready(false);
  EXPECT_TRUE(client_->send(request(1))) << "queued until it starts";
  client_->start([this](grpc::ClientContext* context, auto* reactor) {
    stub_->async()->Talk(context, reactor);
  });
  const auto status = client_end();
  ASSERT_TRUE(status.has_value());
  EXPECT_EQ(status->error_code(), grpc::StatusCode::UNAVAILABLE);
}

}  // namespace
}  // namespace takt::rpc
