// SPDX-License-Identifier: Apache-2.0
// One run: a scheduler, workers, clients and a network, and all that goes wrong with them; in some
// lives hostile actors besides (hostility.h). Then a quiet time, in which all that can end must
// end. The seed decides everything.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "simulation/checks.h"
#include "simulation/clients.h"
#include "simulation/hostile_client.h"
#include "simulation/hostility.h"
#include "simulation/network.h"
#include "simulation/scheduler.h"
#include "simulation/worker.h"
#include "simulation/world.h"

namespace takt::sim {

struct Outcome {
  std::string failure;  // empty: every promise was kept
  std::uint64_t hash = 0;
  std::size_t runs = 0;  // of commands
};

class Simulation {
 public:
  // `folder` is empty and for this run alone.
  Simulation(std::uint64_t seed, const std::string& folder, bool print, const Hostility& hostility);
  Outcome run();

 private:
  // How much goes wrong, by seed.
  struct Profile {
    nanoseconds stormy{};       // for so long things go wrong
    nanoseconds fault_pause{};  // between two faults, at most
    nanoseconds act_pause{};    // between two acts of clients, at most
    double slow = 0;
    double disk_failures = 0;
    double refusals = 0;
    std::vector<int> faults;  // which kinds
  };

  [[nodiscard]] Profile random_profile();
  void add_worker(int number, bool lies);
  void let_loose();
  void harm_later();
  void set_clock_later();
  void act_later();
  void fault_later();
  void fault();
  void fault_of_worker(int kind, Worker& worker);
  void cut_off(Worker& worker, nanoseconds span);
  void fault_of_scheduler(int kind);
  void calm_down();
  void look_later();
  void look();
  [[nodiscard]] std::string unsettled() const;
  [[nodiscard]] bool is_stormy() const { return World::the().now() < stormy_until_; }

  World world_;
  const std::string folder_;
  const Hostility hostility_;
  const Profile profile_;
  const BootTime stormy_until_;
  CallFaults calls_;
  Checks checks_;
  Network network_;
  Scheduler scheduler_;
  std::vector<std::unique_ptr<Worker>> workers_;
  Clients clients_;
  HostileClient hostile_client_;
};

}  // namespace takt::sim
