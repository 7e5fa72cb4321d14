// SPDX-License-Identifier: Apache-2.0
#include "rpc/unary.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "base/limits.h"
#include "fixture.h"
#include "support/eventually.h"

namespace takt::rpc {
namespace {

using Reply = UnaryReply<EchoResponse>;

class UnaryTest : public RpcTest {
 protected:
  // The handler hands its reply to the test.
  void start_posting() {
    script_.echo = [this](grpc::CallbackServerContext*, const EchoRequest&,
                          EchoResponse* response) {
      auto reply = std::make_shared<Reply>(response, [this] { cancelled_.put(1); });
      auto* const reactor = reply->reactor();
      replies_.put(std::move(reply));
      return reactor;
    };
    start();
  }
  // One call in the background.
  std::thread call() {
    return std::thread([this] {
      const auto client = stub();
      EchoResponse response;
      const grpc::Status status = echo(*client, &response);
      results_.put({status, response});
    });
  }

  Mailbox<std::shared_ptr<Reply>> replies_;
  Mailbox<int> cancelled_;
  Mailbox<std::pair<grpc::Status, EchoResponse>> results_;
};

TEST_F(UnaryTest, ALargeAnswerCountsUntilItIsRead) {
  auto limits = ShareLimits();
  limits[Share::kBytes] = {2 * limits::kSmallAnswerBytes, limits::kMessageBytesMax};
  const auto shares = std::make_shared<Shares>(limits);
  script_.echo = [&shares](grpc::CallbackServerContext*, const EchoRequest& request,
                           EchoResponse* response) {
    const ShareHolder alice{"alice", false};
    Reply reply(response, {}, admit_call(shares, alice, request.ByteSizeLong()).value());
    EchoResponse answer;
    answer.set_payload(std::string(static_cast<std::size_t>(request.number()), 'x'));
    reply.finish(answer);
    return reply.reactor();
  };
  start();
  const auto client = stub();
  EchoResponse response;
  const auto ask = [&](std::size_t bytes) {
    EchoRequest request;
    request.set_number(static_cast<std::int64_t>(bytes));
    grpc::ClientContext context;
    return client->Echo(&context, request, &response);
  };
  EXPECT_TRUE(ask(limits::kSmallAnswerBytes + 1).ok());
  const grpc::Status refused = ask(2 * limits::kSmallAnswerBytes);
  EXPECT_EQ(refused.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_NE(refused.error_message().find("bytes in flight"), std::string::npos)
      << refused.error_message();
  EXPECT_TRUE(test::eventually([&] { return shares->used(Share::kBytes, "alice") == 0; }));
}

// A client may open a call and reset it at once: what was asked for waits on.
TEST_F(UnaryTest, ACallThatIsGivenUpHoldsItsShareUntilItsWorkIsGone) {
  const auto shares = std::make_shared<Shares>();
  script_.echo = [this, &shares](grpc::CallbackServerContext*, const EchoRequest& request,
                                 EchoResponse* response) {
    const ShareHolder alice{"alice", false};
    auto reply = std::make_shared<Reply>(
        response, [this] { cancelled_.put(1); },
        admit_call(shares, alice, request.ByteSizeLong()).value());
    auto* const reactor = reply->reactor();
    replies_.put(std::move(reply));
    return reactor;
  };
  start();
  const auto client = stub();
  grpc::ClientContext context;
  set_deadline(context);
  EchoRequest request;
  request.set_payload("to be done");
  EchoResponse response;
  Mailbox<grpc::Status> done;
  client->async()->Echo(&context, &request, &response,
                        [&done](grpc::Status status) { done.put(std::move(status)); });
  auto reply = replies_.take();
  ASSERT_TRUE(reply.has_value());
  context.TryCancel();
  ASSERT_TRUE(cancelled_.take().has_value());
  ASSERT_TRUE(done.take().has_value());
  server_->shutdown(100ms);  // gRPC is done with the call
  EXPECT_EQ(shares->used(Share::kRequests, "alice"), 1U);
  EXPECT_EQ(shares->used(Share::kBytes, "alice"), request.ByteSizeLong());
  reply.reset();
  EXPECT_EQ(shares->used(Share::kRequests, "alice"), 0U);
  EXPECT_EQ(shares->used(Share::kBytes, "alice"), 0U);
}

TEST_F(UnaryTest, ARefusalIsAuditedOnceAlsoIfTheClientHasGivenUp) {
  std::atomic<int> audited = 0;
  script_.echo = [&](grpc::CallbackServerContext*, const EchoRequest&, EchoResponse* response) {
    CallShare share;
    share.on_denied = [&audited](const Error&) { ++audited; };
    auto reply = std::make_shared<Reply>(
        response, [this] { cancelled_.put(1); }, std::move(share));
    auto* const reactor = reply->reactor();
    replies_.put(std::move(reply));
    return reactor;
  };
  start();
  const Error denied = make_error(ErrorCode::kPermissionDenied, "not yours");
  std::thread caller = call();
  auto reply = replies_.take();
  ASSERT_TRUE(reply.has_value());
  EXPECT_TRUE((*reply)->fail(denied));
  EXPECT_FALSE((*reply)->fail(denied));
  EXPECT_EQ(audited, 1);
  caller.join();
  const auto client = stub();
  grpc::ClientContext context;
  set_deadline(context);
  const EchoRequest request;
  EchoResponse response;
  Mailbox<grpc::Status> done;
  client->async()->Echo(&context, &request, &response,
                        [&done](grpc::Status status) { done.put(std::move(status)); });
  reply = replies_.take();
  ASSERT_TRUE(reply.has_value());
  context.TryCancel();
  ASSERT_TRUE(cancelled_.take().has_value());
  EXPECT_FALSE((*reply)->fail(denied));
  EXPECT_EQ(audited, 2);
  ASSERT_TRUE(done.take().has_value());
}

TEST_F(UnaryTest, AnsweredLaterFromAnotherThreadAndOnce) {
  start_posting();
  std::thread caller = call();
  const auto reply = replies_.take();
  ASSERT_TRUE(reply.has_value());
  EXPECT_FALSE((*reply)->over());
  EchoResponse answer;
  answer.set_number(42);
  EXPECT_TRUE((*reply)->finish(answer));
  EXPECT_TRUE((*reply)->over());
  EXPECT_FALSE((*reply)->finish(answer)) << "only the first answer counts";
  EXPECT_FALSE((*reply)->fail(make_error(ErrorCode::kInternal, "late")));
  const auto result = results_.take();
  caller.join();
  ASSERT_TRUE(result && result->first.ok());
  EXPECT_EQ(result->second.number(), 42);
}

TEST_F(UnaryTest, AnErrorArrivesAsItWas) {
  start_posting();
  std::thread caller = call();
  const auto reply = replies_.take();
  ASSERT_TRUE(reply.has_value());
  const Error error = invalid("spec.argv", "is empty");
  EXPECT_TRUE((*reply)->finish(Result<EchoResponse>(error)));
  const auto result = results_.take();
  caller.join();
  ASSERT_TRUE(result.has_value());
  EXPECT_EQ(from_status(result->first), error);
}

TEST_F(UnaryTest, ADroppedReplyIsUnavailable) {
  start_posting();
  std::thread caller = call();
  auto reply = replies_.take();
  ASSERT_TRUE(reply.has_value());
  {
    const Reply copy = **reply;  // a copy that goes away ends nothing
  }
  EXPECT_FALSE((*reply)->over());
  reply.reset();
  const auto result = results_.take();
  caller.join();
  ASSERT_TRUE(result.has_value());
  EXPECT_EQ(result->first.error_code(), grpc::StatusCode::UNAVAILABLE);
}

TEST_F(UnaryTest, CancelEndsTheCallAndTellsTheOwner) {
  start_posting();
  const auto client = stub();
  grpc::ClientContext context;
  set_deadline(context);
  const EchoRequest request;
  EchoResponse response;
  Mailbox<grpc::Status> done;
  client->async()->Echo(&context, &request, &response,
                        [&done](grpc::Status status) { done.put(std::move(status)); });
  const auto reply = replies_.take();
  ASSERT_TRUE(reply.has_value());
  context.TryCancel();
  ASSERT_TRUE(cancelled_.take().has_value());
  EXPECT_TRUE((*reply)->over());
  EXPECT_FALSE((*reply)->finish(EchoResponse())) << "the response is gRPC's no more";
  const auto status = done.take();
  ASSERT_TRUE(status.has_value());
  EXPECT_EQ(status->error_code(), grpc::StatusCode::CANCELLED);
}

TEST_F(UnaryTest, ShutdownDoesNotHangOnAnUnansweredCall) {
  start_posting();
  std::thread caller = call();
  const auto reply = replies_.take();
  ASSERT_TRUE(reply.has_value());
  server_->shutdown(100ms);
  EXPECT_TRUE((*reply)->over());
  const auto result = results_.take();
  caller.join();
  ASSERT_TRUE(result.has_value());
  EXPECT_FALSE(result->first.ok());
}

}  // namespace
}  // namespace takt::rpc
