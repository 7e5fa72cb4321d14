// SPDX-License-Identifier: Apache-2.0
// Time, chance and the record of a simulation. Guarantees: one thread; what happens next is decided
// by the seed and nothing else; time passes only between tasks; the trace, of which a hash is kept,
// has every task that says what it does.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <utility>

#include "base/clock.h"

namespace takt::sim {

// What has tasks in the world and may die: they are forgotten with it.
using Life = std::shared_ptr<const char>;
inline Life new_life() { return std::make_shared<const char>('\0'); }

class World {
 public:
  using Task = std::function<void()>;

  // The only one while it lives; `print` has its trace on standard output.
  World(std::uint64_t seed, bool print);
  ~World();
  World(const World&) = delete;
  World& operator=(const World&) = delete;
  static World& the();

  // True time; also the boot clock of the scheduler's host, which never reboots.
  [[nodiscard]] BootTime now() const { return now_; }
  // What every host's wall clock says.
  [[nodiscard]] WallTime wall() const;
  // It is set, forward or back.
  void set_wall(microseconds by);
  // The latest that it said before it was set.
  [[nodiscard]] WallTime latest_before_set() const { return latest_before_set_; }
  [[nodiscard]] microseconds wall_offset() const { return wall_offset_; }

  void at(BootTime when, Task task);
  void after(nanoseconds delay, Task task) { at(now_ + delay, std::move(task)); }
  // Not if `life` is over by then.
  void after(nanoseconds delay, const Life& life, Task task);

  // When the next task runs; the end of time if there is none.
  [[nodiscard]] BootTime next() const;
  // Runs the next task, and moves on to its time.
  void step();
  // Moves on to a time before the next task.
  void pass_to(BootTime time) { now_ = time; }

  // From `least` to `most`, both included.
  std::int64_t between(std::int64_t least, std::int64_t most);
  nanoseconds between(nanoseconds least, nanoseconds most);
  bool chance(double probability);
  std::uint64_t random() { return random_(); }
  // One of a list that is not empty.
  template <class List>
  auto& any_of(List& list) {
    return list[static_cast<std::size_t>(between(0, static_cast<std::int64_t>(list.size()) - 1))];
  }

  // A line of the trace.
  void note(const std::string& line);
  // A promise is broken: the run is over. The first one counts.
  void broken(const std::string& promise);
  [[nodiscard]] const std::string& failure() const { return failure_; }
  [[nodiscard]] bool failed() const { return !failure_.empty(); }
  [[nodiscard]] std::uint64_t hash() const { return hash_; }
  [[nodiscard]] std::string time_text() const;

 private:
  const std::uint64_t seed_;
  const bool print_;
  std::mt19937_64 random_;
  BootTime now_{};
  microseconds wall_offset_{};
  WallTime latest_before_set_{};
  std::uint64_t number_ = 0;
  std::map<std::pair<BootTime, std::uint64_t>, Task> tasks_;
  std::uint64_t hash_ = 14695981039346656037U;
  std::string failure_;
};

}  // namespace takt::sim
