// SPDX-License-Identifier: Apache-2.0
// Many seeds of it. TAKT_SEEDS=n runs the first n, TAKT_SEED=n that one, with its trace. Google
// Test's shards divide the seeds.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string>

#include "base/fs.h"
#include "base/log.h"
#include "simulation/simulation.h"

namespace takt::sim {
namespace {

constexpr std::uint64_t kSeeds = 300;

// A number from the environment, or nothing.
std::optional<std::uint64_t> given(const char* name) {
  const char* text = std::getenv(name);
  if (text == nullptr) return std::nullopt;
  std::uint64_t value = 0;
  const std::string_view all(text);
  const auto read = std::from_chars(all.data(), all.data() + all.size(), value);
  return read.ec == std::errc() ? std::optional(value) : std::nullopt;
}

char g_running[48];  // what is to be said should the program abort

void say_which(int) {
  [[maybe_unused]] const auto written = ::write(STDERR_FILENO, g_running, std::strlen(g_running));
}

void to_trace(LogLevel, std::string_view message, const std::vector<LogField>&) {
  World::the().note("log: " + std::string(message));
}

class SimulationTest : public testing::Test {
 protected:
  SimulationTest() {
    set_log_sink(to_trace);
    set_log_level(LogLevel::kDebug);
    struct sigaction action {};
    action.sa_handler = say_which;
    ::sigaction(SIGABRT, &action, nullptr);
  }
  ~SimulationTest() override { set_log_sink(nullptr); }

  // In memory where that is, so that no disk is waited for.
  static Outcome run(std::uint64_t seed, bool print = false) {
    return run(seed, hostility_of(seed), print);
  }
  static Outcome run(std::uint64_t seed, const Hostility& hostility, bool print) {
    struct stat shm {};
    const bool has_shm = ::stat("/dev/shm", &shm) == 0 && S_ISDIR(shm.st_mode);
    std::string folder = has_shm ? "/dev/shm/takt-sim-XXXXXX" : "/tmp/takt-sim-XXXXXX";
    TAKT_CHECK(::mkdtemp(folder.data()) != nullptr, "mkdtemp");
    std::snprintf(g_running, sizeof g_running, "in seed %llu\n",
                  static_cast<unsigned long long>(seed));
    Outcome outcome = Simulation(seed, folder, print, hostility).run();
    static_cast<void>(remove_tree(AT_FDCWD, folder));
    return outcome;
  }
};

constexpr std::uint64_t kGroups = 10;
class SeedsTest : public SimulationTest, public testing::WithParamInterface<std::uint64_t> {};

TEST_P(SeedsTest, EveryPromiseIsKeptWhateverGoesWrong) {
  if (const auto seed = given("TAKT_SEED")) {
    if (*seed % kGroups == GetParam() % kGroups) {
      EXPECT_EQ(run(*seed, true).failure, "");
    }
    return;
  }
  const std::uint64_t count = given("TAKT_SEEDS").value_or(kSeeds);
  std::uint64_t seeds = 0;
  std::size_t runs = 0;
  std::size_t failures = 0;
  for (std::uint64_t seed = GetParam(); seed <= count && failures < 3; seed += kGroups) {
    const Outcome outcome = run(seed);
    ++seeds;
    runs += outcome.runs;
    if (outcome.failure.empty()) continue;
    ++failures;
    ADD_FAILURE() << outcome.failure;
  }
  EXPECT_GE(runs, seeds * 10) << "too little happens to prove anything";
}

INSTANTIATE_TEST_SUITE_P(Group, SeedsTest, testing::Range(std::uint64_t{1}, kGroups + 1));

TEST_F(SimulationTest, ASeedIsTheSameRunEachTime) {
  const std::uint64_t first = run(1).hash;
  EXPECT_EQ(run(1).hash, first);
  EXPECT_NE(run(2).hash, first);
}

// A fault of each kind that the checks are there for, and the words in which they report it.
struct PlantedFault {
  const char* name;
  Hostility hostility;
  const char* found;
};
class PlantedFaultTest : public SimulationTest, public testing::WithParamInterface<PlantedFault> {};

TEST_P(PlantedFaultTest, IsFound) {
  constexpr std::uint64_t kLives = 20;
  for (std::uint64_t seed = 1; seed <= kLives; ++seed) {
    const Outcome outcome = run(seed, GetParam().hostility, false);
    // Another check may see first what follows from it.
    if (outcome.failure.find(GetParam().found) != std::string::npos) return;
  }
  ADD_FAILURE() << "its check has not found it in " << kLives << " lives";
}

INSTANTIATE_TEST_SUITE_P(
    Each, PlantedFaultTest,
    testing::Values(PlantedFault{"EveryAccountIsRoot",
                                 {.client = true, .plant = Plant::kEveryAccountIsRoot},
                                 "an account is "},
                    PlantedFault{"EveryWorkerIsTrusted",
                                 {.worker = true, .plant = Plant::kEveryWorkerIsTrusted},
                                 "is reported by another worker"},
                    PlantedFault{"NoFence",
                                 {.second_scheduler = true, .plant = Plant::kNoFence},
                                 "that another one has opened since"},
                    PlantedFault{"SharesAreKept",
                                 {.client = true, .plant = Plant::kSharesAreKept},
                                 "requests of one account"}),
    [](const auto& fault) { return fault.param.name; });

}  // namespace
}  // namespace takt::sim
