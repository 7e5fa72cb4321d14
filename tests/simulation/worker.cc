// SPDX-License-Identifier: Apache-2.0
#include "simulation/worker.h"

#include <algorithm>
#include <utility>

#include "scheduler/verbs.h"

namespace takt::sim {
namespace {

using namespace std::chrono_literals;

constexpr std::int64_t kMillion = 1'000'000;

}  // namespace

Worker::Worker(Shape shape, Network& network, Scheduler& scheduler, const CallFaults& calls,
               Watcher& watcher)
    : shape_(std::move(shape)),
      network_(network),
      scheduler_(scheduler),
      calls_(calls),
      watcher_(watcher),
      address_("unix:/" + shape_.name),
      path_(network.path(address_)) {
  network_.add(address_, *this);
  boot();
}

nanoseconds Worker::clock() const {
  const auto uptime = World::the().now() - booted_;
  return uptime + uptime / kMillion * shape_.clock_ppm;
}

nanoseconds Worker::true_span(nanoseconds by_clock) const {
  return by_clock - by_clock / (kMillion + shape_.clock_ppm) * shape_.clock_ppm;
}

void Worker::boot() {
  booted_ = World::the().now() - World::the().between(10s, 100h);
  boot_id_ = shape_.name + "-boot-" + std::to_string(++boots_);
  contact_file_ = nanoseconds(0);
  begin_process();
}

void Worker::begin_process() {
  World::the().note(shape_.name + " starts");
  process_ = new_life();
  leaving_ = false;
  heard_ = nanoseconds(0);
  epoch_ = 0;
  backoff_ = limits::kReconnectMin;
  recover();
  beat();
  register_again();
}

void Worker::end_process() {
  process_ = nullptr;
  const Session last = std::exchange(session_, {});
  if (last.stream) last.stream->hang_up();
}

void Worker::cut_connections() {
  if (session_.stream) session_.stream->cut();
}

void Worker::crash(nanoseconds down) {
  if (!up()) return;
  World::the().note(shape_.name + " dies");
  end_process();
  World::the().after(down, [this] { begin_process(); });
}

void Worker::crash_and_forget(nanoseconds down) {
  if (!up()) return;
  crash(down);
  for (auto at = attempts_.begin(); at != attempts_.end();) {
    Held& held = at->second;
    if (!held.ran || !watcher_.known_to_run(held.id)) {
      ++at;
      continue;
    }
    World::the().note(shape_.name + " forgets " + held.id.str());
    if (held.alive) watcher_.on_gone(held.id, std::nullopt);
    at = attempts_.erase(at);
  }
}

void Worker::leave(nanoseconds down) {
  if (!up() || std::exchange(leaving_, true)) return;
  World::the().note(shape_.name + " leaves");
  v1::DeregisterWorkerRequest request;
  request.set_worker_id(id_.str());
  CallFaults patience = calls_;
  patience.deadline = limits::kDeregister;
  call<v1::DeregisterWorkerResponse>(
      scheduler_, path_, patience,
      [request, who = caller()](scheduler::Core& core, const auto& reply) {
        scheduler::deregister_worker(core, who, request, reply);
      },
      [this, down, life = std::weak_ptr(process_)](const grpc::Status&, const auto&) {
        if (life.expired()) return;
        end_process();
        World::the().after(down, [this] { begin_process(); });
      });
}

void Worker::reboot(bool in_order, nanoseconds down) {
  if (!up()) return;
  World::the().note(shape_.name + (in_order ? " reboots" : " loses power"));
  end_process();
  for (auto at = attempts_.begin(); at != attempts_.end();) {
    Held& held = at->second;
    if (!held.ran && World::the().chance(0.5)) {  // the start was not on disk yet
      at = attempts_.erase(at);
      continue;
    }
    if (held.alive) watcher_.on_gone(held.id, std::nullopt);
    held.alive = false;
    held.ran = true;  // who can tell?
    held.phase = nullptr;
    if (held.end && !held.end_durable && !in_order) held.end.reset();
    if (!held.end) {
      held.end.emplace().set_cause(in_order ? v1::END_CAUSE_HOST_SHUTDOWN
                                            : v1::END_CAUSE_WORKER_LOST);
      held.end_time = wall_now();
    }
    ++at;
  }
  watcher_.on_rebooted(id_, boot_id_);
  World::the().after(down, [this] { boot(); });
}

v1::RegisterWorkerRequest Worker::registration() const {
  v1::RegisterWorkerRequest request;
  request.set_worker_id(id_.str());
  request.set_name(shape_.name);
  request.set_address(address_);
  request.set_boot_id(boot_id_);
  request.set_version("simulated");
  return request;
}

void Worker::check_in() {
  if (!session_.stream) return register_again();
  backoff_ = limits::kReconnectMin;
  World::the().after(limits::kReconnectMax, process_, [this] { check_in(); });
}

void Worker::register_again() {
  if (leaving_) return;
  call<v1::RegisterWorkerResponse>(
      scheduler_, path_, calls_,
      [request = registration(), who = caller()](scheduler::Core& core, const auto& reply) {
        scheduler::register_worker(core, who, request, reply);
      },
      [this, life = std::weak_ptr(process_)](const grpc::Status& status, const auto&) {
        if (life.expired()) return;
        nanoseconds pause = limits::kReconnectMax;
        if (!status.ok()) {
          pause = backoff_;
          backoff_ = std::min<nanoseconds>(backoff_ * 2, limits::kReconnectMax);
        }
        World::the().after(pause, process_, [this] { check_in(); });
      });
}

}  // namespace takt::sim
