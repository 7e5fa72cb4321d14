// SPDX-License-Identifier: Apache-2.0
// Which versions of TLS get in: OpenSSL itself is the client, as old as the test wants it.
#include <gmock/gmock.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <array>
#include <string>
#include <thread>
#include <utility>

#include "rpc/address.h"
#include "tls_fixture.h"

namespace takt::rpc {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

template <class T, void (*free)(T*)>
struct Free {
  void operator()(T* object) const { free(object); }
};
using Context = std::unique_ptr<SSL_CTX, Free<SSL_CTX, SSL_CTX_free>>;
using Connection = std::unique_ptr<SSL, Free<SSL, SSL_free>>;
using Text = std::unique_ptr<BIO, Free<BIO, BIO_free_all>>;
using Certificate = std::unique_ptr<X509, Free<X509, X509_free>>;
using Key = std::unique_ptr<EVP_PKEY, Free<EVP_PKEY, EVP_PKEY_free>>;

// The first of OpenSSL's errors in this thread; the others are forgotten.
std::string first_error() {
  const unsigned long code = ::ERR_get_error();
  ::ERR_clear_error();
  const char* reason = ::ERR_reason_error_string(code);
  return reason == nullptr ? "no error of OpenSSL" : reason;
}

// What a server sends first over HTTP/2: its settings (RFC 9113, 3.4), here empty ones.
constexpr int kFrameSize = 9;
constexpr std::array<unsigned char, kFrameSize> kSettings = {0, 0, 0, 4, 0, 0, 0, 0, 0};
constexpr std::size_t kFrameType = 3;

class TlsVersionTest : public TlsTest {
 protected:
  void SetUp() override { start_tls(); }

  // What comes of a client that speaks `version` alone, as meet() says.
  std::string come_with(int version) const {
    const UniqueFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(parse_address(where_).value().port);
    const auto* generic = reinterpret_cast<const sockaddr*>(&address);
    EXPECT_EQ(::connect(socket.get(), generic, sizeof address), 0);
    return meet(socket.get(), version);
  }

  // The same client before a server that is OpenSSL too and minds no old version.
  std::string come_with_to_a_lenient_server(int version) const {
    std::array<int, 2> ends{};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
    UniqueFd ours(ends[0]);
    const UniqueFd theirs(ends[1]);
    std::thread server([&] {
      const Context context = make_context(::TLS_server_method(), version, server_pair());
      const Connection ssl(::SSL_new(context.get()));
      ::SSL_set_fd(ssl.get(), theirs.get());
      if (::SSL_accept(ssl.get()) != 1) return;
      ::SSL_write(ssl.get(), kSettings.data(), kFrameSize);
    });
    std::string outcome = meet(ours.get(), version);
    ours.reset();
    server.join();
    return outcome;
  }

 private:
  // The client's part: "let in by VERSION", or its error.
  std::string meet(int socket, int version) const {
    const timeval patience{.tv_sec = kPatience.count(), .tv_usec = 0};
    EXPECT_EQ(::setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience), 0);
    const test::KeyPair pair = ca_.issue("user", "alice");
    const Context context = make_context(::TLS_client_method(), version, pair);
    constexpr std::array<unsigned char, 3> kHttp2 = {2, 'h', '2'};
    EXPECT_EQ(::SSL_CTX_set_alpn_protos(context.get(), kHttp2.data(), kHttp2.size()), 0);
    const Connection ssl(::SSL_new(context.get()));
    ::SSL_set_fd(ssl.get(), socket);
    if (::SSL_connect(ssl.get()) != 1) return first_error();
    std::array<unsigned char, kFrameSize> frame{};
    if (::SSL_read(ssl.get(), frame.data(), kFrameSize) != kFrameSize) return first_error();
    if (frame[kFrameType] != kSettings[kFrameType]) return "no settings came";
    return std::string("let in by ") + ::SSL_get_version(ssl.get());
  }

  // Minds no old cipher and no old hash.
  static Context make_context(const SSL_METHOD* side, int version, const test::KeyPair& pair) {
    Context context(::SSL_CTX_new(side));
    EXPECT_EQ(::SSL_CTX_set_cipher_list(context.get(), "ALL:@SECLEVEL=0"), 1);
    EXPECT_EQ(SSL_CTX_set_min_proto_version(context.get(), version), 1);
    EXPECT_EQ(SSL_CTX_set_max_proto_version(context.get(), version), 1);
    const Text certificate_text(::BIO_new_mem_buf(pair.certificate.data(), -1));
    const Text key_text(::BIO_new_mem_buf(pair.key.data(), -1));
    const Certificate certificate(
        ::PEM_read_bio_X509(certificate_text.get(), nullptr, nullptr, nullptr));
    const Key key(::PEM_read_bio_PrivateKey(key_text.get(), nullptr, nullptr, nullptr));
    EXPECT_EQ(::SSL_CTX_use_certificate(context.get(), certificate.get()), 1);
    EXPECT_EQ(::SSL_CTX_use_PrivateKey(context.get(), key.get()), 1);
    return context;
  }
};

TEST_F(TlsVersionTest, NewOnesGetIn) {
  EXPECT_EQ(come_with(TLS1_2_VERSION), "let in by TLSv1.2");
  EXPECT_EQ(come_with(TLS1_3_VERSION), "let in by TLSv1.3");
}

TEST_F(TlsVersionTest, OldOnesAreTurnedAway) {
  const std::pair<int, const char*> old[] = {{TLS1_1_VERSION, "TLSv1.1"}, {TLS1_VERSION, "TLSv1"}};
  for (const auto& [version, name] : old) {
    EXPECT_THAT(come_with(version), Not(HasSubstr("let in"))) << name;
    // It was not for want of trying.
    EXPECT_EQ(come_with_to_a_lenient_server(version), std::string("let in by ") + name);
  }
}

}  // namespace
}  // namespace takt::rpc
