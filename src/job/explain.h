// SPDX-License-Identifier: Apache-2.0
// Why a job waits, in words and numbers, from what the placement itself goes by. Pure.
// Cost: a step for each worker.
#pragma once

#include <string>
#include <vector>

#include "job/placement.h"
#include "job/queue.h"

namespace takt {

struct Explanation {
  std::string text;    // "needs 8 CPUs; the largest ready worker (db-2) has 4"
  std::string advice;  // what could be done; empty: to wait is enough
  bool never = false;  // as things are it never starts
};

// Of a job of this demand at the head of its line, which no worker could take just now.
Explanation explain(const Placer& placer, const Demand& demand, const Rank& rank);

// "1.5 CPUs", "64G of memory", "2 of gpu": what is asked for besides a slot.
std::vector<std::string> needs_in_words(const Amounts& amounts);

}  // namespace takt
