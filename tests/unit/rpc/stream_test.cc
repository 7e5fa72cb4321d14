// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "fixture.h"
#include "rpc/stream_writer.h"

namespace takt::rpc {
namespace {

EchoResponse numbered(std::int64_t number, std::size_t bytes = 0) {
  EchoResponse response;
  response.set_number(number);
  response.set_payload(std::string(bytes, 'x'));
  return response;
}

class PushTest : public RpcTest {
 protected:
  using Writer = StreamWriter<EchoResponse>;

  void start_with_queue(std::size_t max) {
    script_.push = [this, max](const EchoRequest&) {
      auto writer = Writer::create(max, [this] { ended_.put(1); });
      Writer* const raw = writer.get();
      opened_.put(std::move(writer));
      return raw;
    };
    start();
    client_ = stub();
    set_deadline(context_);
    reader_ = client_->Push(&context_, EchoRequest());
    auto opened = opened_.take();
    ASSERT_TRUE(opened.has_value());
    writer_ = *opened;
  }

  Mailbox<std::shared_ptr<Writer>> opened_;
  Mailbox<int> ended_;
  std::unique_ptr<EchoService::Stub> client_;
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReader<EchoResponse>> reader_;
  std::shared_ptr<Writer> writer_;
};

TEST_F(PushTest, AllThatWasQueuedArrivesInOrderThenTheStatus) {
  start_with_queue(1000);
  for (int i = 0; i < 1000; ++i) ASSERT_TRUE(writer_->send(numbered(i)));
  writer_->fail(make_error(ErrorCode::kNotFound, "no more"));
  EXPECT_FALSE(writer_->send(numbered(-1))) << "after the end";
  writer_->finish();  // the first end counts
  EchoResponse response;
  for (int i = 0; i < 1000; ++i) {
    ASSERT_TRUE(reader_->Read(&response));
    ASSERT_EQ(response.number(), i);
  }
  EXPECT_FALSE(reader_->Read(&response));
  EXPECT_EQ(reader_->Finish().error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_TRUE(ended_.take().has_value());
  writer_.reset();
  EXPECT_EQ(ended_.size(), 0U) << "told once";
}

TEST_F(PushTest, ASlowReaderIsCutOffAndTold) {
  start_with_queue(8);
  constexpr int kBound = 100000;
  int sent = 0;
  while (sent < kBound && writer_->send(numbered(sent, 32768))) ++sent;
  ASSERT_LT(sent, kBound) << "the queue is bounded";
  EXPECT_EQ(writer_->waiting(), 0U) << "what waited is dropped";
  EchoResponse response;
  int read = 0;
  while (reader_->Read(&response)) EXPECT_EQ(response.number(), read++);
  EXPECT_LE(read, sent);
  EXPECT_EQ(reader_->Finish().error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_TRUE(ended_.take().has_value());
}

TEST_F(PushTest, AReaderThatNeverReadsDoesNotHoldUpShutdown) {
  start_with_queue(8);
  int sent = 0;
  while (sent < 100000 && writer_->send(numbered(sent, 32768))) ++sent;
  server_->shutdown(100ms);
  EXPECT_TRUE(ended_.take(0ms).has_value());
}

TEST_F(PushTest, CancelEndsTheStream) {
  start_with_queue(8);
  ASSERT_TRUE(writer_->send(numbered(0)));
  EchoResponse response;
  ASSERT_TRUE(reader_->Read(&response));
  context_.TryCancel();
  ASSERT_TRUE(ended_.take().has_value());
  EXPECT_FALSE(writer_->send(numbered(1)));
  writer_->finish();  // harmless
  EXPECT_EQ(reader_->Finish().error_code(), grpc::StatusCode::CANCELLED);
}

TEST_F(RpcTest, ARefusedStreamSaysWhy) {
  script_.push = [](const EchoRequest&) {
    return refuse_stream<EchoResponse>(invalid("after_revision", "-1 is negative"));
  };
  start();
  const auto client = stub();
  grpc::ClientContext context;
  set_deadline(context);
  const auto reader = client->Push(&context, EchoRequest());
  EchoResponse response;
  EXPECT_FALSE(reader->Read(&response));
  EXPECT_EQ(from_status(reader->Finish()), invalid("after_revision", "-1 is negative"));
}

class PullTest : public RpcTest {
 protected:
  using Writer = PullWriter<EchoResponse>;

  // The producer's side is the test's: it learns of each wish.
  void start_pulling() {
    script_.pull = [this](const EchoRequest&) {
      Writer::Events events;
      events.on_wanted = [this] { wanted_.put(1); };
      events.on_end = [this] { ended_.put(1); };
      writer_ = Writer::create(std::move(events));
      writer_->start();
      return writer_.get();
    };
    start();
    client_ = stub();
    set_deadline(context_);
    reader_ = client_->Pull(&context_, EchoRequest());
  }

  Mailbox<int> wanted_;
  Mailbox<int> ended_;
  std::unique_ptr<EchoService::Stub> client_;
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReader<EchoResponse>> reader_;
  std::shared_ptr<Writer> writer_;
};

TEST_F(PullTest, TheNextIsWantedOnlyWhenTheOneBeforeIsWritten) {
  start_pulling();
  ASSERT_TRUE(wanted_.take().has_value());
  // The reader does not read: sooner or later a write stays in flight, and nothing is wanted.
  constexpr int kBound = 10000;
  int given = 0;
  do {
    ASSERT_TRUE(writer_->give(numbered(given++, 65536)));
  } while (given < kBound && wanted_.take(500ms).has_value());
  ASSERT_LT(given, kBound) << "back-pressure";
  EXPECT_EQ(wanted_.size(), 0U);
  EchoResponse response;
  for (int i = 0; i < given; ++i) {
    ASSERT_TRUE(reader_->Read(&response));
    ASSERT_EQ(response.number(), i);
  }
  ASSERT_TRUE(wanted_.take().has_value()) << "read on, and the next is wanted";
  writer_->finish();
  EXPECT_FALSE(writer_->give(numbered(0)));
  EXPECT_FALSE(reader_->Read(&response));
  EXPECT_TRUE(reader_->Finish().ok());
  EXPECT_TRUE(ended_.take().has_value());
}

TEST_F(PullTest, CancelWhileTheProducerThinks) {
  start_pulling();
  ASSERT_TRUE(wanted_.take().has_value());
  context_.TryCancel();
  ASSERT_TRUE(ended_.take().has_value());
  EXPECT_TRUE(writer_->over());
  EXPECT_FALSE(writer_->give(numbered(0))) << "the late chunk goes nowhere";
}

TEST_F(PullTest, FinishWhileAWriteIsInFlight) {
  start_pulling();
  ASSERT_TRUE(wanted_.take().has_value());
  ASSERT_TRUE(writer_->give(numbered(1, 1000000)));
  writer_->fail(make_error(ErrorCode::kDataLoss, "torn"));
  EchoResponse response;
  ASSERT_TRUE(reader_->Read(&response));
  EXPECT_EQ(response.payload().size(), 1000000U);
  EXPECT_FALSE(reader_->Read(&response));
  EXPECT_EQ(reader_->Finish().error_code(), grpc::StatusCode::DATA_LOSS);
}

}  // namespace
}  // namespace takt::rpc
