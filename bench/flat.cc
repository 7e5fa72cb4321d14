// SPDX-License-Identifier: Apache-2.0
// Shows whether the scheduler's calls cost the same however much history and queue it has: prints
// tables in the form in which README.md has them. Usage: see bench/run.
#include <cstdio>
#include <string>
#include <vector>

#include "base/units.h"
#include "bench/comparison.h"
#include "bench/operations.h"
#include "bench/scheduler.h"

namespace takt::bench {
namespace {

// A full page of each list is there, and little more.
constexpr StoreSize kSmall{400, 300, 1};

struct Options {
  std::string folder;
  StoreSize large;
  int rounds = 0;
};

constexpr double kMiB = 1 << 20;

void print_size(Scheduler& scheduler, microseconds start) {
  const StoreSize& size = scheduler.filled().size;
  std::printf("| %s | %d | %d | %d | %.0f | %.2f | %.1f |\n", scheduler.name().c_str(),
              size.finished, size.queued, size.lines,
              static_cast<double>(scheduler.store_bytes()) / kMiB,
              static_cast<double>(start.count()) / 1e6,
              static_cast<double>(scheduler.resident_bytes()) / kMiB);
}

void print_memory(const char* which, std::int64_t bytes, int jobs) {
  std::printf("| %s | %.0f |\n", which, static_cast<double>(bytes) / jobs);
}

void run(const Options& options) {
  Scheduler small("small", options.folder, kSmall);
  std::fprintf(stderr, "filling the large store\n");
  Scheduler large("large", options.folder, options.large);

  std::printf(
      "| store | finished | queued | lines | file, MiB | start, s | memory, MiB |\n"
      "|---|--:|--:|--:|--:|--:|--:|\n");
  for (Scheduler* scheduler : {&small, &large}) print_size(*scheduler, scheduler->start());
  const std::int64_t after_start = large.resident_bytes() - small.resident_bytes();
  small.add_workers();
  large.add_workers();

  std::printf("\n");
  print(compare(small, large, operations(), options.rounds));

  const std::int64_t before = small.resident_bytes();
  const nanoseconds time =
      timed([&] { submit_waiting(small, options.large.queued, options.large.lines); });
  std::printf("\n| memory of a queued job | bytes |\n|---|--:|\n");
  print_memory("large store less small one, after the start", after_start,
               options.large.queued - kSmall.queued);
  print_memory("growth of the small one while as many are submitted",
               small.resident_bytes() - before, options.large.queued);
  std::printf("\nThese were submitted in requests of 1000, %.0f jobs a second.\n",
              options.large.queued / (static_cast<double>(time.count()) / 1e9));
}

int usage() {
  std::fprintf(stderr, "usage: flat FOLDER FINISHED QUEUED LINES ROUNDS\n");
  return 2;
}

int main(const std::vector<std::string>& words) {
  constexpr std::int64_t kMost = 10'000'000;
  if (words.size() != 5) return usage();
  std::vector<int> numbers;
  for (std::size_t at = 1; at < words.size(); ++at) {
    const auto number = parse_integer(words[at], "a number", 1, kMost);
    if (!number) return usage();
    numbers.push_back(static_cast<int>(*number));
  }
  run({words[0], {numbers[0], numbers[1], numbers[2]}, numbers[3]});
  return 0;
}

}  // namespace
}  // namespace takt::bench

int main(int argc, char** argv) { return takt::bench::main({argv + 1, argv + argc}); }
