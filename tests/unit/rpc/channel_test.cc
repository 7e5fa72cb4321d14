// SPDX-License-Identifier: Apache-2.0
#include "rpc/channel.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <atomic>
#include <thread>

#include "base/fs.h"
#include "fixture.h"
#include "rpc/status.h"

namespace takt::rpc {
namespace {

using ::testing::HasSubstr;

class ChannelTest : public RpcTest {};

TEST_F(ChannelTest, ABadAddressIsNamed) {
  const auto channel = make_channel("nonsense");
  ASSERT_FALSE(channel.ok());
  EXPECT_EQ(channel.error().code, ErrorCode::kInvalid);
  EXPECT_FALSE(probe("nonsense").ok());
}

TEST_F(ChannelTest, ProbeSaysWhy) {
  const auto missing = probe("unix:" + folder_.path() + "/scheduler.sock");
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(missing.error().error_number, ENOENT);
  EXPECT_EQ(missing.error().message,
            "can't reach the scheduler at " + folder_.path() +
                "/scheduler.sock: there is no such socket. It does not run, or listens elsewhere: "
                "sudo systemctl start takt-scheduler.socket");
  {
    auto socket = bind_address(address());
    ASSERT_TRUE(socket.ok());
    EXPECT_TRUE(probe(address()).ok());
  }
  const auto refused = probe(address(), "the worker");
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().error_number, ECONNREFUSED);
  EXPECT_THAT(refused.error().message, HasSubstr("can't reach the worker at "));
  EXPECT_THAT(refused.error().message, HasSubstr("nobody listens"));
}

TEST_F(ChannelTest, ProbeWithoutPermissionNamesTheWayIn) {
  auto socket = bind_address(address());
  ASSERT_TRUE(socket.ok());
  ASSERT_EQ(::chmod(socket_path().c_str(), 0), 0);
  // Root passes every mode, so a thread of it becomes nobody, for itself only.
  Mailbox<Result<void>> results;
  std::thread([&] {
    if (::geteuid() == 0) {
      EXPECT_EQ(::syscall(SYS_setgroups, 0, nullptr), 0);
      EXPECT_EQ(::syscall(SYS_setresgid, 65534, 65534, 65534), 0);
      EXPECT_EQ(::syscall(SYS_setresuid, 65534, 65534, 65534), 0);
    }
    results.put(probe(address()));
  }).join();
  const auto denied = results.take();
  ASSERT_TRUE(denied.has_value() && !denied->ok());
  EXPECT_EQ(denied->error().code, ErrorCode::kPermissionDenied);
  EXPECT_THAT(denied->error().message, HasSubstr(": permission denied. "));
}

TEST_F(ChannelTest, ACallWaitsForAServerThatComesLater) {
  const auto channel = make_channel(address());
  ASSERT_TRUE(channel.ok());
  const auto client = EchoService::NewStub(*channel);
  Mailbox<grpc::Status> done;
  grpc::ClientContext context;
  set_deadline(context);
  const EchoRequest request;
  EchoResponse response;
  client->async()->Echo(&context, &request, &response,
                        [&done](grpc::Status status) { done.put(std::move(status)); });
  // The first attempt has failed when the channel says so.
  auto state = (*channel)->GetState(true);
  while (state != GRPC_CHANNEL_TRANSIENT_FAILURE &&
         (*channel)->WaitForStateChange(state, std::chrono::system_clock::now() + kPatience))
    state = (*channel)->GetState(true);
  ASSERT_EQ(state, GRPC_CHANNEL_TRANSIENT_FAILURE);
  EXPECT_EQ(done.size(), 0U);
  start();
  const auto status = done.take();
  ASSERT_TRUE(status.has_value());
  EXPECT_TRUE(status->ok()) << status->error_message();
}

TEST_F(ChannelTest, WithoutWaitingItFailsAtOnceWithAnExplanation) {
  ChannelOptions options;
  options.wait_for_ready = false;
  options.retry = false;
  const auto channel = make_channel(address(), options);
  ASSERT_TRUE(channel.ok());
  const auto client = EchoService::NewStub(*channel);
  EchoResponse response;
  const grpc::Status status = echo(*client, &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_THAT(from_status(status).message, HasSubstr("is it running"));
}

TEST_F(ChannelTest, RepeatsOnUnavailableAndCancelledOnly) {
  std::atomic<int> calls{0};
  std::atomic<grpc::StatusCode> code{grpc::StatusCode::UNAVAILABLE};
  script_.echo = [&](grpc::CallbackServerContext* context, const EchoRequest&, EchoResponse*) {
    auto* const reactor = context->DefaultReactor();
    reactor->Finish(++calls < 4 ? grpc::Status(code.load(), "not now") : grpc::Status::OK);
    return reactor;
  };
  start();
  const auto channel = make_channel(address());
  ASSERT_TRUE(channel.ok());
  const auto client = EchoService::NewStub(*channel);
  EchoResponse response;
  EXPECT_TRUE(echo(*client, &response).ok());
  EXPECT_EQ(calls, 4);
  calls = 0;
  code = grpc::StatusCode::CANCELLED;
  EXPECT_TRUE(echo(*client, &response).ok());
  EXPECT_EQ(calls, 4);
  calls = 0;
  code = grpc::StatusCode::NOT_FOUND;
  EXPECT_EQ(echo(*client, &response).error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(calls, 1);
}

// A daemon restarted under calls: its socket stays (as systemd keeps it), the server is another.
TEST_F(ChannelTest, CallsOutliveARestart) {
  auto socket = bind_address(address());
  ASSERT_TRUE(socket.ok());
  const auto restart = [&] {
    UniqueFd copy(::fcntl(socket->fd.get(), F_DUPFD_CLOEXEC, 0));
    auto adopted = adopt_socket(std::move(copy), Tcp::kRefused);
    ASSERT_TRUE(adopted.ok());
    std::vector<ListenSocket> sockets;
    sockets.push_back(std::move(*adopted));
    server_.reset();
    start_on(std::move(sockets));
  };
  restart();
  const auto channel = make_channel(address());
  ASSERT_TRUE(channel.ok());
  const auto client = EchoService::NewStub(*channel);
  std::atomic<bool> stop{false};
  std::atomic<int> good{0};
  Mailbox<std::string> failures;
  std::thread calling([&] {
    while (!stop) {
      EchoResponse response;
      const grpc::Status status = echo(*client, &response);
      status.ok() ? void(++good) : failures.put(status.error_message());
    }
  });
  for (int i = 0; i < 10; ++i) {
    const int before = good;
    restart();
    const auto deadline = std::chrono::steady_clock::now() + kPatience;
    while (good <= before + 1 && std::chrono::steady_clock::now() < deadline)
      std::this_thread::yield();
  }
  stop = true;
  calling.join();
  EXPECT_EQ(failures.size(), 0U) << failures.take().value_or("");
  EXPECT_GT(good, 10);
}

}  // namespace
}  // namespace takt::rpc
