// SPDX-License-Identifier: Apache-2.0
// A simulated worker that lies: its host was taken over. It knows what it is sent, and the ids of
// all jobs and workers. What of a lie becomes a record carries lie_of() its name.
#include <array>
#include <limits>
#include <utility>

#include "base/limits.h"
#include "rpc/convert.h"
#include "scheduler/verbs.h"
#include "simulation/worker.h"

namespace takt::sim {
namespace {

using namespace std::chrono_literals;

constexpr std::array kLiedNumbers = {std::int64_t{0},
                                     std::int64_t{-1},
                                     std::int64_t{7},
                                     std::int64_t{1} << 40,
                                     std::int64_t{300'000'000'000},
                                     std::numeric_limits<std::int64_t>::min(),
                                     std::numeric_limits<std::int64_t>::max()};

std::int64_t lied_number() { return World::the().any_of(kLiedNumbers); }

google::protobuf::Timestamp lied_time() {
  World& world = World::the();
  if (world.chance(0.5))
    return rpc::time_to_proto(wall_now() + microseconds(world.between(-400, 400) * 86'400'000'000));
  google::protobuf::Timestamp time;
  time.set_seconds(lied_number());
  time.set_nanos(static_cast<int>(lied_number()));
  return time;
}

std::string lied_text() {
  World& world = World::the();
  if (world.chance(0.2))
    return std::string(static_cast<std::size_t>(world.between(1, 60'000)), 'l');
  return world.chance(0.5) ? "w1" : "\x1b[2J";
}

void set_lied_end(v1::Attempt& attempt, const std::string& worker) {
  World& world = World::the();
  attempt.set_state(world.chance(0.5) ? v1::JOB_STATE_SUCCEEDED
                                      : static_cast<v1::JobState>(world.between(-1, 10)));
  if (world.chance(0.2)) return;  // it has ended, and there is no end
  v1::JobEnd& end = *attempt.mutable_end();
  end.set_cause(world.chance(0.6) ? v1::END_CAUSE_EXITED
                                  : static_cast<v1::EndCause>(world.between(-1, 15)));
  if (world.chance(0.8)) end.set_exit_code(static_cast<int>(world.between(0, 1)));
  end.set_note(lie_of(worker));
  end.set_detail(lied_text());
  end.set_stopped_by(lied_text());
  if (world.chance(0.5)) *attempt.mutable_end_time() = lied_time();
}

v1::Capacity lied_capacity() {
  World& world = World::the();
  v1::Capacity capacity;
  capacity.set_slots(static_cast<int>(world.chance(0.5) ? 2 : lied_number()));
  capacity.set_cpu_millicores(world.chance(0.5) ? 4000 : lied_number());
  capacity.set_memory_bytes(world.chance(0.5) ? 1 << 30 : lied_number());
  if (world.chance(0.5)) (*capacity.mutable_counted())[lied_text()] = lied_number();
  if (world.chance(0.5)) (*capacity.mutable_direct()->mutable_counted())["gpu"] = lied_number();
  for (auto more = world.chance(0.3) ? world.between(1, 300) : 0; more > 0; --more)
    capacity.add_controllers(lied_text());
  return capacity;
}

}  // namespace

void Worker::begin_lies(const std::vector<std::unique_ptr<Worker>>& all) {
  all_ = &all;
  lie_later();
}

// What it said is settled by the list of its next session.
void Worker::end_lies() {
  all_ = nullptr;
  cut_connections();
}

rpc::Caller Worker::caller() const { return shape_.lies ? worker_named(shape_.name) : root(); }

const Worker& Worker::any_worker() const { return *World::the().any_of(*all_); }

void Worker::lie_later() {
  World::the().after(World::the().between(50ms, 8s), [this] {
    if (all_ == nullptr) return;
    if (up()) lie();
    lie_later();
  });
}

void Worker::lie() {
  World& world = World::the();
  const auto what = world.between(0, 99);
  if (what < 30) {
    lie_about_attempts();
  } else if (what < 75) {
    lie_about_others();
  } else if (what < 90) {
    lie_about_itself();
  } else if (what < 98) {
    register_as_another();
  } else {
    flood();
  }
}

// As though the scheduler took any worker's word, where that is planted.
void Worker::send_lie(v1::SessionResponse message) {
  World::the().note(shape_.name + " lies: " + message.ShortDebugString().substr(0, 200));
  if (!is_planted(Plant::kEveryWorkerIsTrusted)) return send(std::move(message));
  for (const auto& worker : *all_)
    if (worker.get() != this) worker->send(message);
}

v1::Attempt Worker::any_own_attempt() const {
  World& world = World::the();
  v1::Attempt attempt;
  if (attempts_.empty()) return any_attempt_elsewhere();
  auto at = attempts_.begin();
  std::advance(at, world.between(0, static_cast<std::int64_t>(attempts_.size()) - 1));
  attempt = record_of(at->second);
  attempt.set_unit(lie_of(shape_.name));
  return attempt;
}

// On record elsewhere, of a job that waits, or of none.
v1::Attempt Worker::any_attempt_elsewhere() const {
  World& world = World::the();
  AttemptId id{Uuid::random(), 1};
  if (auto known = watcher_.attempts_elsewhere(id_); !known.empty() && world.chance(0.8))
    id = world.any_of(known);
  if (world.chance(0.1)) id.number += static_cast<int>(world.between(1, 5));
  v1::Attempt attempt;
  attempt.set_job_id(id.job_id.str());
  attempt.set_number(id.number);
  attempt.set_worker_id(any_worker().id().str());
  attempt.set_worker_name(lied_text());
  attempt.set_boot_id(lied_text());
  attempt.set_state(v1::JOB_STATE_RUNNING);
  attempt.set_unit(lie_of(shape_.name));
  return attempt;
}

void Worker::lie_about_attempts() {
  World& world = World::the();
  v1::SessionResponse message;
  v1::Attempt& attempt = *message.mutable_report()->mutable_attempt();
  attempt = any_own_attempt();
  if (world.chance(0.4)) {
    set_lied_end(attempt, shape_.name);
  } else if (world.chance(0.3)) {
    attempt.set_state(static_cast<v1::JobState>(world.between(-1, 10)));
  } else {
    *attempt.mutable_start_time() = lied_time();
    if (world.chance(0.3)) *attempt.mutable_end_time() = lied_time();
    attempt.set_cgroup(lied_text());
    attempt.set_user(lied_text());
    attempt.set_leader_pid(static_cast<int>(lied_number()));
  }
  const bool twice = world.chance(0.2);
  if (twice) send_lie(message);
  send_lie(std::move(message));
}

void Worker::lie_about_others() {
  World& world = World::the();
  v1::SessionResponse message;
  const v1::Attempt attempt = any_attempt_elsewhere();
  const auto what = world.between(0, 9);
  if (what < 3) {
    *message.mutable_report()->mutable_attempt() = attempt;
  } else if (what < 6) {
    *message.mutable_report()->mutable_attempt() = attempt;
    set_lied_end(*message.mutable_report()->mutable_attempt(), shape_.name);
  } else if (what < 7) {
    message.mutable_refused()->set_job_id(attempt.job_id());
    message.mutable_refused()->set_attempt(attempt.number());
    message.mutable_refused()->set_message(lied_text());
    *message.mutable_refused()->mutable_retry_time() = lied_time();
  } else if (what < 9) {
    v1::AttemptUsage& usage = *message.mutable_usages()->add_usages();
    usage.set_job_id(attempt.job_id());
    usage.set_attempt(attempt.number());
    usage.mutable_usage()->set_memory_peak_bytes(lied_number());
    usage.mutable_usage()->mutable_wall()->set_seconds(lied_number());
    for (int more = 0; more < 20; ++more) usage.add_remaining()->set_name(lied_text());
  } else {
    message.mutable_description()->set_job_id(attempt.job_id());
    message.mutable_description()->set_attempt(attempt.number());
    message.mutable_description()->set_submitted_by("user alice");
    message.mutable_description()->mutable_spec()->add_argv("/bin/false");
  }
  send_lie(std::move(message));
}

void Worker::lie_about_itself() {
  World& world = World::the();
  v1::SessionResponse message;
  const auto what = world.between(0, 9);
  if (what < 6) {
    *message.mutable_capacity() = lied_capacity();
  } else if (what < 7) {
    message.mutable_heartbeat()->set_sequence(lied_number());
  } else if (what < 8) {
    message.mutable_list_end()->set_count(lied_number());
  } else if (what < 9) {
    message.mutable_hello()->set_worker_id(any_worker().id().str());
    spoil(*message.mutable_hello());
  }
  send(std::move(message));
}

// Attempts that there are not, as fast as the stream takes them; or their ends.
void Worker::flood() {
  World& world = World::the();
  const bool ended = world.chance(0.3);
  for (auto more = world.chance(0.2) ? world.between(9000, 12'000) : world.between(10, 900);
       more > 0; --more) {
    v1::SessionResponse message;
    v1::Attempt& attempt = *message.mutable_report()->mutable_attempt();
    attempt.set_job_id(Uuid::random().str());
    attempt.set_number(1);
    attempt.set_state(v1::JOB_STATE_RUNNING);
    attempt.set_unit(lie_of(shape_.name));
    if (ended) attempt.mutable_end()->set_cause(v1::END_CAUSE_EXITED);
    send(std::move(message));
  }
}

// By its own certificate: as another worker, or another worker as itself.
void Worker::register_as_another() {
  World& world = World::the();
  const Worker& other = any_worker();
  if (&other == this) return;
  const bool by_name = world.chance(0.5);
  const auto refused = [](const grpc::Status& status, const auto&) {
    if (status.ok()) World::the().broken("a worker registers, or deregisters, as another one");
  };
  if (world.chance(0.3)) {
    v1::DeregisterWorkerRequest request;
    request.set_worker_id(other.id().str());
    return call<v1::DeregisterWorkerResponse>(
        scheduler_, path_, calls_,
        [request, who = caller()](scheduler::Core& core, const auto& reply) {
          scheduler::deregister_worker(core, who, request, reply);
        },
        refused);
  }
  v1::RegisterWorkerRequest request = registration();
  if (by_name) {
    request.set_name(other.shape().name);
  } else {
    request.set_worker_id(other.id().str());
  }
  call<v1::RegisterWorkerResponse>(
      scheduler_, path_, calls_,
      [request, id = other.id(), who = caller()](scheduler::Core& core, const auto& reply) {
        // An id that is not on record is free to all.
        if (core.fleet().find(id) == nullptr) return;
        scheduler::register_worker(core, who, request, reply);
      },
      refused);
}

void Worker::spoil(v1::WorkerHello& hello) const {
  World& world = World::the();
  switch (world.between(0, 4)) {
    case 0:
      hello.set_name(any_worker().shape().name);
      return;
    case 1:
      hello.set_worker_id(any_worker().id().str());
      return;
    case 2:
      hello.set_boot_id(lied_text());
      return;
    case 3:
      *hello.mutable_capacity() = lied_capacity();
      return;
    default:
      for (auto more = world.between(1, 80); more > 0; --more)
        (*hello.mutable_labels())[std::to_string(more)] = lied_text();
  }
}

}  // namespace takt::sim
