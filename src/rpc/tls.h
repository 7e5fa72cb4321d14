// SPDX-License-Identifier: Apache-2.0
// Mutual TLS (1.2 or later) of one program: what it shows, whom it trusts. Guarantees: immutable,
// since renewal makes another one; both sides verify the other's certificate in the handshake, and
// who connects out also its role and name. Host names play no part: an address may be anything.
#pragma once

#include <grpcpp/security/credentials.h>
#include <grpcpp/security/server_credentials.h>

#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "rpc/certificate.h"

namespace takt::rpc {

// Never change it: catalogs and scripts know it.
inline constexpr std::string_view kTlsClientRefusedId = "7a1c40e5d2f64d0bb0f3a1f2c9d83e42";

// Paths of files in PEM form; all three, or none for no TLS.
struct TlsFiles {
  std::string certificate;
  std::string key;
  std::string ca;
  [[nodiscard]] bool given() const { return !certificate.empty(); }
};

class Tls {
 public:
  // Reads and checks the files. The error names the key of [tls] and the file. Blocks on the disk.
  static Result<std::shared_ptr<const Tls>> load(const TlsFiles& files);

  [[nodiscard]] const CertificateInfo& own() const { return own_; }
  [[nodiscard]] bool same_as(const Tls& other) const { return pem_ == other.pem_; }

  // For a listening socket. A client that is turned away leaves one line in the log, and learns no
  // more than that the connection is closed.
  [[nodiscard]] std::shared_ptr<grpc::ServerCredentials> server_credentials() const;

  // For a channel to a server of that role, and of that name unless it is empty.
  [[nodiscard]] std::shared_ptr<grpc::ChannelCredentials> channel_credentials(
      const CertificateName& expected) const;

 private:
  Tls(Pem pem, CertificateInfo own) : pem_(std::move(pem)), own_(std::move(own)) {}
  const Pem pem_;
  const CertificateInfo own_;
};

}  // namespace takt::rpc
