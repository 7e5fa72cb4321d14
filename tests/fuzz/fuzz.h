// SPDX-License-Identifier: Apache-2.0
// What the fuzzers share. Each one defines feed(); main, counting and mutating come from entry.cc,
// sealed.cc and libFuzzer. A property that does not hold is a broken invariant (TAKT_CHECK).
#pragma once

#include <string>
#include <string_view>

#include "base/check.h"
#include "base/codec.h"
#include "base/result.h"

namespace takt::fuzz {

// Gives the input to the parser and checks what it makes of it. True if the parser took it: a
// fuzzer whose inputs are all refused proves nothing, and tools/fuzz says so.
bool feed(std::string_view input);

// One place to cut `text`, the same for the same text: over many inputs every place has its turn.
inline std::string_view torn(std::string_view text) {
  TAKT_CHECK(!text.empty(), "nothing to tear");
  return text.substr(0, crc32(text) % text.size());
}

// What was decoded encodes, that decodes, and encodes to the same. Returns the encoded form.
template <class Record, class Encode, class Decode>
std::string expect_round_trip(const Record& record, Encode encode, Decode decode) {
  const std::string text = encode(record);
  const auto again = decode(text);
  TAKT_CHECK(again.ok(), "what was encoded is refused: %s", again.error().message.c_str());
  if constexpr (requires { record == *again; })
    TAKT_CHECK(record == *again, "encoding has changed the record");
  TAKT_CHECK(encode(*again) == text, "encoding twice gives two forms");
  return text;
}

// A record that lacks its end is none, be it one byte.
template <class Decode>
void expect_torn_refused(std::string_view text, Decode decode) {
  for (const std::string_view cut : {torn(text), text.substr(0, text.size() - 1)}) {
    const auto decoded = decode(cut);
    TAKT_CHECK(!decoded.ok(), "a record cut to %zu of %zu bytes is taken", cut.size(), text.size());
    TAKT_CHECK(decoded.error().code == ErrorCode::kDataLoss, "torn, but not said to be: %s",
               decoded.error().message.c_str());
  }
}

// All of this for a record of which only the whole is good.
template <class Encode, class Decode>
bool check_record(std::string_view input, Encode encode, Decode decode) {
  const auto record = decode(input);
  if (!record) {
    TAKT_CHECK(record.error().code == ErrorCode::kDataLoss, "refused, but not as damaged: %s",
               record.error().message.c_str());
    return false;
  }
  expect_torn_refused(expect_round_trip(*record, encode, decode), decode);
  return true;
}

}  // namespace takt::fuzz
