// SPDX-License-Identifier: Apache-2.0
// The frame of binary records: magic, version, length, CRC-32, then fields in a fixed order.
// Guarantees: any bytes may be decoded without harm; a torn, altered or foreign record is an error,
// never a wrong value. Fields are length-prefixed, so they may hold every byte.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>

#include "base/result.h"

namespace takt {

class Encoder {
 public:
  void put(std::string_view bytes);
  void put_int(std::int64_t number);
  void put_bool(bool on) { put_int(on ? 1 : 0); }
  template <class Enum>
  requires std::is_enum_v<Enum>
  void put_enum(Enum value) { put_int(static_cast<std::int64_t>(value)); }

  // The whole record. `magic` has four characters; `version` says how the fields are to be read.
  [[nodiscard]] std::string finish(std::string_view magic, std::uint8_t version) const;

 private:
  std::string payload_;
};

// Reads what Encoder wrote. The first failure sticks: read all fields, then ask error().
class Decoder {
 public:
  // Checks the frame. kDataLoss if torn, altered, of another kind, or of a version above
  // `newest_version`. The decoder refers to `record`, which must outlive it.
  static Result<Decoder> open(std::string_view record, std::string_view magic,
                              std::uint8_t newest_version);

  [[nodiscard]] std::uint8_t version() const { return version_; }
  std::string get();
  std::int64_t get_int();
  bool get_bool() { return get_int() != 0; }
  // A number of elements to follow; never more than `most`, nor than the record has bytes for.
  std::size_t get_count(std::size_t most);
  // An enum whose values run from 0 to `last`.
  template <class Enum>
  requires std::is_enum_v<Enum> Enum get_enum(Enum last) {
    const std::int64_t number = get_int();
    if (number < 0 || number > static_cast<std::int64_t>(last)) failed_ = true;
    return failed_ ? Enum{} : static_cast<Enum>(number);
  }

  // kDataLoss if a field was missing or out of range, or if something is left over.
  [[nodiscard]] Result<void> finish() const;

 private:
  Decoder(std::string_view rest, std::uint8_t version) : rest_(rest), version_(version) {}

  std::string_view rest_;
  std::uint8_t version_;
  bool failed_ = false;
};

// CRC-32 (IEEE 802.3) of `bytes`.
std::uint32_t crc32(std::string_view bytes);

}  // namespace takt
