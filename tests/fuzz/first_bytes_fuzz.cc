// SPDX-License-Identifier: Apache-2.0
// What a client sends on a new connection before gRPC has it: all of it that our own code reads is
// whether it speaks HTTP/2 and has acknowledged SETTINGS. In whichever pieces the bytes come, the
// verdict is the same, and none of theirs is kept.
#include <algorithm>

#include "fuzz/fuzz.h"
#include "rpc/settings_ack.h"

namespace takt::fuzz {
namespace {

using Found = rpc::SettingsAckFinder::Found;

Found read(std::string_view bytes, std::size_t piece) {
  rpc::SettingsAckFinder finder;
  Found found = Found::kNotYet;
  while (!bytes.empty() && found == Found::kNotYet) {
    found = finder.feed(bytes.substr(0, piece));
    bytes.remove_prefix(std::min(piece, bytes.size()));
  }
  return found;
}

}  // namespace

bool feed(std::string_view input) {
  if (input.empty()) return false;
  const Found whole = read(input, input.size() + 1);
  for (const std::size_t piece : {std::size_t{1}, std::size_t{7}, torn(input).size() + 1})
    TAKT_CHECK(read(input, piece) == whole, "pieces of %zu bytes read otherwise", piece);
  return whole == Found::kAcknowledged;
}

}  // namespace takt::fuzz
