// SPDX-License-Identifier: Apache-2.0
#include "simulation/world.h"

#include <algorithm>
#include <cstdio>
#include <utility>

#include "base/check.h"

namespace takt::sim {
namespace {

World* g_world = nullptr;

constexpr auto kBegin = std::chrono::hours(1000);  // of the scheduler's host's uptime
constexpr WallTime kWallBegin{microseconds(1'900'000'000'000'000)};

}  // namespace

World::World(std::uint64_t seed, bool print)
    : seed_(seed), print_(print), random_(seed), now_(kBegin) {
  TAKT_CHECK(g_world == nullptr, "there is one world at a time");
  g_world = this;
}

World::~World() {
  while (!tasks_.empty()) std::exchange(tasks_, {}).clear();  // what they hold may add some
  g_world = nullptr;
}

World& World::the() {
  TAKT_CHECK(g_world != nullptr, "no world is simulated");
  return *g_world;
}

WallTime World::wall() const {
  return kWallBegin + wall_offset_ +
         std::chrono::duration_cast<microseconds>(now_.time_since_epoch() - nanoseconds(kBegin));
}

void World::set_wall(microseconds by) {
  latest_before_set_ = std::max(latest_before_set_, wall());
  wall_offset_ += by;
}

void World::at(BootTime when, Task task) {
  tasks_.emplace(std::pair(std::max(when, now_), number_++), std::move(task));
}

void World::after(nanoseconds delay, const Life& life, Task task) {
  after(delay, [weak = std::weak_ptr(life), task = std::move(task)] {
    if (!weak.expired()) task();
  });
}

BootTime World::next() const {
  return tasks_.empty() ? BootTime::max() : tasks_.begin()->first.first;
}

void World::step() {
  const auto node = tasks_.extract(tasks_.begin());
  now_ = node.key().first;
  node.mapped()();
}

std::int64_t World::between(std::int64_t least, std::int64_t most) {
  const auto count = static_cast<std::uint64_t>(most - least) + 1;
  return least + static_cast<std::int64_t>(random_() % count);
}

nanoseconds World::between(nanoseconds least, nanoseconds most) {
  return nanoseconds(between(least.count(), most.count()));
}

bool World::chance(double probability) {
  constexpr std::int64_t kMillion = 1'000'000;
  return static_cast<double>(between(0, kMillion - 1)) <
         probability * static_cast<double>(kMillion);
}

std::string World::time_text() const {
  char text[32];
  const auto us =
      std::chrono::duration_cast<microseconds>(now_.time_since_epoch() - nanoseconds(kBegin));
  std::snprintf(text, sizeof text, "%.6f s", static_cast<double>(us.count()) / 1e6);
  return text;
}

void World::note(const std::string& line) {
  const auto mix = [this](unsigned char byte) { hash_ = (hash_ ^ byte) * 1099511628211U; };
  for (auto time = static_cast<std::uint64_t>(now_.time_since_epoch().count()); time > 0;
       time >>= 8)
    mix(static_cast<unsigned char>(time));
  for (const char c : line) mix(static_cast<unsigned char>(c));
  if (print_) std::printf("%s  %s\n", time_text().c_str(), line.c_str());
}

void World::broken(const std::string& promise) {
  note("BROKEN: " + promise);
  if (failed()) return;
  failure_ = "seed " + std::to_string(seed_) + ", at " + time_text() + ": " + promise +
             " (TAKT_SEED=" + std::to_string(seed_) + " prints the trace)";
}

}  // namespace takt::sim
