// SPDX-License-Identifier: Apache-2.0
#include "simulation/simulation.h"

#include <utility>

namespace takt::sim {
namespace {

using namespace std::chrono_literals;

constexpr int kFaultKinds = 10;
constexpr auto kSettled = 3h;  // of quiet, in which all must have ended
constexpr auto kLook = 5s;
// Of the wall clock. Not as far as the history is kept: what is older than that is removed. And not
// so far back that what waits for a time has to wait longer than the quiet time lasts.
constexpr std::chrono::hours kClockAhead = 24h * 14;
constexpr auto kClockBack = 10min;

// Mostly short, sometimes longer than anybody's patience.
nanoseconds any_outage() {
  World& world = World::the();
  return world.chance(0.25) ? world.between(10s, 240s) : world.between(10ms, 12s);
}

}  // namespace

Simulation::Simulation(std::uint64_t seed, const std::string& folder, bool print,
                       const Hostility& hostility)
    : world_(seed, print),
      folder_(folder),
      hostility_(hostility),
      profile_(random_profile()),
      stormy_until_(world_.now() + profile_.stormy),
      scheduler_(folder,
                 {[this](const std::string& address, grpc::ClientContext* context, auto* reactor) {
                    network_.begin(address, context, reactor);
                  },
                  [this](const store::Batch& batch) { checks_.on_committed(batch); },
                  [this] { checks_.on_loaded(*scheduler_.core()); }, [this] { look(); }},
                 hostility.plant),
      clients_(scheduler_, calls_, checks_, workers_),
      hostile_client_(scheduler_, calls_, checks_, clients_, workers_) {
  calls_.lost = world_.chance(0.3) ? 0 : 0.05;
  calls_.doubled = world_.chance(0.3) ? 0 : 0.05;
  scheduler_.set_disk_failures(profile_.disk_failures);
  const auto count = static_cast<int>(world_.between(hostility_.worker ? 2 : 1, 4));
  for (int number = 1; number <= count; ++number)
    add_worker(number, hostility_.worker && number == 2);
  act_later();
  fault_later();
  world_.at(stormy_until_, [this] { calm_down(); });
  let_loose();
}

void Simulation::let_loose() {
  if (hostility_.client) harm_later();
  if (hostility_.worker) workers_[1]->begin_lies(workers_);
  if (hostility_.clock) set_clock_later();
  if (hostility_.second_scheduler)
    for (auto more = world_.between(1, 2); more > 0; --more)
      world_.after(world_.between(5s, profile_.stormy), [this] { scheduler_.open_a_second_one(); });
}

void Simulation::harm_later() {
  world_.after(world_.between(10ms, 3s), [this] {
    if (!is_stormy()) return;
    hostile_client_.act();
    harm_later();
  });
}

void Simulation::set_clock_later() {
  world_.after(world_.between(10s, 90s), [this] {
    if (!is_stormy()) return;
    const bool forward = world_.chance(0.5) && world_.wall_offset() < kClockAhead;
    const nanoseconds by =
        forward ? world_.chance(0.5) ? world_.between(1s, 2h) : world_.between(1h, kClockAhead / 2)
                : -world_.between(1s, kClockBack);
    world_.set_wall(std::chrono::duration_cast<microseconds>(by));
    world_.note("the clock is set by " + std::to_string(by.count()) + " ns");
    set_clock_later();
  });
}

Simulation::Profile Simulation::random_profile() {
  Profile profile;
  profile.stormy = world_.between(60s, 300s);
  profile.fault_pause = world_.between(2s, 60s);
  profile.act_pause = world_.between(500ms, 8s);
  profile.slow = world_.chance(0.5) ? 0 : 0.05;
  profile.disk_failures = world_.chance(0.7) ? 0 : 0.01;
  profile.refusals = world_.chance(0.5) ? 0 : 0.2;
  for (int kind = 0; kind < kFaultKinds; ++kind)
    if (world_.chance(0.6)) profile.faults.push_back(kind);
  return profile;
}

void Simulation::add_worker(int number, bool lies) {
  Worker::Shape shape;
  shape.lies = lies;
  shape.name = "w" + std::to_string(number);
  shape.capacity.slots = static_cast<int>(world_.between(1, 4));
  shape.capacity.cpu_millicores = 4000;
  shape.capacity.memory_bytes = std::int64_t{1} << 31;
  shape.capacity.counted["gpu"] = 1;
  shape.clock_ppm = world_.between(-10'000, 10'000);
  auto worker = std::make_unique<Worker>(shape, network_, scheduler_, calls_, checks_);
  checks_.add_worker(worker->id(), shape.name, shape.capacity, lies);
  worker->path().slow = profile_.slow;
  worker->path().slowest = 4s;
  worker->set_refusals(profile_.refusals);
  workers_.push_back(std::move(worker));
}

void Simulation::act_later() {
  world_.after(world_.between(0ns, profile_.act_pause), [this] {
    if (!is_stormy()) return;
    clients_.act();
    act_later();
  });
}

void Simulation::fault_later() {
  if (profile_.faults.empty()) return;
  world_.after(world_.between(100ms, profile_.fault_pause), [this] {
    if (!is_stormy()) return;
    fault();
    fault_later();
  });
}

void Simulation::fault() {
  auto kinds = profile_.faults;
  const int kind = world_.any_of(kinds);
  if (kind < 7) {
    fault_of_worker(kind, *world_.any_of(workers_));
  } else {
    fault_of_scheduler(kind);
  }
}

void Simulation::fault_of_worker(int kind, Worker& worker) {
  const nanoseconds span = any_outage();
  switch (kind) {
    case 0:
      return worker.cut_connections();
    case 1:
    case 2:
      return cut_off(worker, span);
    case 3:
      return worker.crash(span);
    case 4:
      return worker.crash_and_forget(span);
    case 5:
      return worker.leave(span);
    default:
      return worker.reboot(world_.chance(0.5), span);
  }
}

// Sometimes cut off again as soon as it has come back, in the midst of what that sets off.
void Simulation::cut_off(Worker& worker, nanoseconds span) {
  world_.note(worker.shape().name + " is cut off");
  worker.path().cut = true;
  world_.after(span, [this, &worker] {
    world_.note(worker.shape().name + " is reached again");
    worker.path().cut = false;
    if (world_.chance(0.5))
      world_.after(world_.between(0s, 6s), [this, &worker] {
        if (is_stormy()) cut_off(worker, any_outage());
      });
  });
}

void Simulation::fault_of_scheduler(int kind) {
  if (kind == 7) return scheduler_.stall(world_.between(1s, 40s));
  scheduler_.crash(any_outage());
}

// The last outages end by themselves.
void Simulation::calm_down() {
  world_.note("quiet");
  calls_ = {};
  scheduler_.set_disk_failures(0);
  for (const auto& worker : workers_) {
    worker->path().slow = 0;
    worker->set_refusals(0);
    if (worker->shape().lies) worker->end_lies();
  }
  look_later();
}

void Simulation::look_later() {
  world_.after(kLook, [this] {
    if (unsettled().empty()) return scheduler_.finish();
    if (world_.now() > stormy_until_ + kSettled)
      return world_.broken("in quiet times, " + unsettled());
    clients_.calm_down();
    look_later();
  });
}

std::string Simulation::unsettled() const {
  if (std::string jobs = checks_.unsettled(); !jobs.empty()) return jobs;
  if (scheduler_.core() == nullptr) return "the scheduler has not come back";
  if (clients_.unanswered() > 0) return "a client waits for an answer";
  for (const auto& worker : workers_) {
    if (!worker->up()) return "a worker has not come back";
    if (worker->holds() > 0) return worker->shape().name + " holds what is not acknowledged";
  }
  return checks_.left_over(scheduler_);
}

void Simulation::look() {
  network_.look();
  if (scheduler_.core() != nullptr) checks_.look_at(*scheduler_.core());
  checks_.look_at_footprint(scheduler_);
}

Outcome Simulation::run() {
  scheduler_.run();
  scheduler_.finish();
  scheduler_.bury();
  for (network_.look(); !network_.idle(); network_.look()) world_.step();
  if (!world_.failed()) checks_.compare_with(folder_ + "/takt.db");
  return {world_.failure(), world_.hash(), checks_.runs()};
}

}  // namespace takt::sim
