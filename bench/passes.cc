// SPDX-License-Identifier: Apache-2.0
// What passes of the placement cost by themselves, by the number of lines, jobs and workers: prints
// a table in the form in which README.md has it. Usage: see bench/run.
#include <cstdio>
#include <string>
#include <vector>

#include "base/check.h"
#include "base/units.h"
#include "bench/timing.h"
#include "bench/waiting_spec.h"
#include "unit/job/waiting.h"

namespace takt::bench {
namespace {

struct Times {
  std::vector<double> fresh, changed, empty;
};

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

void measure_passes(int lines, int rounds) {
  std::printf(
      "| jobs in each of %d lines | workers | new lines, µs | a worker has changed, µs | "
      "nothing has, µs |\n|--:|--:|--:|--:|--:|\n",
      lines);
  for (const int workers : {4, 100, 1000}) {
    for (const int jobs_in_line : {1, 100}) {
      Times times;
      for (int round = 0; round < rounds; ++round)
        measure_once(lines, jobs_in_line, workers, times);
      std::printf("| %d | %d | %.0f | %.0f | %.1f |\n", jobs_in_line, workers, median(times.fresh),
                  median(times.changed), median(times.empty));
    }
  }
}

int main(const std::vector<std::string>& words) {
  constexpr std::int64_t kMost = 100'000;
  if (words.size() != 2) return 2;
  const auto lines = parse_integer(words[0], "lines", 1, kMost);
  const auto rounds = parse_integer(words[1], "rounds", 1, kMost);
  if (!lines || !rounds) return 2;
  measure_passes(static_cast<int>(*lines), static_cast<int>(*rounds));
  return 0;
}

}  // namespace
}  // namespace takt::bench

int main(int argc, char** argv) { return takt::bench::main({argv + 1, argv + argc}); }
