// SPDX-License-Identifier: Apache-2.0
// Section [tls], the same in every configuration file.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "config/key_table.h"
#include "config/values.h"

namespace takt::config {

// Paths of files in PEM form: all three, or all empty.
struct TlsConfig {
  std::string certificate;
  std::string key;
  std::string ca;
  [[nodiscard]] bool given() const { return !certificate.empty(); }
  friend bool operator==(const TlsConfig&, const TlsConfig&) = default;
};

extern const KeyInfo kTlsCertificate;
extern const KeyInfo kTlsKey;
extern const KeyInfo kTlsCa;
inline constexpr SectionInfo kTlsSection{
    "tls", "Mutual TLS for all that goes over TCP; takt-tls(7) tells how to make the files."};

// Takes what was not given from the credentials that systemd hands to a service (takt.crt, takt.key
// and takt.ca in `credentials_directory`, which may be empty). kInvalid if some of the three are
// given and some are not.
Result<void> complete_tls(TlsConfig& tls, const std::string& credentials_directory);

// $CREDENTIALS_DIRECTORY, or empty.
std::string credentials_directory();

namespace detail {
template <class Config, std::string TlsConfig::*Member>
Key<Config> tls_key(const KeyInfo& info) {
  return {
      .info = info,
      .set = [](Config& config, std::string_view value, std::string_view field) -> Result<void> {
        auto path = parse_path(value, field);
        if (!path) return path.error();
        config.tls.*Member = *std::move(path);
        return {};
      },
      .differs = [](const Config& one,
                    const Config& other) { return one.tls.*Member != other.tls.*Member; },
      .take = [](Config& config, const Config& other) { config.tls.*Member = other.tls.*Member; }};
}
}  // namespace detail

// `keys` and those of [tls], which go to Config::tls.
template <class Config>
std::vector<Key<Config>> with_tls(std::vector<Key<Config>> keys) {
  keys.push_back(detail::tls_key<Config, &TlsConfig::certificate>(kTlsCertificate));
  keys.push_back(detail::tls_key<Config, &TlsConfig::key>(kTlsKey));
  keys.push_back(detail::tls_key<Config, &TlsConfig::ca>(kTlsCa));
  return keys;
}

}  // namespace takt::config
