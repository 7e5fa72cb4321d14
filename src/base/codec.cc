// SPDX-License-Identifier: Apache-2.0
#include "base/codec.h"

#include <algorithm>
#include <array>

namespace takt {
namespace {

constexpr std::size_t kMagicBytes = 4;
constexpr std::size_t kHeaderBytes = kMagicBytes + 1 + 4 + 4;
constexpr std::size_t kLengthBytes = 4;

constexpr std::array<std::uint32_t, 256> make_crc_table() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit)
      value = (value & 1U) != 0 ? 0xEDB88320U ^ (value >> 1U) : value >> 1U;
    table[i] = value;
  }
  return table;
}
constexpr std::array<std::uint32_t, 256> kCrcTable = make_crc_table();

template <class Number>
void append_number(std::string& out, Number number) {
  for (std::size_t i = 0; i < sizeof(Number); ++i)
    out.push_back(static_cast<char>((number >> (8 * i)) & 0xFFU));
}

template <class Number>
Number read_number(std::string_view bytes) {
  Number number = 0;
  for (std::size_t i = 0; i < sizeof(Number); ++i)
    number |= static_cast<Number>(static_cast<std::uint8_t>(bytes[i])) << (8 * i);
  return number;
}

Error torn(std::string_view magic, std::string_view what) {
  return make_error(ErrorCode::kDataLoss,
                    "record \"" + std::string(magic) + "\": " + std::string(what));
}

}  // namespace

std::uint32_t crc32(std::string_view bytes) {
  std::uint32_t value = 0xFFFFFFFFU;
  for (char c : bytes)
    value = kCrcTable[(value ^ static_cast<std::uint8_t>(c)) & 0xFFU] ^ (value >> 8U);
  return ~value;
}

void Encoder::put(std::string_view bytes) {
  append_number(payload_, static_cast<std::uint32_t>(bytes.size()));
  payload_.append(bytes);
}

void Encoder::put_int(std::int64_t number) {
  append_number(payload_, static_cast<std::uint64_t>(number));
}

std::string Encoder::finish(std::string_view magic, std::uint8_t version) const {
  TAKT_CHECK(magic.size() == kMagicBytes, "magic of %zu bytes", magic.size());
  std::string record(magic);
  record.push_back(static_cast<char>(version));
  append_number(record, static_cast<std::uint32_t>(payload_.size()));
  append_number(record, crc32(payload_));
  return record + payload_;
}

Result<Decoder> Decoder::open(std::string_view record, std::string_view magic,
                              std::uint8_t newest_version) {
  if (record.size() < kHeaderBytes) return torn(magic, "shorter than its header");
  if (record.substr(0, kMagicBytes) != magic) return torn(magic, "of another kind");
  const auto version = static_cast<std::uint8_t>(record[kMagicBytes]);
  if (version == 0 || version > newest_version)
    return torn(magic, "version " + std::to_string(version) + " is not known here");
  const std::string_view payload = record.substr(kHeaderBytes);
  if (payload.size() != read_number<std::uint32_t>(record.substr(kMagicBytes + 1)))
    return torn(magic, "not as long as it says");
  if (crc32(payload) != read_number<std::uint32_t>(record.substr(kMagicBytes + 5)))
    return torn(magic, "altered (wrong CRC)");
  return Decoder(payload, version);
}

std::string Decoder::get() {
  if (failed_ || rest_.size() < kLengthBytes) {
    failed_ = true;
    return {};
  }
  const auto length = read_number<std::uint32_t>(rest_);
  rest_.remove_prefix(kLengthBytes);
  if (length > rest_.size()) {
    failed_ = true;
    return {};
  }
  std::string bytes(rest_.substr(0, length));
  rest_.remove_prefix(length);
  return bytes;
}

std::int64_t Decoder::get_int() {
  if (failed_ || rest_.size() < 8) {
    failed_ = true;
    return 0;
  }
  const auto number = read_number<std::uint64_t>(rest_);
  rest_.remove_prefix(8);
  return static_cast<std::int64_t>(number);
}

std::size_t Decoder::get_count(std::size_t most) {
  const std::int64_t count = get_int();
  // No element is shorter than the length of a string, so a count is bounded by what is left.
  const std::size_t possible = std::min(most, rest_.size() / kLengthBytes);
  if (count < 0 || static_cast<std::uint64_t>(count) > possible) failed_ = true;
  return failed_ ? 0 : static_cast<std::size_t>(count);
}

Result<void> Decoder::finish() const {
  if (failed_) return make_error(ErrorCode::kDataLoss, "a field is missing or out of range");
  if (!rest_.empty()) return make_error(ErrorCode::kDataLoss, "bytes are left over");
  return {};
}

}  // namespace takt
