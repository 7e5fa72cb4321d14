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

constexpr std::int64_t kGiB = std::int64_t{1} << 30;

Demand with_memory(std::int64_t bytes) {
  Demand demand = test::anywhere();
  demand.amounts.memory_bytes = bytes;
  return demand;
}

// What one line asks for: what workers have, but not free; or what none has.
Demand demand_of_line(int line, bool apart) {
  if (apart) return demand_of(waiting_spec(line));
  return with_memory(4 * kGiB + line);
}

// One queue of its own; its jobs fit nowhere, but for one small job, which comes and goes, and the
// six of each worker's eight GiB that are taken first.
void measure_once(int lines, int jobs_in_line, int workers, bool apart, Times& times) {
  test::Waiting waiting;
  for (int number = 0; number < workers; ++number)
    waiting.add_worker(test::worker("worker-" + std::to_string(number), 16));
  waiting.add(with_memory(6 * kGiB), workers);
  time_of_pass(waiting, static_cast<std::size_t>(workers));
  waiting.add(test::anywhere());
  time_of_pass(waiting, 1);
  for (int line = 0; line < lines; ++line) waiting.add(demand_of_line(line, apart), jobs_in_line);
  times.fresh.push_back(time_of_pass(waiting, 0));
  waiting.end(workers);
  times.changed.push_back(time_of_pass(waiting, 0));
  times.empty.push_back(time_of_pass(waiting, 0));
}

void measure_passes(int lines, int rounds) {
  std::printf(
      "| what each of %d lines asks for | jobs in it | workers | new lines, µs | a worker has "
      "changed, µs | nothing has, µs |\n|---|--:|--:|--:|--:|--:|\n",
      lines);
  for (const bool apart : {false, true}) {
    for (const int workers : {4, 100, 1000}) {
      for (const int jobs_in_line : {1, 100}) {
        Times times;
        for (int round = 0; round < rounds; ++round)
          measure_once(lines, jobs_in_line, workers, apart, times);
        std::printf("| %s | %d | %d | %.0f | %.0f | %.1f |\n",
                    apart ? "what none has" : "what is taken", jobs_in_line, workers,
                    median(times.fresh), median(times.changed), median(times.empty));
      }
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
