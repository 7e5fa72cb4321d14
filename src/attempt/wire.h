// SPDX-License-Identifier: Apache-2.0
// Little-endian fields in a row, for plan and control messages. Guarantees: a reader never reads
// past its bytes; after the first field that is not there, every field is empty and ok() is false.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace takt::attempt {

class WireWriter {
 public:
  template <std::integral T>
  void number(T value) {
    auto rest = static_cast<std::make_unsigned_t<T>>(value);
    for (std::size_t i = 0; i < sizeof(T); ++i) {
      bytes_.push_back(static_cast<char>(rest & 0xff));
      if constexpr (sizeof(T) > 1) rest = static_cast<decltype(rest)>(rest >> 8);
    }
  }
  void flag(bool value) { number(static_cast<std::uint8_t>(value ? 1 : 0)); }
  void text(std::string_view value) {
    number(static_cast<std::uint32_t>(value.size()));
    bytes_.append(value);
  }
  void texts(const std::vector<std::string>& values) {
    number(static_cast<std::uint32_t>(values.size()));
    for (const std::string& value : values) text(value);
  }
  [[nodiscard]] std::string take() { return std::move(bytes_); }

 private:
  std::string bytes_;
};

class WireReader {
 public:
  explicit WireReader(std::string_view bytes) : rest_(bytes) {}

  template <std::integral T>
  T number() {
    std::make_unsigned_t<T> value = 0;
    const std::string_view raw = raw_bytes(sizeof(T));
    for (std::size_t i = raw.size(); i > 0; --i) {
      const auto byte = static_cast<std::uint8_t>(raw[i - 1]);
      if constexpr (sizeof(T) > 1) value = static_cast<decltype(value)>(value << 8);
      value = static_cast<decltype(value)>(value | byte);
    }
    return static_cast<T>(value);
  }
  // Any byte but 0 and 1 is an error.
  bool flag() {
    const auto value = number<std::uint8_t>();
    if (value > 1) fail();
    return value == 1;
  }
  std::string text() {
    const auto size = number<std::uint32_t>();
    return std::string(raw_bytes(size));
  }
  // More than `max` is an error.
  std::vector<std::string> texts(std::size_t max) {
    std::vector<std::string> values;
    const std::size_t size = count(max, sizeof(std::uint32_t));
    values.reserve(size);
    for (std::size_t i = 0; i < size && ok_; ++i) values.push_back(text());
    return values;
  }
  // How many items follow, each of at least `item_bytes`; more than `max`, or than there are bytes
  // for, is an error, so that a hostile count reserves nothing.
  std::size_t count(std::size_t max, std::size_t item_bytes) {
    const std::size_t size = number<std::uint32_t>();
    if (size <= max && size <= rest_.size() / item_bytes) return size;
    fail();
    return 0;
  }

  [[nodiscard]] bool ok() const { return ok_; }
  // All was there, and nothing is left over.
  [[nodiscard]] bool complete() const { return ok_ && rest_.empty(); }

 private:
  std::string_view raw_bytes(std::size_t size) {
    if (size > rest_.size()) fail();
    if (!ok_) return {};
    const std::string_view raw = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return raw;
  }
  void fail() {
    ok_ = false;
    rest_ = {};
  }

  std::string_view rest_;
  bool ok_ = true;
};

}  // namespace takt::attempt
