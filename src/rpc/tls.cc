// SPDX-License-Identifier: Apache-2.0
#include "rpc/tls.h"

#include <fcntl.h>
#include <grpcpp/security/tls_certificate_provider.h>
#include <grpcpp/security/tls_certificate_verifier.h>
#include <grpcpp/security/tls_credentials_options.h>
#include <sys/stat.h>

#include <functional>
#include <utility>
#include <vector>

#include "base/fs.h"
#include "base/limits.h"
#include "base/log.h"
#include "rpc/log_gate.h"
#include "rpc/status.h"

namespace takt::rpc {
namespace {

using grpc::experimental::CertificateVerifier;
using grpc::experimental::ExternalCertificateVerifier;
using grpc::experimental::TlsCustomVerificationCheckRequest;

std::string to_string(grpc::string_ref text) { return {text.data(), text.size()}; }

// OpenSSL is asked here rather than in gRPC's handshake, which would not tell what was wrong.
class Verifier : public ExternalCertificateVerifier {
 public:
  Verifier(std::string ca, PeerKind kind) : ca_(std::move(ca)), kind_(kind) {}

  bool Verify(TlsCustomVerificationCheckRequest* request, std::function<void(grpc::Status)>,
              grpc::Status* status) final {
    // On a server OpenSSL leaves the peer's own certificate out of its chain.
    const Result<void> judged = judge(verify_peer(
        to_string(request->peer_cert()), to_string(request->peer_cert_full_chain()), ca_, kind_));
    if (!judged)
      *status = grpc::Status(grpc::StatusCode::UNAUTHENTICATED,
                             std::string(kServerRefused) + judged.error().message);
    return true;  // decided at once
  }
  void Cancel(TlsCustomVerificationCheckRequest*) final {}

 private:
  virtual Result<void> judge(const Result<CertificateInfo>& peer) = 0;
  const std::string ca_;
  const PeerKind kind_;
};

// Of who connects here. The role is for authorize(): without one nothing may be called.
class ClientVerifier final : public Verifier {
 public:
  explicit ClientVerifier(std::string ca) : Verifier(std::move(ca), PeerKind::kClient) {}

 private:
  // The client sees a closed connection only, so the line is for who looks after it here.
  Result<void> judge(const Result<CertificateInfo>& peer) final {
    if (peer) return {};
    if (gate_.open())
      log_warning("turned away a TLS client: " + peer.error().message,
                  {message_id(kTlsClientRefusedId)});
    return peer.error();
  }
  LogGate gate_{limits::kRefusalLinesPerMinute};
};

// Of whom this program connects to.
class ServerVerifier final : public Verifier {
 public:
  ServerVerifier(std::string ca, CertificateName expected)
      : Verifier(std::move(ca), PeerKind::kServer), expected_(std::move(expected)) {}

 private:
  Result<void> judge(const Result<CertificateInfo>& peer) final {
    if (!peer) return peer.error();
    const CertificateName& name = peer->name;
    if (name.role == expected_.role && (expected_.name.empty() || name.name == expected_.name))
      return {};
    const std::string wanted =
        expected_.name.empty() ? std::string("a ") + role_name(expected_.role) : expected_.uri();
    const std::string is = name.role == Role::kNone ? "has no role" : "is for " + name.uri();
    return make_error(ErrorCode::kPermissionDenied, "the server's certificate \"" + peer->subject +
                                                        "\" " + is + ", not for " + wanted);
  }
  const CertificateName expected_;
};

std::shared_ptr<grpc::experimental::CertificateProviderInterface> provider_of(const Pem& pem) {
  return std::make_shared<grpc::experimental::StaticDataCertificateProvider>(
      pem.ca, std::vector<grpc::experimental::IdentityKeyCertPair>{{pem.key, pem.certificate}});
}

void set_up(grpc::experimental::TlsCredentialsOptions& options,
            std::shared_ptr<CertificateVerifier> verifier) {
  options.watch_root_certs();
  options.watch_identity_key_cert_pairs();
  options.set_certificate_verifier(std::move(verifier));
  options.set_check_call_host(false);
}

Result<std::string> read_pem(const char* key, const std::string& path) {
  Result<std::string> text = read_file(AT_FDCWD, path, limits::kPemMaxBytes);
  if (text) return text;
  return invalid(key, std::string("[tls] ") + key + ": " + text.error().message);
}

// Whoever can read the key can be us.
Result<void> check_private(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return {};  // reading it says why
  if ((status.st_mode & S_IROTH) == 0) return {};
  return invalid("key", "[tls] key: " + path +
                            " can be read by everybody; allow only its user: chmod 600 " + path);
}

}  // namespace

Result<std::shared_ptr<const Tls>> Tls::load(const TlsFiles& files) {
  auto certificate = read_pem("certificate", files.certificate);
  if (!certificate) return certificate.error();
  if (auto secret = check_private(files.key); !secret) return secret.error();
  auto key = read_pem("key", files.key);
  if (!key) return key.error();
  auto ca = read_pem("ca", files.ca);
  if (!ca) return ca.error();
  Pem pem{std::move(*certificate), std::move(*key), std::move(*ca)};
  auto own = inspect(pem);
  if (!own) {
    const std::string& field = own.error().field;
    const std::string& path =
        field == "key" ? files.key : (field == "ca" ? files.ca : files.certificate);
    return invalid(field, "[tls] " + field + ": " + path + ": " + own.error().message);
  }
  return std::shared_ptr<const Tls>(new Tls(std::move(pem), std::move(*own)));
}

std::shared_ptr<grpc::ServerCredentials> Tls::server_credentials() const {
  grpc::experimental::TlsServerCredentialsOptions options(provider_of(pem_));
  // "Don't verify" leaves it to the verifier, which gets to see a missing certificate too.
  options.set_cert_request_type(GRPC_SSL_REQUEST_CLIENT_CERTIFICATE_BUT_DONT_VERIFY);
  set_up(options, ExternalCertificateVerifier::Create<ClientVerifier>(pem_.ca));
  return grpc::experimental::TlsServerCredentials(options);
}

std::shared_ptr<grpc::ChannelCredentials> Tls::channel_credentials(
    const CertificateName& expected) const {
  grpc::experimental::TlsChannelCredentialsOptions options;
  options.set_certificate_provider(provider_of(pem_));
  options.set_verify_server_certs(false);  // the verifier does
  set_up(options, ExternalCertificateVerifier::Create<ServerVerifier>(pem_.ca, expected));
  return grpc::experimental::TlsCredentials(options);
}

}  // namespace takt::rpc
