// SPDX-License-Identifier: Apache-2.0
// A certificate as the other side of a connection shows it, in DER form, and the names in it. It is
// its own CA here, so that one which is mutated behind its signature is read to the end.
#include <openssl/evp.h>

#include <string>
#include <vector>

#include "fuzz/fuzz.h"
#include "rpc/certificate.h"

namespace takt::fuzz {
namespace {

std::string pem(std::string_view der) {
  std::string text(4 * ((der.size() + 2) / 3) + 1, '\0');
  const int length = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                                     reinterpret_cast<const unsigned char*>(der.data()),
                                     static_cast<int>(der.size()));
  text.resize(static_cast<std::size_t>(length));
  for (std::size_t at = 64; at < text.size(); at += 65) text.insert(at, 1, '\n');
  return "-----BEGIN CERTIFICATE-----\n" + text + "\n-----END CERTIFICATE-----\n";
}

bool take_name(std::string_view input) {
  std::vector<std::string> uris;
  while (!input.empty() && uris.size() < 8) {
    const std::size_t end = std::min(input.find('\n'), input.size());
    uris.emplace_back(input.substr(0, end));
    input.remove_prefix(std::min(end + 1, input.size()));
  }
  const auto name = rpc::name_from_uris(uris);
  if (!name) return false;
  TAKT_CHECK(!name->name.empty() && name->role != rpc::Role::kNone, "a name without a role");
  const auto again = rpc::name_from_uris({name->uri()});
  TAKT_CHECK(again.ok() && again->uri() == name->uri(), "%s is another name", name->uri().c_str());
  return true;
}

}  // namespace

bool feed(std::string_view input) {
  const std::string shown = pem(input);
  const auto peer = rpc::verify_peer(shown, "", shown, rpc::PeerKind::kClient);
  static_cast<void>(rpc::inspect({.certificate = shown, .key = "", .ca = shown}));
  return take_name(input) || peer.ok();
}

}  // namespace takt::fuzz
