// SPDX-License-Identifier: Apache-2.0
#include "config/tls_config.h"

#include <unistd.h>

#include <cstdlib>

namespace takt::config {

const KeyInfo kTlsCertificate{
    .section = "tls",
    .name = "certificate",
    .default_note = "the systemd credential takt.crt, if there is one",
    .accepts = "an absolute path",
    .help =
        "The certificate that is shown to the other side, in PEM form, followed by those between "
        "it and the CA. It says who this is by a subject alternative name URI:takt://ROLE/NAME; "
        "roles are scheduler, worker, operator and user. A new file is taken within seconds, "
        "without a restart; connections that are open stay as they are."};
const KeyInfo kTlsKey{.section = "tls",
                      .name = "key",
                      .default_note = "the systemd credential takt.key, if there is one",
                      .accepts = "an absolute path",
                      .help = "The certificate's private key, in PEM form, without a passphrase."};
const KeyInfo kTlsCa{
    .section = "tls",
    .name = "ca",
    .default_note = "the systemd credential takt.ca, if there is one",
    .accepts = "an absolute path",
    .help = "The CA certificates, in PEM form, of which one must have signed the other side's."};

Result<void> complete_tls(TlsConfig& tls, const std::string& credentials_directory) {
  const auto take = [&](std::string& path, const char* name) {
    const std::string credential = credentials_directory + "/" + name;
    if (!credentials_directory.empty() && path.empty() && ::access(credential.c_str(), F_OK) == 0)
      path = credential;
  };
  take(tls.certificate, "takt.crt");
  take(tls.key, "takt.key");
  take(tls.ca, "takt.ca");
  const int given =
      (tls.certificate.empty() ? 0 : 1) + (tls.key.empty() ? 0 : 1) + (tls.ca.empty() ? 0 : 1);
  if (given == 0 || given == 3) return {};
  const char* missing =
      tls.certificate.empty() ? "tls.certificate" : (tls.key.empty() ? "tls.key" : "tls.ca");
  return invalid(missing,
                 "not given, but others of [tls] are; TLS takes certificate, key and ca together");
}

std::string credentials_directory() {
  const char* directory = std::getenv("CREDENTIALS_DIRECTORY");
  return directory == nullptr ? "" : directory;
}

}  // namespace takt::config
