// SPDX-License-Identifier: Apache-2.0
#include "rpc/server.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <grpcpp/generic/generic_stub.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <ctime>

#include "base/limits.h"
#include "fixture.h"
#include "rpc/address.h"
#include "rpc/bidi_client.h"
#include "rpc/channel.h"
#include "rpc/stream_writer.h"

namespace takt::rpc {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;

class ServerTest : public RpcTest {
 protected:
  std::shared_ptr<grpc::Channel> channel() {
    auto made = make_channel(address());
    EXPECT_TRUE(made.ok());
    return *made;
  }
};

TEST_F(ServerTest, EchoOverAnInheritedDescriptor) {
  // Nothing but a descriptor that listens, as from systemd.
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM, 0));
  const auto name = unix_sockaddr(socket_path());
  ASSERT_TRUE(name.ok());
  ASSERT_EQ(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&*name), sizeof *name), 0);
  ASSERT_EQ(::listen(fd.get(), 8), 0);
  std::vector<ListenSocket> sockets;
  auto adopted = adopt_socket(std::move(fd), Tcp::kRefused);
  ASSERT_TRUE(adopted.ok()) << adopted.error().message;
  sockets.push_back(std::move(*adopted));
  start_on(std::move(sockets));
  EXPECT_EQ(server_->displays(), std::vector<std::string>{address()});
  EchoResponse response;
  const grpc::Status status = echo(*stub(), &response, "hello");
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(response.payload(), "hello");
  server_->shutdown(1s);
  EXPECT_EQ(::access(socket_path().c_str(), F_OK), 0) << "the path is systemd's, not ours";
}

TEST_F(ServerTest, NoAddressIsRefused) {
  const auto server = Server::start({}, ServerOptions());
  ASSERT_FALSE(server.ok());
  EXPECT_THAT(server.error().message, HasSubstr(".socket unit"));
}

TEST_F(ServerTest, MessagesAreBounded) {
  start();
  const auto client = stub();
  EchoResponse response;
  const std::string fits(limits::kMessageMaxBytes - 1024, 'x');
  ASSERT_TRUE(echo(*client, &response, fits).ok());
  EXPECT_EQ(response.payload().size(), fits.size());
  const grpc::Status status =
      echo(*client, &response, std::string(limits::kMessageMaxBytes + 1, 'x'));
  EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED) << status.error_message();
}

TEST_F(ServerTest, TheServerRefusesAnOversizeMessageFromAnyClient) {
  start();
  grpc::ChannelArguments unlimited;
  unlimited.SetMaxSendMessageSize(-1);
  const auto client = EchoService::NewStub(grpc::CreateCustomChannel(
      "unix:" + socket_path(), grpc::InsecureChannelCredentials(), unlimited));
  EchoResponse response;
  const grpc::Status status =
      echo(*client, &response, std::string(limits::kMessageMaxBytes + 1, 'x'));
  EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED) << status.error_message();
  EXPECT_TRUE(echo(*client, &response, "small").ok()) << "the connection goes on";
}

TEST_F(ServerTest, HealthAnswersServing) {
  start();
  grpc::TemplatedGenericStub<test::HealthRequest, test::HealthResponse> generic(channel());
  for (const char* service : {"", "takt.test.EchoService"}) {
    grpc::ClientContext context;
    set_deadline(context);
    test::HealthRequest request;
    request.set_service(service);
    test::HealthResponse response;
    Mailbox<grpc::Status> done;
    generic.UnaryCall(&context, "/grpc.health.v1.Health/Check", grpc::StubOptions(), &request,
                      &response, [&done](grpc::Status status) { done.put(std::move(status)); });
    const auto status = done.take();
    ASSERT_TRUE(status && status->ok()) << (status ? status->error_message() : "no answer");
    EXPECT_EQ(response.status(), 1) << "SERVING";
  }
}

TEST_F(ServerTest, ReflectionListsTheServices) {
  start();
  using Stream = BidiClient<test::ReflectionRequest, test::ReflectionResponse>;
  grpc::TemplatedGenericStub<test::ReflectionRequest, test::ReflectionResponse> generic(channel());
  Mailbox<std::vector<std::string>> names;
  Mailbox<grpc::Status> ended;
  Stream::Events events;
  events.on_message = [&names](const std::shared_ptr<test::ReflectionResponse>& response) {
    std::vector<std::string> found;
    for (const auto& service : response->list_services_response().service())
      found.push_back(service.name());
    names.put(std::move(found));
  };
  events.on_end = [&ended](const grpc::Status& status) { ended.put(status); };
  const auto stream = Stream::create(4, 4, std::move(events));
  set_deadline(stream->context());
  stream->start([&generic](grpc::ClientContext* context, auto* reactor) {
    generic.PrepareBidiStreamingCall(
        context, "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
        grpc::StubOptions(), reactor);
  });
  test::ReflectionRequest request;
  request.set_list_services("*");
  EXPECT_TRUE(stream->send(request));
  const auto found = names.take();
  ASSERT_TRUE(found.has_value());
  EXPECT_THAT(*found, Contains("takt.test.EchoService"));
  EXPECT_THAT(*found, Contains("grpc.health.v1.Health"));
  stream->close();
  const auto status = ended.take();
  ASSERT_TRUE(status.has_value());
  EXPECT_TRUE(status->ok()) << status->error_message();
}

TEST_F(ServerTest, ShutdownWithOpenStreamsEndsWithinTheDeadline) {
  std::vector<std::shared_ptr<StreamWriter<EchoResponse>>> writers;
  Mailbox<int> opened;
  script_.push = [&](const EchoRequest&) {
    writers.push_back(StreamWriter<EchoResponse>::create(4));
    opened.put(1);
    return writers.back().get();
  };
  start();
  const auto client = stub();
  grpc::ClientContext context;
  set_deadline(context);
  const auto reader = client->Push(&context, EchoRequest());
  ASSERT_TRUE(opened.take().has_value());
  const auto before = std::chrono::steady_clock::now();
  server_->shutdown(200ms);  // nobody ends the stream: it is cancelled
  EXPECT_LT(std::chrono::steady_clock::now() - before, 5s);
  EchoResponse response;
  EXPECT_FALSE(reader->Read(&response));
  EXPECT_FALSE(reader->Finish().ok());
  EXPECT_FALSE(writers[0]->send(response));
}

TEST_F(ServerTest, ShutdownTellsStreamsToEndWithTheirOwnStatus) {
  std::shared_ptr<StreamWriter<EchoResponse>> writer;
  Mailbox<int> opened;
  script_.push = [&](const EchoRequest&) {
    writer = StreamWriter<EchoResponse>::create(4);
    opened.put(1);
    return writer.get();
  };
  end_streams_ = [&writer] {
    writer->fail(make_error(ErrorCode::kUnavailable, "the scheduler goes down; read on later"));
  };
  start();
  const auto client = stub();
  grpc::ClientContext context;
  set_deadline(context);
  const auto reader = client->Push(&context, EchoRequest());
  ASSERT_TRUE(opened.take().has_value());
  const auto before = std::chrono::steady_clock::now();
  server_->shutdown(kPatience);
  EXPECT_LT(std::chrono::steady_clock::now() - before, kPatience / 2) << "no need to wait";
  EchoResponse response;
  EXPECT_FALSE(reader->Read(&response));
  const grpc::Status status = reader->Finish();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(status.error_message(), "the scheduler goes down; read on later");
  EXPECT_NE(::access(socket_path().c_str(), F_OK), 0) << "a socket bound here is removed";
}

// Out of descriptors, connections wait; they are served when there are some again, and meanwhile
// the accept thread does not spin. The last few are left to the rest of the process.
class Shortage : public ServerTest, public testing::WithParamInterface<int> {};
INSTANTIATE_TEST_SUITE_P(Descriptors, Shortage, testing::Values(0, 8));

TEST_P(Shortage, ConnectionsWait) {
  start();
  const auto address = unix_sockaddr(socket_path());
  ASSERT_TRUE(address.ok());
  const UniqueFd client(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  rlimit none = before;
  const int lowest_free = ::dup(0);  // all below are taken
  ASSERT_EQ(::close(lowest_free), 0);
  none.rlim_cur = static_cast<rlim_t>(lowest_free + GetParam());
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  const auto* generic = reinterpret_cast<const sockaddr*>(&*address);
  const int connected = ::connect(client.get(), generic, sizeof *address);
  timespec cpu_before{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu_before);
  pollfd polled{client.get(), POLLIN, 0};
  const int early = ::poll(&polled, 1, 300);
  timespec cpu_after{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu_after);
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  ASSERT_EQ(connected, 0);
  EXPECT_EQ(early, 0) << "neither served nor hung up";
  const auto ms = [](const timespec& t) { return t.tv_sec * 1000 + t.tv_nsec / 1000000; };
  EXPECT_LT(ms(cpu_after) - ms(cpu_before), 150) << "spins";
  polled.revents = 0;
  ASSERT_EQ(::poll(&polled, 1, 10000), 1);
  char byte = 0;
  EXPECT_EQ(::recv(client.get(), &byte, 1, 0), 1) << "served at last";
}

}  // namespace
}  // namespace takt::rpc
