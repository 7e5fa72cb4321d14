// SPDX-License-Identifier: Apache-2.0
// The text form below all records: any text is read, any value comes back, half a line is nothing.
#include "attempt/key_values.h"
#include "fuzz/fuzz.h"

namespace takt::fuzz {

bool feed(std::string_view input) {
  attempt::KeyValueReader read(input);
  static_cast<void>(read.number<std::int64_t>("version"));
  static_cast<void>(read.span("grace_us"));
  const bool taken = read.has("version") && read.good();

  attempt::KeyValueWriter out;
  out.text("value", input);
  out.number("count", 7);
  const std::string lines = out.take();
  attempt::KeyValueReader back(lines);
  TAKT_CHECK(back.text("value") == input, "a value came back changed");
  TAKT_CHECK(back.number<int>("count") == 7 && back.good(), "a value has hidden the next line");
  const std::size_t first = lines.find('\n') + 1;
  TAKT_CHECK(!attempt::KeyValueReader(torn(lines.substr(0, first))).has("value"),
             "half a line was read");
  return taken;
}

}  // namespace takt::fuzz
