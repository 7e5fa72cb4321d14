// SPDX-License-Identifier: Apache-2.0
#include "job/amounts.h"

#include <algorithm>

namespace takt {
namespace {

bool there(std::int64_t need, std::int64_t used, std::int64_t total) {
  return need == 0 || used + need <= total;
}

std::int64_t count_in(const Counts& counts, const std::string& name) {
  const auto found = counts.find(name);
  return found == counts.end() ? 0 : found->second;
}

double share(std::int64_t used, std::int64_t total) {
  return total <= 0 ? 0 : static_cast<double>(used) / static_cast<double>(total);
}

}  // namespace

Amounts& Amounts::operator+=(const Amounts& other) {
  slots += other.slots;
  cpu_millicores += other.cpu_millicores;
  memory_bytes += other.memory_bytes;
  tasks += other.tasks;
  for (const auto& [name, count] : other.counted) counted[name] += count;
  return *this;
}

Amounts& Amounts::operator-=(const Amounts& other) {
  slots -= other.slots;
  cpu_millicores -= other.cpu_millicores;
  memory_bytes -= other.memory_bytes;
  tasks -= other.tasks;
  for (const auto& [name, count] : other.counted) counted[name] -= count;
  return *this;
}

bool fits(const Amounts& need, const Amounts& used, const Amounts& total) {
  return there(need.slots, used.slots, total.slots) &&
         there(need.cpu_millicores, used.cpu_millicores, total.cpu_millicores) &&
         there(need.memory_bytes, used.memory_bytes, total.memory_bytes) &&
         there(need.tasks, used.tasks, total.tasks) &&
         std::all_of(need.counted.begin(), need.counted.end(), [&](const auto& entry) {
           return there(entry.second, count_in(used.counted, entry.first),
                        count_in(total.counted, entry.first));
         });
}

double load_of(const Amounts& used, const Amounts& total) {
  return std::max({share(used.slots, total.slots), share(used.cpu_millicores, total.cpu_millicores),
                   share(used.memory_bytes, total.memory_bytes)});
}

}  // namespace takt
