// SPDX-License-Identifier: Apache-2.0
#include "sd/slices.h"

#include <algorithm>
#include <charconv>
#include <numeric>
#include <optional>

#include "base/check.h"

namespace takt::sd {
namespace {

constexpr std::string_view kPrefix = "takt-jobs-";
constexpr std::string_view kSuffix = ".slice";

std::optional<std::size_t> index_of(std::string_view slice) {
  if (slice.size() != kPrefix.size() + 2 + kSuffix.size()) return {};
  if (!slice.starts_with(kPrefix) || !slice.ends_with(kSuffix)) return {};
  const char* digits = slice.data() + kPrefix.size();
  std::size_t index = 0;
  const auto [end, error] = std::from_chars(digits, digits + 2, index);
  if (error != std::errc() || end != digits + 2 || index >= limits::kJobSlices) return {};
  return index;
}

}  // namespace

std::string SliceAllocator::name(std::size_t index) {
  TAKT_CHECK(index < limits::kJobSlices, "there is no slice %zu", index);
  std::string number = std::to_string(index);
  if (number.size() < 2) number.insert(0, "0");
  return std::string(kPrefix) + number + std::string(kSuffix);
}

std::string SliceAllocator::acquire() {
  auto chosen = std::find_if(live_.begin(), live_.end(),
                             [](std::size_t live) { return live < limits::kScopesPerSlice; });
  if (chosen == live_.end()) chosen = std::min_element(live_.begin(), live_.end());
  ++*chosen;
  return name(static_cast<std::size_t>(chosen - live_.begin()));
}

bool SliceAllocator::adopt(std::string_view slice) {
  const auto index = index_of(slice);
  if (!index) return false;
  ++live_[*index];
  return true;
}

bool SliceAllocator::release(std::string_view slice) {
  const auto index = index_of(slice);
  if (!index || live_[*index] == 0) return false;
  --live_[*index];
  return true;
}

std::size_t SliceAllocator::live() const {
  return std::accumulate(live_.begin(), live_.end(), std::size_t{0});
}

}  // namespace takt::sd
