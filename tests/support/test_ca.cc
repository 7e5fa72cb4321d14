// SPDX-License-Identifier: Apache-2.0
#include "support/test_ca.h"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "base/check.h"

namespace takt::test {
namespace {

constexpr long kDay = 24L * 3600;

EVP_PKEY* new_key() {
  EVP_PKEY* key = EVP_EC_gen("P-256");
  TAKT_CHECK(key != nullptr, "no key");
  return key;
}

template <class Write>
std::string to_pem(Write write) {
  BIO* bio = BIO_new(BIO_s_mem());
  TAKT_CHECK(write(bio) == 1, "no PEM");
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  std::string pem(data, static_cast<std::size_t>(size));
  BIO_free(bio);
  return pem;
}

std::string to_pem(X509* certificate) {
  return to_pem([certificate](BIO* bio) { return PEM_write_bio_X509(bio, certificate); });
}

void add_extension(X509* certificate, X509* issuer, int id, const std::string& value) {
  if (value.empty()) return;
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, id, value.c_str());
  TAKT_CHECK(extension != nullptr, "extension \"%s\"", value.c_str());
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

// Without extensions and signature.
X509* new_certificate(const std::string& common_name, EVP_PKEY* key, std::chrono::seconds life) {
  static long serial = 0;
  X509* certificate = X509_new();
  X509_set_version(certificate, X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), ++serial);
  X509_gmtime_adj(X509_getm_notBefore(certificate), -2 * kDay);
  X509_gmtime_adj(X509_getm_notAfter(certificate), static_cast<long>(life.count()));
  X509_set_pubkey(certificate, key);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(common_name.c_str()), -1, -1,
                             0);
  return certificate;
}

}  // namespace

struct TestCa::Parts {
  EVP_PKEY* key = nullptr;
  X509* certificate = nullptr;
};

TestCa::TestCa(const std::string& name) : parts_(std::make_unique<Parts>()) {
  parts_->key = new_key();
  parts_->certificate = new_certificate(name, parts_->key, std::chrono::hours(24 * 30));
  X509_set_issuer_name(parts_->certificate, X509_get_subject_name(parts_->certificate));
  add_extension(parts_->certificate, parts_->certificate, NID_basic_constraints,
                "critical,CA:TRUE");
  TAKT_CHECK(X509_sign(parts_->certificate, parts_->key, EVP_sha256()) > 0, "not signed");
  pem_ = to_pem(parts_->certificate);
}

TestCa::~TestCa() {
  X509_free(parts_->certificate);
  EVP_PKEY_free(parts_->key);
}

KeyPair TestCa::issue(const CertificateWish& wish) const {
  EVP_PKEY* key = new_key();
  X509* certificate = new_certificate(wish.common_name, key, wish.valid_for);
  X509_set_issuer_name(certificate, X509_get_subject_name(parts_->certificate));
  add_extension(certificate, parts_->certificate, NID_subject_alt_name, wish.alternative_names);
  add_extension(certificate, parts_->certificate, NID_ext_key_usage, wish.purposes);
  TAKT_CHECK(X509_sign(certificate, parts_->key, EVP_sha256()) > 0, "not signed");
  KeyPair pair;
  pair.certificate = to_pem(certificate);
  pair.key = to_pem([key](BIO* bio) {
    return PEM_write_bio_PrivateKey(bio, key, nullptr, nullptr, 0, nullptr, nullptr);
  });
  X509_free(certificate);
  EVP_PKEY_free(key);
  return pair;
}

KeyPair TestCa::issue(const std::string& role, const std::string& name) const {
  CertificateWish wish;
  wish.common_name = name;
  wish.alternative_names = "URI:takt://" + role + "/" + name;
  return issue(wish);
}

}  // namespace takt::test
