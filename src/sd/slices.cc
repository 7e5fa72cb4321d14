// SPDX-License-Identifier: Apache-2.0
#include "sd/slices.h"

#include <algorithm>
#include <charconv>
#include <numeric>

namespace takt::sd {
namespace {

constexpr std::string_view kPrefix = "takt-jobs-u";
constexpr std::string_view kSuffix = ".slice";

// A number as std::to_string() writes it, at the start of `text`, which loses it.
std::optional<uid_t> take_uid(std::string_view& text) {
  uid_t uid = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), uid);
  const std::string_view digits = text.substr(0, static_cast<std::size_t>(end - text.data()));
  if (error != std::errc() || (digits.size() > 1 && digits.front() == '0')) return {};
  text.remove_prefix(digits.size());
  return uid;
}

// What is between prefix and suffix: "1000" or "1000-07".
std::optional<std::string_view> inner_name(std::string_view slice) {
  if (!slice.starts_with(kPrefix) || !slice.ends_with(kSuffix)) return {};
  slice.remove_prefix(kPrefix.size());
  if (slice.size() < kSuffix.size()) return {};
  slice.remove_suffix(kSuffix.size());
  return slice;
}

struct Place {
  uid_t uid;
  std::size_t index;
};

std::optional<Place> place_of(std::string_view slice) {
  auto name = inner_name(slice);
  if (!name) return {};
  const auto uid = take_uid(*name);
  if (!uid || name->size() != 3 || name->front() != '-') return {};
  name->remove_prefix(1);
  std::size_t index = 0;
  const auto [end, error] = std::from_chars(name->data(), name->data() + name->size(), index);
  if (error != std::errc() || end != name->data() + name->size()) return {};
  if (index >= limits::kSlicesPerUser) return {};
  return Place{*uid, index};
}

std::string name_of(const Place& place) {
  const std::string index = std::to_string(place.index);
  return std::string(kPrefix) + std::to_string(place.uid) + (index.size() < 2 ? "-0" : "-") +
         index + std::string(kSuffix);
}

}  // namespace

std::string user_slice(uid_t uid) {
  return std::string(kPrefix) + std::to_string(uid) + std::string(kSuffix);
}

std::optional<uid_t> user_of_slice(std::string_view slice) {
  auto name = inner_name(slice);
  const auto uid = name ? take_uid(*name) : std::nullopt;
  return uid && name->empty() ? uid : std::nullopt;
}

std::string SliceAllocator::acquire(uid_t uid) {
  Counts& counts = live_[uid];
  auto chosen = std::find_if(counts.begin(), counts.end(),
                             [](std::size_t live) { return live < limits::kScopesPerSlice; });
  if (chosen == counts.end()) chosen = std::min_element(counts.begin(), counts.end());
  ++*chosen;
  return name_of({uid, static_cast<std::size_t>(chosen - counts.begin())});
}

std::optional<uid_t> SliceAllocator::adopt(std::string_view slice) {
  const auto place = place_of(slice);
  if (!place) return {};
  ++live_[place->uid][place->index];
  return place->uid;
}

std::optional<uid_t> SliceAllocator::release(std::string_view slice) {
  const auto place = place_of(slice);
  const auto found = place ? live_.find(place->uid) : live_.end();
  if (found == live_.end()) return {};
  Counts& counts = found->second;
  if (counts[place->index] == 0) return {};
  --counts[place->index];
  if (std::all_of(counts.begin(), counts.end(), [](std::size_t live) { return live == 0; }))
    live_.erase(found);
  return place->uid;
}

std::size_t SliceAllocator::live() const {
  std::size_t sum = 0;
  for (const auto& [uid, counts] : live_)
    sum += std::accumulate(counts.begin(), counts.end(), std::size_t{0});
  return sum;
}

}  // namespace takt::sd
