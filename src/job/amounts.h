// SPDX-License-Identifier: Apache-2.0
// What jobs take and workers have: slots, processors, memory, tasks, and things that administrators
// count. Pure.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <string>

namespace takt {

// Countable things by name, such as "gpu".
using Counts = std::map<std::string, std::int64_t>;

struct Amounts {
  std::int64_t slots = 0;
  std::int64_t cpu_millicores = 0;
  std::int64_t memory_bytes = 0;
  std::int64_t tasks = 0;
  Counts counted;

  Amounts& operator+=(const Amounts& other);
  Amounts& operator-=(const Amounts& other);
  friend auto operator<=>(const Amounts&, const Amounts&) = default;
};

// Whether `need` is there beside what is used. What is not needed is not looked at, so a worker
// that has too much of one thing on it still takes jobs that need another.
bool fits(const Amounts& need, const Amounts& used, const Amounts& total);

// The largest share of anything that is used, and of slots, processors and memory only: 0.5 is half
// full. What a worker has nothing of does not count.
double load_of(const Amounts& used, const Amounts& total);

}  // namespace takt
