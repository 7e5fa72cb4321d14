// SPDX-License-Identifier: Apache-2.0
// Names of attempts as a worker finds them: links in active/, cgroups, units; and ids.
#include <cctype>

#include "attempt/folder.h"
#include "base/uuid.h"
#include "fuzz/fuzz.h"

namespace takt::fuzz {

bool feed(std::string_view input) {
  const auto link = attempt::parse_link_name(input);
  if (link) TAKT_CHECK(attempt::link_name(*link) == input, "two links mean one attempt");
  const auto unit = attempt::parse_unit_name(input);
  if (unit) TAKT_CHECK(attempt::unit_name(*unit) == input, "two units mean one attempt");
  const auto id = Uuid::parse(input);
  if (id) {
    std::string lower(input);
    for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    TAKT_CHECK(id->str() == lower, "an id came back changed");
  }
  TAKT_CHECK(int{link.ok()} + int{unit.ok()} + int{id.ok()} <= 1, "a name of two kinds");
  return link.ok() || unit.ok() || id.ok();
}

}  // namespace takt::fuzz
