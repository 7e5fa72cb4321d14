// SPDX-License-Identifier: Apache-2.0
// Which lives have hostile actors, by seed, so that each can be repeated; and the faults
// that tests plant, each of which one of the checks must find.
#pragma once

#include <cstdint>

namespace takt::sim {

// A fault of the scheduler's, as its surroundings can imitate it.
enum class Plant {
  kNone,
  kEveryAccountIsRoot,    // nothing asks who calls
  kEveryWorkerIsTrusted,  // a worker's word counts for the attempts of another
  kNoFence,               // an older scheduler commits to the store of a newer one
  kSharesAreKept,         // what an account holds of the daemon is never given back
};

// Lives of a hundred with each of them.
inline constexpr int kWithHostileClient = 30;
inline constexpr int kWithLyingWorker = 30;
inline constexpr int kWithJumpingClock = 25;
inline constexpr int kWithSecondScheduler = 20;

struct Hostility {
  bool client = false;
  bool worker = false;
  bool clock = false;
  bool second_scheduler = false;
  Plant plant = Plant::kNone;
};

inline Hostility hostility_of(std::uint64_t seed) {
  // Of its own, so that the rest of a life draws the same numbers with and without.
  const auto among = [seed](std::uint64_t actor, int percent) {
    std::uint64_t mixed = (seed * 4 + actor) * 0x9e3779b97f4a7c15U;
    mixed = (mixed ^ (mixed >> 31U)) * 0xbf58476d1ce4e5b9U;
    return (mixed >> 32U) % 100 < static_cast<std::uint64_t>(percent);
  };
  return {.client = among(0, kWithHostileClient),
          .worker = among(1, kWithLyingWorker),
          .clock = among(2, kWithJumpingClock),
          .second_scheduler = among(3, kWithSecondScheduler)};
}

}  // namespace takt::sim
