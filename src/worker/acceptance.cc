// SPDX-License-Identifier: Apache-2.0
#include "worker/acceptance.h"

#include "base/codec.h"

namespace takt::worker {
namespace {

constexpr std::string_view kMagic = "TKAC";
constexpr std::uint8_t kVersion = 1;

}  // namespace

Owner owner_of(const Acceptance& acceptance) {
  if (acceptance.owner != kDirectOwner) return Owner::scheduler(acceptance.owner);
  return Owner::direct(acceptance.submitted_by, acceptance.caller_uid);
}

std::string encode(const Acceptance& acceptance) {
  Encoder out;
  out.put(acceptance.owner);
  out.put(acceptance.boot_id);
  out.put(acceptance.submitted_by);
  out.put(acceptance.user);
  out.put_int(acceptance.caller_uid);
  out.put_int(to_unix_us(acceptance.accept_time));
  out.put(encode_spec(acceptance.spec));
  return out.finish(kMagic, kVersion);
}

Result<Acceptance> decode_acceptance(std::string_view record) {
  auto in = Decoder::open(record, kMagic, kVersion);
  if (!in) return in.error();
  Acceptance acceptance;
  acceptance.owner = in->get();
  acceptance.boot_id = in->get();
  acceptance.submitted_by = in->get();
  acceptance.user = in->get();
  acceptance.caller_uid = static_cast<uid_t>(in->get_int());
  acceptance.accept_time = from_unix_us(in->get_int());
  const std::string spec_record = in->get();
  if (auto whole = in->finish(); !whole) return whole.error().in("acceptance");
  auto spec = decode_spec(spec_record);
  if (!spec) return spec.error();
  acceptance.spec = std::move(*spec);
  return acceptance;
}

}  // namespace takt::worker
