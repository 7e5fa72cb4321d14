// SPDX-License-Identifier: Apache-2.0
// No reader sleeps through a change.
#include "worker/output_gate.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <thread>
#include <vector>

namespace takt::worker {
namespace {

TEST(OutputGate, WakesWhoWaitsOnceAndInNoOtherTurn) {
  OutputGate gate;
  int woken = 0;
  gate.wait(gate.look().turn, [&] { ++woken; });
  EXPECT_EQ(woken, 0);
  gate.grown();
  EXPECT_EQ(woken, 1);
  gate.grown();
  gate.mark_ended(from_unix_us(1));
  EXPECT_EQ(woken, 1);
}

TEST(OutputGate, WhatHappenedSinceTheLookWakesAtOnce) {
  OutputGate gate;
  const auto look = gate.look();
  gate.grown();
  int woken = 0;
  EXPECT_EQ(gate.wait(look.turn, [&] { ++woken; }), 0U);
  EXPECT_EQ(woken, 1);
}

TEST(OutputGate, TellsOfTheEnd) {
  OutputGate gate;
  EXPECT_FALSE(gate.look().ended);
  int woken = 0;
  gate.wait(gate.look().turn, [&] { ++woken; });
  gate.mark_ended(from_unix_us(77));
  EXPECT_EQ(woken, 1);
  EXPECT_EQ(gate.look().ended, from_unix_us(77));
  gate.grown();
  EXPECT_EQ(gate.look().ended, from_unix_us(77)) << "an end is for ever";
}

TEST(OutputGate, WhoIsForgottenIsNotCalled) {
  OutputGate gate;
  int first = 0;
  int second = 0;
  const auto id = gate.wait(gate.look().turn, [&] { ++first; });
  gate.wait(gate.look().turn, [&] { ++second; });
  gate.forget(id);
  gate.grown();
  EXPECT_EQ(first, 0);
  EXPECT_EQ(second, 1);
  gate.forget(id);
}

TEST(OutputGate, OneWhoIsWokenMayWaitAgain) {
  OutputGate gate;
  int woken = 0;
  std::function<void()> again = [&] {
    if (++woken < 3) gate.wait(gate.look().turn, again);
  };
  gate.wait(gate.look().turn, again);
  for (int i = 0; i < 5; ++i) gate.grown();
  EXPECT_EQ(woken, 3);
}

// Writers add and tell; each reader must see the last of it, and nothing wakes it but the gate.
TEST(OutputGate, LosesNoWakeUpBetweenThreads) {
  constexpr int kWriters = 3;
  constexpr int kReaders = 3;
  constexpr int kEach = 3000;
  OutputGate gate;
  std::atomic<int> written = 0;
  std::vector<std::thread> threads;
  std::vector<std::future<int>> readers;
  for (int i = 0; i < kReaders; ++i) {
    readers.push_back(std::async(std::launch::async, [&] {
      int seen = 0;
      while (seen < kWriters * kEach) {
        const auto look = gate.look();
        seen = written.load();
        if (seen == kWriters * kEach) break;
        const auto woken = std::make_shared<std::promise<void>>();
        gate.wait(look.turn, [woken] { woken->set_value(); });
        if (woken->get_future().wait_for(std::chrono::seconds(20)) != std::future_status::ready)
          return -1;
      }
      return seen;
    }));
  }
  for (int i = 0; i < kWriters; ++i) {
    threads.emplace_back([&] {
      for (int n = 0; n < kEach; ++n) {
        written.fetch_add(1);
        gate.grown();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (auto& reader : readers) EXPECT_EQ(reader.get(), kWriters * kEach) << "slept through it";
}

}  // namespace
}  // namespace takt::worker
