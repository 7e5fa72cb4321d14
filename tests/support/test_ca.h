// SPDX-License-Identifier: Apache-2.0
// A certification authority for tests: makes certificates with the names, times and purposes that a
// test wants.
#pragma once

#include <chrono>
#include <memory>
#include <string>

namespace takt::test {

struct KeyPair {
  std::string certificate;  // PEM
  std::string key;          // PEM
};

struct CertificateWish {
  std::string common_name = "somebody";
  std::string alternative_names;  // as openssl writes them: "URI:takt://user/alice,DNS:localhost"
  std::chrono::seconds valid_for = std::chrono::hours(24);  // from a day ago on if negative
  std::string purposes = "serverAuth,clientAuth";
};

class TestCa {
 public:
  explicit TestCa(const std::string& name = "test CA");
  ~TestCa();
  [[nodiscard]] const std::string& certificate() const { return pem_; }
  [[nodiscard]] KeyPair issue(const CertificateWish& wish) const;
  // With URI:takt://ROLE/NAME.
  [[nodiscard]] KeyPair issue(const std::string& role, const std::string& name) const;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
  std::string pem_;
};

}  // namespace takt::test
