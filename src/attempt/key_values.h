// SPDX-License-Identifier: Apache-2.0
// The text form of records: "key=value" lines, bytes that would break a line written as %XX.
// Guarantees: every value that goes in comes out the same, newlines and NUL included; a line
// without its newline (torn) is not seen.
#pragma once

#include <charconv>
#include <concepts>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/clock.h"

namespace takt::attempt {

class KeyValueWriter {
 public:
  void text(std::string_view key, std::string_view value);
  // Only where it says something: empty and absent values have no line.
  void text_if(std::string_view key, std::string_view value) {
    if (!value.empty()) text(key, value);
  }
  template <std::integral T>
  void number(std::string_view key, T value) {
    text(key, std::to_string(value));
  }
  template <std::integral T>
  void number_if(std::string_view key, const std::optional<T>& value) {
    if (value) number(key, *value);
  }
  void span_if(std::string_view key, const std::optional<microseconds>& value) {
    if (value) number(key, value->count());
  }
  [[nodiscard]] std::string take() { return std::move(lines_); }

 private:
  std::string lines_;
};

class KeyValueReader {
 public:
  // Reads every whole line; the last of equal keys counts. Lines without '=' are ignored.
  explicit KeyValueReader(std::string_view text);

  [[nodiscard]] bool has(std::string_view key) const { return values_.contains(key); }
  // Empty if there is none.
  [[nodiscard]] std::string text(std::string_view key) const;
  // Unset if there is none; a value that is not such a number makes good() false.
  template <std::integral T>
  std::optional<T> number(std::string_view key) {
    const auto found = values_.find(key);
    if (found == values_.end()) return std::nullopt;
    const std::string& value = found->second;
    T parsed = 0;
    const auto end = std::from_chars(value.data(), value.data() + value.size(), parsed);
    if (end.ec == std::errc() && end.ptr == value.data() + value.size()) return parsed;
    damage(key);
    return std::nullopt;
  }
  template <std::integral T>
  T number_or(std::string_view key, T fallback) {
    return number<T>(key).value_or(fallback);
  }
  // As number, but absent is damage too.
  template <std::integral T>
  T required(std::string_view key) {
    if (!has(key)) damage(key);
    return number_or<T>(key, 0);
  }
  std::optional<microseconds> span(std::string_view key) {
    const auto us = number<std::int64_t>(key);
    return us ? std::optional(microseconds(*us)) : std::nullopt;
  }

  void damage(std::string_view key) {
    if (bad_key_.empty()) bad_key_ = key;
  }
  [[nodiscard]] bool good() const { return bad_key_.empty(); }
  [[nodiscard]] const std::string& bad_key() const { return bad_key_; }

 private:
  std::map<std::string, std::string, std::less<>> values_;
  std::string bad_key_;
};

}  // namespace takt::attempt
