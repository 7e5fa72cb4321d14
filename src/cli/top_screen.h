// SPDX-License-Identifier: Apache-2.0
// What takt top shows of a sample. Pure. Guarantees: never more lines than the screen has; what
// does not fit is counted; what is not known is "-".
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "cli/console.h"
#include "cli/top_sample.h"

namespace takt::cli {

// By what the jobs are sorted, the most first.
enum class TopSort { kCpu, kMemory, kTime, kTasks };

// Of "cpu", "memory", "time", "tasks"; nothing else is one.
std::optional<TopSort> top_sort_named(std::string_view name);
// Of the keys c, m, t, k.
std::optional<TopSort> top_sort_of_key(char key);

// Beside the sample.
struct TopView {
  Screen screen;
  std::size_t rows = 0;  // 0: all that there is
  bool keys = false;     // show what can be pressed
  TopSort sort = TopSort::kCpu;
  std::string address;     // of the scheduler
  std::string outage;      // why it is out of reach; empty: it is not
  microseconds out_for{};  // and for how long
};

// Lines, each with an end but the last. Without a sample: nothing is known yet.
std::string top_screen(const TopSample* sample, const TopView& view);

}  // namespace takt::cli
