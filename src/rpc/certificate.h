// SPDX-License-Identifier: Apache-2.0
// X.509: who a certificate says its owner is, and whether it may be trusted. Pure and thread-safe;
// certificate.cc is the only user of OpenSSL.
#pragma once

#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "rpc/caller.h"

namespace takt::rpc {

// Who a certificate is for: its URI SAN takt://<role>/<name>.
struct CertificateName {
  Role role = Role::kNone;
  std::string name;
  [[nodiscard]] std::string uri() const;  // "takt://worker/db-1"
};

// The one takt:// URI among those of a certificate. kPermissionDenied, saying what is missing.
Result<CertificateName> name_from_uris(const std::vector<std::string>& uris);

// What a program shows and trusts, as text in PEM form.
struct Pem {
  std::string certificate;  // and those between it and the CA
  std::string key;
  std::string ca;  // one or more
  friend bool operator==(const Pem&, const Pem&) = default;
};

struct CertificateInfo {
  CertificateName name;
  std::string subject;  // "CN=db-1"
  WallTime not_after;
};

// Whether the three belong together and can be used. The error's field is "certificate", "key"
// or "ca".
Result<CertificateInfo> inspect(const Pem& pem);

// What to say of a certificate that has expired or is about to; empty for any other.
std::string expiry_warning(const CertificateInfo& info);

enum class PeerKind { kClient, kServer };

// Who showed `certificate_pem`. kPermissionDenied, with the certificate's names and OpenSSL's
// reason, unless it is valid now, for that purpose, and signed by one of `ca_pem`, if need be
// through those in `chain_pem`, which are trusted in nothing else. A certificate without a role is
// told as one of Role::kNone.
Result<CertificateInfo> verify_peer(const std::string& certificate_pem,
                                    const std::string& chain_pem, const std::string& ca_pem,
                                    PeerKind kind);

}  // namespace takt::rpc
