// SPDX-License-Identifier: Apache-2.0
#include "rpc/certificate.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include <ctime>
#include <memory>
#include <string_view>
#include <utility>

namespace takt::rpc {
namespace {

constexpr std::string_view kScheme = "takt://";
constexpr std::size_t kNameMaxBytes = 128;  // as of a worker
constexpr int kChainMax = 64;               // certificates in a chain or CA file
constexpr auto kWarnBefore = std::chrono::hours(7 * 24);

template <auto Free>
struct Freer {
  template <class T>
  void operator()(T* object) const {
    Free(object);
  }
};
using Bio = std::unique_ptr<BIO, Freer<BIO_free>>;
using Certificate = std::unique_ptr<X509, Freer<X509_free>>;
using Key = std::unique_ptr<EVP_PKEY, Freer<EVP_PKEY_free>>;
using Trust = std::unique_ptr<X509_STORE, Freer<X509_STORE_free>>;
using Check = std::unique_ptr<X509_STORE_CTX, Freer<X509_STORE_CTX_free>>;
using Names = std::unique_ptr<GENERAL_NAMES, Freer<GENERAL_NAMES_free>>;

struct FreeStack {
  void operator()(STACK_OF(X509) * stack) const { sk_X509_free(stack); }
};
using Stack = std::unique_ptr<STACK_OF(X509), FreeStack>;

Bio open(const std::string& pem) {
  Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  TAKT_CHECK(bio != nullptr, "out of memory");
  return bio;
}

// All certificates of a text, at most kChainMax.
std::vector<Certificate> read_certificates(const std::string& pem) {
  std::vector<Certificate> found;
  const Bio bio = open(pem);
  for (int i = 0; i < kChainMax; ++i) {
    Certificate next(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
    if (next == nullptr) break;
    found.push_back(std::move(next));
  }
  ERR_clear_error();  // the end of the text is an error to OpenSSL
  return found;
}

// A key with a passphrase is not readable here: nobody is asked.
Key read_key(const std::string& pem) {
  const auto no_passphrase = [](char*, int, int, void*) { return -1; };
  const Bio bio = open(pem);
  Key key(PEM_read_bio_PrivateKey(bio.get(), nullptr, no_passphrase, nullptr));
  ERR_clear_error();
  return key;
}

WallTime to_wall(const ASN1_TIME* time) {
  std::tm parts{};
  if (time == nullptr || ASN1_TIME_to_tm(time, &parts) != 1) return WallTime();
  return WallTime(std::chrono::seconds(::timegm(&parts)));
}

std::string to_text(WallTime time) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(time);
  std::tm parts{};
  char text[32] = "";
  if (::gmtime_r(&seconds, &parts) == nullptr ||
      std::strftime(text, sizeof text, "%Y-%m-%d %H:%M UTC", &parts) == 0)
    return "an unknown time";
  return text;
}

std::string subject_of(const X509* certificate) {
  const Bio bio(BIO_new(BIO_s_mem()));
  TAKT_CHECK(bio != nullptr, "out of memory");
  X509_NAME_print_ex(bio.get(), X509_get_subject_name(certificate), 0, XN_FLAG_RFC2253);
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return size > 0 ? std::string(data, static_cast<std::size_t>(size)) : "no subject";
}

std::vector<std::string> uris_of(const X509* certificate) {
  std::vector<std::string> uris;
  const Names names(static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; names != nullptr && i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type != GEN_URI) continue;
    const ASN1_IA5STRING* uri = name->d.uniformResourceIdentifier;
    uris.emplace_back(reinterpret_cast<const char*>(ASN1_STRING_get0_data(uri)),
                      static_cast<std::size_t>(ASN1_STRING_length(uri)));
  }
  return uris;
}

CertificateInfo info_of(const X509* certificate) {
  CertificateInfo info;
  if (auto name = name_from_uris(uris_of(certificate))) info.name = std::move(*name);
  info.subject = subject_of(certificate);
  info.not_after = to_wall(X509_get0_notAfter(certificate));
  return info;
}

std::string describe(const CertificateInfo& info) {
  const bool named = info.name.role != Role::kNone;
  return "\"" + info.subject + "\"" + (named ? " (" + info.name.uri() + ")" : "");
}

Error bad(const char* field, const std::string& trouble) { return invalid(field, trouble); }

std::string trouble_text(int code, const CertificateInfo& info) {
  const std::string which = "the certificate " + describe(info);
  switch (code) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return which + " expired on " + to_text(info.not_after);
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_CERT_SIGNATURE_FAILURE:
      return which + " is not signed by the CA that is trusted here (" +
             X509_verify_cert_error_string(code) + ")";
    default:
      return which + " is not valid: " + X509_verify_cert_error_string(code);
  }
}

bool name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
         c == '_' || c == '-' || c == '@';
}

Result<CertificateName> parse_uri(std::string_view uri) {
  const std::string_view path = uri.substr(kScheme.size());
  const std::size_t slash = path.find('/');
  const std::string_view role = path.substr(0, slash);
  const std::string_view name = slash == std::string_view::npos ? "" : path.substr(slash + 1);
  bool good = !name.empty() && name.size() <= kNameMaxBytes;
  for (const char c : name) good = good && name_character(c);
  for (const Role known : {Role::kUser, Role::kOperator, Role::kScheduler, Role::kWorker})
    if (good && role == role_name(known)) return CertificateName{known, std::string(name)};
  return make_error(ErrorCode::kPermissionDenied,
                    "the certificate's URI \"" + std::string(uri.substr(0, 256)) +
                        "\" is none of takt://scheduler/NAME, takt://worker/NAME, "
                        "takt://operator/NAME and takt://user/NAME");
}

}  // namespace

std::string CertificateName::uri() const {
  return std::string(kScheme) + role_name(role) + "/" + name;
}

Result<CertificateName> name_from_uris(const std::vector<std::string>& uris) {
  const std::string* ours = nullptr;
  for (const std::string& uri : uris) {
    if (!uri.starts_with(kScheme)) continue;
    if (ours != nullptr)
      return make_error(ErrorCode::kPermissionDenied, "the certificate has several roles, " +
                                                          *ours + " and " + uri +
                                                          "; issue one certificate for each");
    ours = &uri;
  }
  if (ours == nullptr)
    return make_error(ErrorCode::kPermissionDenied,
                      "the certificate has no role: it needs a subject alternative name such as "
                      "URI:takt://user/alice (roles: user, operator, scheduler, worker)");
  return parse_uri(*ours);
}

Result<CertificateInfo> inspect(const Pem& pem) {
  const auto chain = read_certificates(pem.certificate);
  if (chain.empty()) return bad("certificate", "holds no certificate in PEM form");
  const Key key = read_key(pem.key);
  if (key == nullptr)
    return bad("key", "holds no private key in PEM form that can be read without a passphrase");
  if (X509_check_private_key(chain.front().get(), key.get()) != 1) {
    ERR_clear_error();
    return bad("key", "is not the key of the certificate " + describe(info_of(chain[0].get())));
  }
  if (read_certificates(pem.ca).empty()) return bad("ca", "holds no certificate in PEM form");
  CertificateInfo info = info_of(chain.front().get());
  if (auto name = name_from_uris(uris_of(chain.front().get())); !name)
    return bad("certificate", name.error().message);
  return info;
}

std::string expiry_warning(const CertificateInfo& info) {
  const auto left = info.not_after - wall_now();
  if (left > kWarnBefore) return "";
  if (left <= left.zero())
    return "the certificate " + describe(info) + " expired on " + to_text(info.not_after) +
           ": nobody will accept it";
  return "the certificate " + describe(info) + " expires on " + to_text(info.not_after);
}

Result<CertificateInfo> verify_peer(const std::string& certificate_pem,
                                    const std::string& chain_pem, const std::string& ca_pem,
                                    PeerKind kind) {
  const auto shown = read_certificates(certificate_pem);
  if (shown.empty()) return make_error(ErrorCode::kPermissionDenied, "no certificate was shown");
  X509* const own = shown.front().get();
  const auto roots = read_certificates(ca_pem);
  const auto chain = read_certificates(chain_pem);
  const Trust trust(X509_STORE_new());
  const Check check(X509_STORE_CTX_new());
  const Stack between(sk_X509_new_null());
  TAKT_CHECK(trust != nullptr && check != nullptr && between != nullptr, "out of memory");
  for (const Certificate& root : roots) X509_STORE_add_cert(trust.get(), root.get());
  for (const Certificate& link : chain) sk_X509_push(between.get(), link.get());
  TAKT_CHECK(X509_STORE_CTX_init(check.get(), trust.get(), own, between.get()) == 1,
             "out of memory");
  X509_STORE_CTX_set_default(check.get(), kind == PeerKind::kClient ? "ssl_client" : "ssl_server");
  CertificateInfo info = info_of(own);
  if (X509_verify_cert(check.get()) != 1) {
    const int code = X509_STORE_CTX_get_error(check.get());
    const X509* culprit = X509_STORE_CTX_get_current_cert(check.get());
    ERR_clear_error();
    return make_error(ErrorCode::kPermissionDenied,
                      trouble_text(code, culprit == nullptr ? info : info_of(culprit)));
  }
  return info;
}

}  // namespace takt::rpc
