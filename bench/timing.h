// SPDX-License-Identifier: Apache-2.0
// How long something takes, and what is typical of many times.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include "base/check.h"
#include "base/clock.h"

namespace takt::bench {

// How long `call` takes.
template <class Call>
nanoseconds timed(Call call) {
  const auto begin = BootClock::now();
  call();
  return BootClock::now() - begin;
}

inline double to_us(nanoseconds span) { return static_cast<double>(span.count()) / 1000; }

// The middle one of some values; aborts if there is none.
inline double median(std::vector<double> values) {
  TAKT_CHECK(!values.empty(), "nothing was measured");
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

}  // namespace takt::bench
