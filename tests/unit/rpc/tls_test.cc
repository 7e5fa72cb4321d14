// SPDX-License-Identifier: Apache-2.0
// Who gets in over TLS, who does not, and what each of them reads.
#include "rpc/tls.h"

#include <gmock/gmock.h>

#include "rpc/credentials.h"
#include "rpc/status.h"
#include "tls_fixture.h"

namespace takt::rpc {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// --- certificates by themselves ---

TEST(Certificates, TheNameIsTheOneUriOfOurs) {
  const auto name = name_from_uris({"https://example.org", "takt://worker/db-1"});
  ASSERT_TRUE(name.ok()) << name.error().message;
  EXPECT_EQ(name->role, Role::kWorker);
  EXPECT_EQ(name->name, "db-1");
  EXPECT_EQ(name->uri(), "takt://worker/db-1");
}

TEST(Certificates, ANameThatWillNotDoSaysWhatWould) {
  const std::pair<std::vector<std::string>, const char*> cases[] = {
      {{}, "no role"},
      {{"spiffe://x/y"}, "URI:takt://user/alice"},
      {{"takt://user/a", "takt://operator/a"}, "several roles"},
      {{"takt://admin/a"}, "takt://operator/NAME"},
      {{"takt://none/a"}, "is none of"},
      {{"takt://user/"}, "is none of"},
      {{"takt://user"}, "is none of"},
      {{"takt://user/a/b"}, "is none of"},
      {{"takt://user/a b"}, "is none of"},
      {{"takt://user/" + std::string(129, 'a')}, "is none of"},
  };
  for (const auto& [uris, text] : cases) {
    const auto name = name_from_uris(uris);
    ASSERT_FALSE(name.ok()) << (uris.empty() ? "" : uris.front());
    EXPECT_EQ(name.error().code, ErrorCode::kPermissionDenied);
    EXPECT_THAT(name.error().message, HasSubstr(text));
  }
}

TEST(Certificates, PeersAreVerified) {
  const test::TestCa ca;
  const test::TestCa other("another CA");
  const auto verify = [&ca](const test::KeyPair& pair, PeerKind kind = PeerKind::kClient) {
    // The CA's own certificate among those shown, as OpenSSL's clients send it, proves nothing.
    const auto peer = verify_peer(pair.certificate, ca.certificate(), ca.certificate(), kind);
    return peer ? "" : peer.error().message;
  };
  EXPECT_EQ(verify(ca.issue("user", "alice")), "");
  EXPECT_EQ(verify(ca.issue("scheduler", "main"), PeerKind::kServer), "");
  EXPECT_THAT(verify(other.issue("user", "alice")), HasSubstr("not signed by the CA"));
  test::CertificateWish wish{.common_name = "old",
                             .alternative_names = "URI:takt://user/old",
                             .valid_for = std::chrono::hours(-24)};
  EXPECT_THAT(verify(ca.issue(wish)), AllOf(HasSubstr("takt://user/old"), HasSubstr("expired on")));
  wish = {.common_name = "half", .alternative_names = "", .purposes = "clientAuth"};
  EXPECT_EQ(verify(ca.issue(wish)), "");
  EXPECT_THAT(verify(ca.issue(wish), PeerKind::kServer), HasSubstr("purpose"));
  EXPECT_EQ(verify({}), "no certificate was shown");
}

TEST_F(TlsTest, FilesThatWillNotDoAreNamed) {
  const auto good = ca_.issue("worker", "one");
  const auto trouble = [](const TlsFiles& files) {
    const auto tls = Tls::load(files);
    return tls ? std::string() : tls.error().message;
  };
  EXPECT_EQ(trouble(write(good, ca_.certificate())), "");
  TlsFiles files = write(good, ca_.certificate());
  files.ca += ".not";
  EXPECT_THAT(trouble(files), AllOf(HasSubstr("[tls] ca: "), HasSubstr(files.ca)));
  EXPECT_THAT(trouble(write(good, "nothing")), HasSubstr("[tls] ca: "));
  EXPECT_THAT(trouble(write({good.certificate, ca_.issue("worker", "two").key}, ca_.certificate())),
              AllOf(HasSubstr("[tls] key: "), HasSubstr("takt://worker/one")));
  EXPECT_THAT(trouble(write({"", good.key}, ca_.certificate())), HasSubstr("[tls] certificate: "));
  EXPECT_THAT(trouble(write({good.certificate, ""}, ca_.certificate())), HasSubstr("passphrase"));
  EXPECT_THAT(trouble(write(ca_.issue({}), ca_.certificate())), HasSubstr("no role"));
  files = write(good, ca_.certificate());
  ASSERT_EQ(::chmod(files.key.c_str(), 0644), 0);
  EXPECT_THAT(trouble(files), HasSubstr("chmod 600"));
}

TEST_F(TlsTest, TheProgramNeedsItsOwnRole) {
  const auto load = [this](const test::KeyPair& pair, bool insecure = false) {
    auto credentials = Credentials::load({.tls = write(pair, ca_.certificate()),
                                          .insecure = insecure,
                                          .own = {Role::kWorker, "one"}});
    return credentials ? std::string() : credentials.error().message;
  };
  EXPECT_EQ(load(ca_.issue("worker", "one")), "");
  EXPECT_THAT(load(ca_.issue("user", "alice")),
              AllOf(HasSubstr("takt://user/alice"), HasSubstr("takt://worker/one")));
  EXPECT_THAT(load(ca_.issue("worker", "two")), HasSubstr("needs one for takt://worker/one"));
  EXPECT_THAT(load(ca_.issue("worker", "one"), true), HasSubstr("take one of them out"));
}

// --- the handshake ---

TEST_F(TlsTest, ACertificateOfTheCaIsLetInWithItsRole) {
  start_tls();
  EchoResponse response;
  const auto tls = load(ca_.issue("user", "alice"));
  const grpc::Status status = call(*tls, &response);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(response.caller(), "takt://user/alice");
  EXPECT_EQ(response.role(), "user");
  EXPECT_THAT(LogCapture::lines(), IsEmpty());
}

TEST_F(TlsTest, AStrangersCertificateIsTurnedAway) {
  start_tls();
  const test::TestCa other("another CA");
  // It trusts the server, which does not trust it.
  const auto tls = load(other.issue("user", "alice"), ca_.certificate());
  EXPECT_FALSE(call(*tls).ok());
  EXPECT_THAT(LogCapture::lines(),
              ElementsAre(AllOf(HasSubstr("turned away a TLS client"), HasSubstr("CN=alice"),
                                HasSubstr("not signed by the CA"))));
}

TEST_F(TlsTest, AnExpiredCertificateIsTurnedAway) {
  start_tls();
  const auto tls = load(ca_.issue({.common_name = "alice",
                                   .alternative_names = "URI:takt://user/alice",
                                   .valid_for = std::chrono::hours(-24)}));
  EXPECT_FALSE(call(*tls).ok());
  EXPECT_THAT(LogCapture::lines(), ElementsAre(HasSubstr("expired on")));
}

TEST_F(TlsTest, WithoutACertificateNobodyGetsIn) {
  start_tls();
  const auto stub = foreign_stub({ca_.certificate(), "", ""});
  EchoResponse response;
  EXPECT_FALSE(echo(*stub, &response).ok());
  EXPECT_THAT(LogCapture::lines(), ElementsAre(HasSubstr("no certificate was shown")));
}

TEST_F(TlsTest, TheWrongRoleIsRefusedByName) {
  start_tls();
  const auto tls = load(ca_.issue("worker", "db-1"));
  const grpc::Status status = call(*tls);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::PERMISSION_DENIED);
  EXPECT_THAT(status.error_message(),
              AllOf(HasSubstr("takt://worker/db-1 may not call JobService.GetJob"),
                    HasSubstr("role user or operator")));
  EXPECT_THAT(LogCapture::lines(), ElementsAre(HasSubstr("refused JobService.GetJob")));
}

TEST_F(TlsTest, ACertificateWithoutARoleMayDoNothing) {
  start_tls();
  // Our own client would not load one.
  const auto pair = ca_.issue({.common_name = "alice", .alternative_names = ""});
  const auto stub = foreign_stub({ca_.certificate(), pair.key, pair.certificate});
  EchoResponse response;
  const grpc::Status status = echo(*stub, &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::PERMISSION_DENIED) << status.error_message();
  EXPECT_THAT(status.error_message(), HasSubstr("has no role"));
}

TEST_F(TlsTest, PlainTextOnTheTlsPortGetsNothing) {
  start_tls();
  EchoResponse response;
  const auto channel = make_channel(where_, {.wait_for_ready = false, .retry = false});
  ASSERT_TRUE(channel.ok());
  EXPECT_FALSE(echo(*EchoService::NewStub(*channel), &response).ok());
  ASSERT_FALSE(LogCapture::lines().empty());
  EXPECT_THAT(LogCapture::lines().front(), HasSubstr("it spoke plain text"));
}

TEST_F(TlsTest, TlsOnThePlainPortGetsNothing) {
  start_plain();
  const auto tls = load(ca_.issue("user", "alice"));
  EXPECT_FALSE(call(*tls).ok());
  ASSERT_FALSE(LogCapture::lines().empty());
  EXPECT_THAT(LogCapture::lines().back(), HasSubstr("it spoke TLS"));
}

TEST_F(TlsTest, AServerThatIsNotTheSchedulerIsNotCalled) {
  start_tls();
  const auto tls = load(ca_.issue("user", "alice"));
  EchoResponse response;
  grpc::Status status = echo(*tls_stub(*tls, {Role::kWorker, "db-1"}), &response);
  Error error = from_status(status);
  EXPECT_EQ(error.code, ErrorCode::kPermissionDenied) << status.error_message();
  EXPECT_EQ(error.message,
            "can't reach the server: the server's certificate \"CN=main\" is for "
            "takt://scheduler/main, not for takt://worker/db-1");
  const test::TestCa other("another CA");
  status = call(*load(ca_.issue("user", "alice"), other.certificate()));
  error = from_status(status);
  EXPECT_EQ(error.code, ErrorCode::kPermissionDenied) << status.error_message();
  EXPECT_THAT(error.message, HasSubstr("not signed by the CA that is trusted here"));
}

TEST_F(TlsTest, PlainTextIsCalledOnlyWithLeave) {
  const auto none = Credentials::load({});
  ASSERT_TRUE(none.ok());
  EXPECT_TRUE((*none)->may_call("unix:/run/x").ok());
  const auto refused = (*none)->channel("127.0.0.1:1", {Role::kScheduler, ""});
  ASSERT_FALSE(refused.ok());
  EXPECT_THAT(refused.error().message, HasSubstr("would be called in plain text"));
  const auto insecure = Credentials::load({.insecure = true});
  ASSERT_TRUE(insecure.ok());
  EXPECT_TRUE((*insecure)->may_call("127.0.0.1:1").ok());
}

// --- renewal ---

TEST_F(TlsTest, NewFilesAreTakenOnReload) {
  const auto first = ca_.issue("scheduler", "main");
  auto credentials = Credentials::load({.tls = write(first, ca_.certificate())});
  ASSERT_TRUE(credentials.ok());
  start_tls();
  (*credentials)->watch(*server_);
  const auto wait_for = [](const std::string& text) {
    const auto end = std::chrono::steady_clock::now() + kPatience;
    while (std::chrono::steady_clock::now() < end) {
      for (const std::string& line : LogCapture::lines())
        if (line.find(text) != std::string::npos) return true;
      std::this_thread::yield();
    }
    return false;
  };
  write({first.certificate, "torn"}, ca_.certificate());
  (*credentials)->reload();
  EXPECT_TRUE(wait_for("were not taken"));
  EXPECT_EQ((*credentials)->tls()->own().name.name, "main");
  write(ca_.issue("scheduler", "next"), ca_.certificate());
  (*credentials)->reload();
  EXPECT_TRUE(wait_for("new TLS files are in force for new connections: takt://scheduler/next"));
  EXPECT_EQ((*credentials)->tls()->own().name.name, "next");
  const auto user = load(ca_.issue("user", "alice"));
  EchoResponse response;
  EXPECT_TRUE(echo(*tls_stub(*user, {Role::kScheduler, "next"}), &response).ok());
  (*credentials)->end_watch();
}

}  // namespace
}  // namespace takt::rpc
