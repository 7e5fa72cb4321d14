// SPDX-License-Identifier: Apache-2.0
// The messages between worker, spawner and supervisor, as packets on a real socket.
#include "attempt/control.h"
#include "fuzz/fuzz.h"

namespace takt::fuzz {
namespace {

// What comes out of a socket is what went in.
void expect_delivered(std::string_view packet) {
  static auto ends = attempt::make_socket_pair();
  TAKT_CHECK(ends.ok(), "%s", ends.error().message.c_str());
  const auto sent = attempt::send_packet(ends->first.get(), packet);
  TAKT_CHECK(sent.ok(), "%s", sent.error().message.c_str());
  const auto got = attempt::receive_packet(ends->second.get());
  TAKT_CHECK(got.ok() && !got->end && got->data == packet, "a packet came as another one");
}

}  // namespace

bool feed(std::string_view input) {
  if (!input.empty() && input.size() <= attempt::kPacketMaxBytes) expect_delivered(input);
  return check_record(input, attempt::encode_message, attempt::decode_message);
}

}  // namespace takt::fuzz
