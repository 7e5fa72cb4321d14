// SPDX-License-Identifier: Apache-2.0
// Ids of jobs, workers and stores: RFC 4122 UUIDs, random, written in lower case.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace takt {

class Uuid {
 public:
  // The nil UUID: "no id".
  Uuid() = default;

  // A new random id (libuuid; from the kernel's random source).
  static Uuid random();

  // The id that belongs to a name within a name space: always the same one (RFC 4122, version 5).
  static Uuid from_name(const Uuid& space, std::string_view name);

  // From its 36-character text, either case. `field` is named in the error.
  static Result<Uuid> parse(std::string_view text, std::string_view field = "id");

  // The 36-character lower-case text.
  [[nodiscard]] std::string str() const;

  [[nodiscard]] bool is_nil() const { return *this == Uuid(); }
  [[nodiscard]] std::size_t hash() const;

  friend auto operator<=>(const Uuid&, const Uuid&) = default;

 private:
  std::array<std::uint8_t, 16> bytes_{};
};

}  // namespace takt

template <>
struct std::hash<takt::Uuid> {
  std::size_t operator()(const takt::Uuid& id) const noexcept { return id.hash(); }
};
