// SPDX-License-Identifier: Apache-2.0
#include "tls_fixture.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "rpc/authorize.h"
#include "rpc/channel.h"
#include "rpc/unary.h"

namespace takt::rpc {

TlsFiles TlsTest::write(const test::KeyPair& pair, const std::string& ca) {
  TlsFiles files{folder_.path() + "/crt", folder_.path() + "/key", folder_.path() + "/ca"};
  EXPECT_TRUE(write_file(AT_FDCWD, files.certificate, pair.certificate, 0644).ok());
  EXPECT_TRUE(write_file(AT_FDCWD, files.key, pair.key, 0600).ok());
  EXPECT_TRUE(write_file(AT_FDCWD, files.ca, ca, 0644).ok());
  return files;
}

std::shared_ptr<const Tls> TlsTest::load(const test::KeyPair& pair, const std::string& ca) {
  auto tls = Tls::load(write(pair, ca));
  EXPECT_TRUE(tls.ok()) << tls.error().message;
  return tls ? *tls : nullptr;
}

test::KeyPair TlsTest::server_pair() const {
  return ca_.issue(
      {.common_name = "main", .alternative_names = "URI:takt://scheduler/main,DNS:main"});
}

void TlsTest::start_tls() { start_at(Tcp::kTls); }
void TlsTest::start_plain() { start_at(Tcp::kPlainText); }

void TlsTest::start_at(Tcp tcp) {
  const bool tls = tcp == Tcp::kTls;
  script_.echo = [tls](grpc::CallbackServerContext* context, const EchoRequest& request,
                       EchoResponse* response) {
    const Guard guard(tls ? tls_caller() : insecure_tcp_caller());
    const auto caller = guard.admit(*context, Action::kGetJob, request);
    if (!caller) return refuse(context, caller.error());
    response->set_caller(caller->describe());
    response->set_role(role_name(caller->role));
    response->set_payload(request.payload());
    return finish_now(context);
  };
  auto socket = bind_address("127.0.0.1:0", {.tcp = tcp});
  ASSERT_TRUE(socket.ok()) << socket.error().message;
  where_ = socket->display;
  std::vector<ListenSocket> sockets;
  sockets.push_back(std::move(*socket));
  tls_ = tls ? load(server_pair()) : nullptr;
  start_on(std::move(sockets));
}

std::unique_ptr<EchoService::Stub> TlsTest::tls_stub(const Tls& tls,
                                                     const CertificateName& expected) {
  const auto channel = make_channel(
      where_,
      {.wait_for_ready = false, .retry = false, .credentials = tls.channel_credentials(expected)});
  EXPECT_TRUE(channel.ok());
  return EchoService::NewStub(*channel);
}

std::unique_ptr<EchoService::Stub> TlsTest::foreign_stub(
    const grpc::SslCredentialsOptions& options) const {
  grpc::ChannelArguments arguments;
  arguments.SetSslTargetNameOverride("main");
  return EchoService::NewStub(
      grpc::CreateCustomChannel("dns:///" + where_, grpc::SslCredentials(options), arguments));
}

grpc::Status TlsTest::call(const Tls& tls, EchoResponse* response) {
  EchoResponse spare;
  return echo(*tls_stub(tls), response == nullptr ? &spare : response);
}

}  // namespace takt::rpc
