// SPDX-License-Identifier: Apache-2.0
// What passes of the placement cost by themselves, by the number of lines, jobs and workers.
#pragma once

namespace takt::bench {

// Measures and prints a table.
void measure_passes(int lines, int rounds);

}  // namespace takt::bench
