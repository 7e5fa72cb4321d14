// SPDX-License-Identifier: Apache-2.0
// What is measured on both schedulers: submitting, dispatching, lists, single jobs, explanations.
#pragma once

#include <vector>

#include "bench/comparison.h"

namespace takt::bench {

std::vector<Operation> operations();

// Submits so many jobs that wait, in so many lines, in large requests.
void submit_waiting(Scheduler& scheduler, int jobs, int lines);

}  // namespace takt::bench
