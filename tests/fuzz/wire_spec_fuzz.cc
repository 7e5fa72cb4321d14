// SPDX-License-Identifier: Apache-2.0
// A job's spec as a client sends it. What is taken comes back the same, from the wire and from the
// store, and is taken again.
#include "fuzz/fuzz.h"
#include "job/spec.h"
#include "rpc/convert_spec.h"

namespace takt::fuzz {

bool feed(std::string_view input) {
  v1::JobSpec message;
  if (!message.ParseFromArray(input.data(), static_cast<int>(input.size()))) return false;
  const auto spec = rpc::spec_from_proto(message);
  if (!spec) {
    TAKT_CHECK(!spec.error().message.empty(), "refused without a reason");
    return false;
  }
  const auto again = rpc::spec_from_proto(rpc::spec_to_proto(*spec));
  TAKT_CHECK(again.ok(), "what was taken is refused: %s", again.error().message.c_str());
  TAKT_CHECK(*again == *spec, "the wire has changed the spec");
  const auto kept = decode_spec(encode_spec(*spec));
  TAKT_CHECK(kept.ok(), "what was taken cannot be kept: %s", kept.error().message.c_str());
  TAKT_CHECK(*kept == *spec, "the store has changed the spec");
  static_cast<void>(rpc::refuse_waiting(message));
  return true;
}

}  // namespace takt::fuzz
