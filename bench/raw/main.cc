// SPDX-License-Identifier: Apache-2.0
// The yardsticks of bench/run peers. Prints one line of JSON; every failure aborts, and so does a
// run of more than five minutes. Usage:
//   raw spawn COUNT IN_FLIGHT           posix_spawn and wait
//   raw clone COUNT IN_FLIGHT PARENT    clone3 into cgroups below the cgroup directory PARENT
//   raw scope COUNT IN_FLIGHT           StartTransientUnit
//   raw time COUNT COMMAND [ARGUMENT...]
#include <unistd.h>

#include <cstdio>
#include <span>
#include <string>
#include <string_view>

#include "base/check.h"
#include "base/units.h"
#include "bench/raw/commands.h"
#include "bench/raw/processes.h"
#include "bench/raw/scopes.h"
#include "bench/timing.h"

namespace takt::bench {
namespace {

constexpr unsigned kPatienceSeconds = 300;

int number(std::string_view text) {
  const auto parsed = parse_integer(text, "COUNT", 1, 1'000'000);
  TAKT_CHECK(parsed.ok(), "%s", parsed.error().message.c_str());
  return static_cast<int>(*parsed);
}

void print(const Outcome& outcome, int count) {
  std::printf("{\"count\": %d, \"us\": %.0f, \"children_cpu_us\": %.0f}\n", count,
              to_us(outcome.span), to_us(outcome.children_cpu));
}

std::string list(const std::vector<nanoseconds>& spans) {
  std::string text;
  for (const nanoseconds span : spans)
    text += (text.empty() ? "" : ", ") +
            std::to_string(std::chrono::duration_cast<microseconds>(span).count());
  return "[" + text + "]";
}

int run(std::span<char*> arguments) {
  TAKT_CHECK(arguments.size() >= 4, "usage: see bench/raw/main.cc");
  const std::string_view mode = arguments[1];
  const int count = number(arguments[2]);
  if (mode == "spawn") {
    print(spawn_loop(count, number(arguments[3])), count);
  } else if (mode == "clone") {
    TAKT_CHECK(arguments.size() == 5, "raw clone COUNT IN_FLIGHT PARENT");
    print(clone_loop(count, number(arguments[3]), arguments[4]), count);
  } else if (mode == "scope") {
    print(scope_loop(count, number(arguments[3])), count);
  } else {
    TAKT_CHECK(mode == "time", "no mode is named %s", arguments[1]);
    const CommandTimes times = time_command(count, arguments.subspan(3).data());
    std::printf("{\"us\": %s, \"first_byte_us\": %s}\n", list(times.spans).c_str(),
                list(times.first_bytes).c_str());
  }
  return 0;
}

}  // namespace
}  // namespace takt::bench

int main(int argc, char** argv) {
  ::alarm(takt::bench::kPatienceSeconds);
  // With the null pointer behind the arguments, which exec needs, in reach.
  return takt::bench::run({argv, static_cast<std::size_t>(argc)});
}
