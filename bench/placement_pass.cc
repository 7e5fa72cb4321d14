// SPDX-License-Identifier: Apache-2.0
#include "bench/placement_pass.h"

#include <cstdio>
#include <string>
#include <vector>

#include "base/check.h"
#include "bench/comparison.h"
#include "bench/stores.h"
#include "unit/job/waiting.h"

namespace takt::bench {
namespace {

struct Times {
  std::vector<double> fresh, changed, empty;
};

double to_us(nanoseconds span) { return static_cast<double>(span.count()) / 1000; }

double time_of_pass(test::Waiting& waiting, std::size_t placed) {
  std::size_t count = 0;
  const nanoseconds time = timed([&] { count = waiting.pass().size(); });
  TAKT_CHECK(count == placed, "%zu jobs were placed", count);
  return to_us(time);
}

// One queue of its own; its jobs fit nowhere, but for the first, which comes and goes.
void measure_once(int lines, int jobs_in_line, int workers, Times& times) {
  test::Waiting waiting;
  for (int number = 0; number < workers; ++number)
    waiting.add_worker(test::worker("worker-" + std::to_string(number), 16));
  waiting.add(test::anywhere());
  time_of_pass(waiting, 1);
  for (int line = 0; line < lines; ++line) waiting.add(demand_of(waiting_spec(line)), jobs_in_line);
  times.fresh.push_back(time_of_pass(waiting, 0));
  waiting.end(0);
  times.changed.push_back(time_of_pass(waiting, 0));
  times.empty.push_back(time_of_pass(waiting, 0));
}

}  // namespace

void measure_passes(int lines, int rounds) {
  std::printf(
      "| jobs in each of %d lines | workers | new lines, µs | a worker has changed, µs | "
      "nothing has, µs |\n|--:|--:|--:|--:|--:|\n",
      lines);
  for (const int workers : {kWorkers, 100, 1000}) {
    for (const int jobs_in_line : {1, 100}) {
      Times times;
      for (int round = 0; round < rounds; ++round)
        measure_once(lines, jobs_in_line, workers, times);
      std::printf("| %d | %d | %.0f | %.0f | %.1f |\n", jobs_in_line, workers, median(times.fresh),
                  median(times.changed), median(times.empty));
    }
  }
}

}  // namespace takt::bench
