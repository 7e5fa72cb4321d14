// SPDX-License-Identifier: Apache-2.0
// The record of an accepted start: whole or an error.
#include "worker/acceptance.h"

#include <gtest/gtest.h>

#include <string>

#include "base/codec.h"
#include "unit/job/specs.h"

namespace takt::worker {
namespace {

Acceptance acceptance() {
  return {.owner = "7a359f99-4e9f-4d45-99c0-111c20c503f8",
          .boot_id = "boot",
          .submitted_by = "user alice",
          .user = "backup",
          .caller_uid = static_cast<uid_t>(-1),
          .accept_time = from_unix_us(1'795'000'000'123'456),
          .spec = test::full_spec()};
}

void expect_data_loss(const std::string& record, const std::string& what) {
  const auto decoded = decode_acceptance(record);
  ASSERT_FALSE(decoded.ok()) << what;
  EXPECT_EQ(decoded.error().code, ErrorCode::kDataLoss) << what;
}

TEST(Acceptance, WhatGoesInComesOut) {
  const Acceptance in = acceptance();
  const Acceptance out = decode_acceptance(encode(in)).value();
  EXPECT_EQ(out.owner, in.owner);
  EXPECT_EQ(out.boot_id, in.boot_id);
  EXPECT_EQ(out.submitted_by, in.submitted_by);
  EXPECT_EQ(out.user, in.user);
  EXPECT_EQ(out.caller_uid, in.caller_uid);
  EXPECT_EQ(out.accept_time, in.accept_time);
  EXPECT_EQ(out.spec, in.spec);
}

TEST(Acceptance, EveryTornRecordIsAnError) {
  const std::string whole = encode(acceptance());
  for (std::size_t size = 0; size < whole.size(); ++size)
    expect_data_loss(whole.substr(0, size), "cut to " + std::to_string(size));
  expect_data_loss(whole + "x", "one byte more");
}

TEST(Acceptance, EveryAlteredByteIsAnError) {
  const std::string whole = encode(acceptance());
  for (std::size_t at = 0; at < whole.size(); ++at) {
    std::string altered = whole;
    altered[at] = static_cast<char>(altered[at] ^ 0x20);
    expect_data_loss(altered, "byte " + std::to_string(at));
  }
}

TEST(Acceptance, ForeignRecordsAndForeignSpecsAreErrors) {
  expect_data_loss(encode_spec(test::small_spec()), "a spec alone");
  Encoder out;
  for (int i = 0; i < 4; ++i) out.put("text");
  out.put_int(0);
  out.put_int(0);
  out.put("no spec");
  expect_data_loss(out.finish("TKAC", 1), "no spec within");
  expect_data_loss(out.finish("TKAC", 2), "a newer version");
}

}  // namespace
}  // namespace takt::worker
