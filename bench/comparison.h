// SPDX-License-Identifier: Apache-2.0
// The same calls on two schedulers, in turns. Guarantees: within a round each operation is measured
// on both, one right after the other, and the first one changes from round to round; a ratio is
// formed within a round, and the median of the rounds is told, so that a machine whose speed varies
// gives the same ratio.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "bench/scheduler.h"
#include "bench/timing.h"

namespace takt::bench {

struct Operation {
  std::string name;
  int calls = 1;  // in one round
  int per = 1;    // how many things one call does; times are told for one
  // Does it once, the at'th time, and gives how long it took.
  std::function<nanoseconds(Scheduler&, int at)> run;
  // Clears up after a round's calls; not measured. May be empty.
  std::function<void(Scheduler&)> clear_up;
};

// What one operation took, of one thing: medians, in microseconds.
struct Row {
  std::string name;
  double small_us = 0;
  double large_us = 0;
  double ratio = 0;
  double small_cpu_us = 0;
  double large_cpu_us = 0;
  double cpu_ratio = 0;
};

// Measures all operations in so many rounds, after one that does not count.
std::vector<Row> compare(Scheduler& small, Scheduler& large,
                         const std::vector<Operation>& operations, int rounds);

void print(const std::vector<Row>& rows);

}  // namespace takt::bench
