// SPDX-License-Identifier: Apache-2.0
#include "bench/comparison.h"

#include <cstdio>

namespace takt::bench {
namespace {

// What one side of one round took, for one thing.
struct Side {
  double us = 0;
  double cpu_us = 0;
};

Side measure(Scheduler& scheduler, const Operation& operation, int round) {
  std::vector<double> times;
  const nanoseconds before = scheduler.cpu_time();
  for (int call = 0; call < operation.calls; ++call) {
    const nanoseconds time = operation.run(scheduler, round * operation.calls + call);
    times.push_back(to_us(time) / operation.per);
  }
  const nanoseconds used = scheduler.cpu_time() - before;
  if (operation.clear_up) operation.clear_up(scheduler);
  return {median(times), to_us(used) / operation.calls / operation.per};
}

// All rounds of one operation.
struct Series {
  std::vector<double> small, large, ratio, small_cpu, large_cpu, cpu_ratio;

  void add(const Side& of_small, const Side& of_large) {
    small.push_back(of_small.us);
    large.push_back(of_large.us);
    ratio.push_back(of_large.us / of_small.us);
    small_cpu.push_back(of_small.cpu_us);
    large_cpu.push_back(of_large.cpu_us);
    cpu_ratio.push_back(of_large.cpu_us / of_small.cpu_us);
  }
};

}  // namespace

std::vector<Row> compare(Scheduler& small, Scheduler& large,
                         const std::vector<Operation>& operations, int rounds) {
  std::vector<Series> all(operations.size());
  for (int round = 0; round <= rounds; ++round) {
    for (std::size_t at = 0; at < operations.size(); ++at) {
      Side of_small;
      Side of_large;
      if (round % 2 == 0) {
        of_small = measure(small, operations[at], round);
        of_large = measure(large, operations[at], round);
      } else {
        of_large = measure(large, operations[at], round);
        of_small = measure(small, operations[at], round);
      }
      if (round > 0) all[at].add(of_small, of_large);
    }
    std::fprintf(stderr, "round %d of %d\r", round, rounds);
  }
  std::fputc('\n', stderr);
  std::vector<Row> rows;
  for (std::size_t at = 0; at < operations.size(); ++at) {
    const Series& one = all[at];
    rows.push_back({operations[at].name, median(one.small), median(one.large), median(one.ratio),
                    median(one.small_cpu), median(one.large_cpu), median(one.cpu_ratio)});
  }
  return rows;
}

void print(const std::vector<Row>& rows) {
  std::printf(
      "| operation | small, µs | large, µs | ratio | CPU small, µs | CPU large, µs | ratio |\n");
  std::printf("|---|--:|--:|--:|--:|--:|--:|\n");
  for (const Row& row : rows)
    std::printf("| %s | %.0f | %.0f | %.2f | %.0f | %.0f | %.2f |\n", row.name.c_str(),
                row.small_us, row.large_us, row.ratio, row.small_cpu_us, row.large_cpu_us,
                row.cpu_ratio);
}

}  // namespace takt::bench
