// SPDX-License-Identifier: Apache-2.0
// The stored form of a spec: what goes in comes out, and bytes that are not such a record are an
// error, never another spec.
#include <gtest/gtest.h>

#include <limits>
#include <random>
#include <string>

#include "base/codec.h"
#include "job/spec.h"
#include "unit/job/specs.h"

namespace takt {
namespace {

using test::full_spec;
using test::small_spec;

void expect_data_loss(const std::string& record, const std::string& what) {
  const Result<JobSpec> decoded = decode_spec(record);
  ASSERT_FALSE(decoded.ok()) << what;
  EXPECT_EQ(decoded.error().code, ErrorCode::kDataLoss) << what;
}

TEST(SpecCodec, WhatGoesInComesOut) {
  EXPECT_EQ(decode_spec(encode_spec(small_spec())).value(), small_spec());
  EXPECT_EQ(decode_spec(encode_spec(full_spec())).value(), full_spec());
  EXPECT_EQ(decode_spec(encode_spec(JobSpec())).value(), JobSpec());
}

TEST(SpecCodec, ASpecWithoutReadersIsReadByTheVersionBefore) {
  JobSpec spec = full_spec();
  EXPECT_FALSE(Decoder::open(encode_spec(spec), "TKSP", 5).ok());
  spec.readers.clear();
  EXPECT_TRUE(Decoder::open(encode_spec(spec), "TKSP", 5).ok());
  EXPECT_EQ(decode_spec(encode_spec(spec)).value(), spec);
}

TEST(SpecCodec, KeepsApartWhatIsAbsentEmptyAndOff) {
  JobSpec spec = small_spec();
  spec.stdin_data = "";
  spec.journal = true;
  EXPECT_EQ(decode_spec(encode_spec(spec)).value(), spec);
  spec.stdin_data.reset();
  spec.journal.reset();
  EXPECT_EQ(decode_spec(encode_spec(spec)).value(), spec);
}

TEST(SpecCodec, EveryTornRecordIsAnError) {
  const std::string whole = encode_spec(full_spec());
  for (std::size_t size = 0; size < whole.size(); ++size)
    expect_data_loss(whole.substr(0, size), "cut to " + std::to_string(size));
  expect_data_loss(whole + '\0', "one byte more");
}

TEST(SpecCodec, EveryAlteredByteIsAnError) {
  const std::string whole = encode_spec(full_spec());
  for (std::size_t at = 0; at < whole.size(); ++at) {
    for (const int flip : {0x01, 0x80, 0xFF}) {
      std::string altered = whole;
      altered[at] = static_cast<char>(altered[at] ^ flip);
      expect_data_loss(altered, "byte " + std::to_string(at));
    }
  }
}

TEST(SpecCodec, ForeignAndNewerRecordsAreErrors) {
  Encoder out;
  out.put("something");
  expect_data_loss(out.finish("TKXX", 1), "another kind");
  expect_data_loss(out.finish("TKSP", 2), "a newer version");
  expect_data_loss(out.finish("TKSP", 1), "another content");
  expect_data_loss("#!/bin/sh\necho this is no record at all\n", "text");
}

// A record with a right checksum, as only a hostile writer makes one.
TEST(SpecCodec, HostileCountsAreErrorsAndReserveNothing) {
  for (const std::int64_t count : {std::int64_t{-1}, std::int64_t{1} << 20, std::int64_t{1} << 40,
                                   std::numeric_limits<std::int64_t>::max()}) {
    Encoder out;
    out.put("name");
    out.put_int(count);
    expect_data_loss(out.finish("TKSP", 1), std::to_string(count) + " arguments");
  }
}

TEST(SpecCodec, ValuesOutsideTheirEnumAreErrors) {
  // The last field of a record is the launcher.
  const std::string whole = encode_spec(small_spec());
  constexpr std::size_t kHeader = 13;
  const std::string payload = whole.substr(kHeader, whole.size() - kHeader - 8);
  for (const std::int64_t launcher : {std::int64_t{-1}, std::int64_t{3}}) {
    Encoder last;
    last.put_int(launcher);
    const std::string tail = last.finish("TKSP", 1).substr(kHeader);
    std::string record = payload + tail;
    std::string header = "TKSP\x01";
    for (const std::uint32_t number : {static_cast<std::uint32_t>(record.size()), crc32(record)})
      for (unsigned shift = 0; shift < 32; shift += 8)
        header.push_back(static_cast<char>((number >> shift) & 0xFFU));
    expect_data_loss(header + record, "launcher " + std::to_string(launcher));
  }
}

// Random payloads under a right frame reach every reader of a field.
TEST(SpecCodec, AnyPayloadIsReadWithoutHarm) {
  std::mt19937 random(20261122);  // NOLINT: the same sequence in every run
  const std::string whole = encode_spec(full_spec());
  constexpr std::size_t kHeader = 13;
  for (int round = 0; round < 20000; ++round) {
    std::string payload = whole.substr(kHeader);
    for (int changes = 0; changes < 3; ++changes)
      payload[random() % payload.size()] = static_cast<char>(random());
    std::string record = "TKSP\x01";
    for (const std::uint32_t number : {static_cast<std::uint32_t>(payload.size()), crc32(payload)})
      for (unsigned shift = 0; shift < 32; shift += 8)
        record.push_back(static_cast<char>((number >> shift) & 0xFFU));
    const Result<JobSpec> decoded = decode_spec(record + payload);
    if (decoded.ok()) {
      // What is read as a spec can be written and read again: nothing is half understood.
      EXPECT_EQ(decode_spec(encode_spec(*decoded)).value(), *decoded);
    } else {
      EXPECT_EQ(decoded.error().code, ErrorCode::kDataLoss);
    }
  }
}

}  // namespace
}  // namespace takt
