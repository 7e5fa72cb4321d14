// SPDX-License-Identifier: Apache-2.0
// What runs on a simulated worker's host, and ends there.
#include <algorithm>
#include <utility>

#include "base/limits.h"
#include "simulation/worker.h"

namespace takt::sim {
namespace {

using namespace std::chrono_literals;

bool is_ending(v1::JobState state) { return state == v1::JOB_STATE_ENDING; }

}  // namespace

void Worker::in_phase(nanoseconds delay, const Held& held, void (Worker::*step)(const AttemptId&)) {
  World::the().after(delay, held.phase, [this, id = held.id, step] { (this->*step)(id); });
}

// The start is on disk and the supervisor is ready.
void Worker::go(const AttemptId& id) {
  const auto found = attempts_.find(id);
  if (found == attempts_.end() || found->second.end || is_ending(found->second.state)) return;
  Held& held = found->second;
  World::the().note(shape_.name + " runs " + id.str());
  held.ran = held.alive = true;
  held.state = v1::JOB_STATE_RUNNING;
  watcher_.on_run(id, id_);
  work_on(held);
  report(held);
}

void Worker::work_on(Held& held) {
  held.phase = new_life();
  held.work_since = World::the().now();
  in_phase(held.work, held, &Worker::leader_ended);
  watch_lease(held);
}

void Worker::watch_lease(Held& held) {
  if (!held.lease) return;
  in_phase(true_span(std::max(nanoseconds(0), held.contact + *held.lease - clock())), held,
           &Worker::look_at_lease);
}

void Worker::look_at_lease(const AttemptId& id) {
  Held& held = attempts_.at(id);
  held.contact = std::max(held.contact, contact_file_);
  if (clock() < held.contact + *held.lease) return watch_lease(held);
  stop(held, v1::END_CAUSE_WORKER_LOST, "", held.grace);
}

// The command has its grace, and who does not act within it is overruled a while later.
void Worker::stop(Held& held, v1::EndCause cause, const std::string& by, nanoseconds grace) {
  if (held.end || is_ending(held.state)) return;
  World& world = World::the();
  world.note(shape_.name + " stops " + held.id.str());
  v1::JobEnd end;
  end.set_cause(cause);
  end.set_stopped_by(by);
  held.state = v1::JOB_STATE_ENDING;
  held.phase = new_life();
  nanoseconds takes = world.chance(0.5) ? grace : world.between(0ns, grace);
  if (world.chance(0.2)) takes = grace + limits::kBackstop;
  if (!held.ran) takes = 1ms;
  world.after(true_span(takes), held.phase,
              [this, id = held.id, end] { this->end(attempts_.at(id), end); });
  report(held);
}

void Worker::freeze(Held& held, bool frozen) {
  if (held.state != (frozen ? v1::JOB_STATE_RUNNING : v1::JOB_STATE_PAUSED)) return;
  held.state = frozen ? v1::JOB_STATE_PAUSED : v1::JOB_STATE_RUNNING;
  if (!frozen) return work_on(held);
  held.phase = new_life();
  held.work -= World::the().now() - held.work_since;
  watch_lease(held);
}

void Worker::leader_ended(const AttemptId& id) {
  World& world = World::the();
  Held& held = attempts_.at(id);
  held.state = v1::JOB_STATE_ENDING;
  held.phase = new_life();
  v1::JobEnd end;
  end.set_cause(v1::END_CAUSE_EXITED);
  end.set_exit_code(held.exit_code);
  world.after(world.chance(0.2) ? world.between(0s, 2s) : 1ms, held.phase,
              [this, id, end] { this->end(attempts_.at(id), end); });
  report(held);
}

// Nothing of it is left, whether or not a worker runs that could see it.
void Worker::end(Held& held, v1::JobEnd end) {
  World::the().note(shape_.name + " has no more of " + held.id.str());
  if (held.alive)
    watcher_.on_gone(held.id, end.has_exit_code() ? std::optional(end.exit_code()) : std::nullopt);
  held.alive = false;
  held.phase = nullptr;
  held.end = std::move(end);
  held.end_time = wall_now();
  if (up())
    World::the().after(World::the().between(1ms, 30ms), process_,
                       [this, id = held.id] { make_durable(id); });
}

void Worker::make_durable(const AttemptId& id) {
  const auto found = attempts_.find(id);
  if (found == attempts_.end() || !found->second.end) return;
  found->second.end_durable = true;
  report(found->second);
}

// What has not run is forgotten, to be sent again.
void Worker::recover() {
  std::erase_if(attempts_,
                [](const auto& entry) { return !entry.second.ran && !entry.second.end_durable; });
  for (const auto& [id, held] : attempts_)
    if (held.end && !held.end_durable)
      World::the().after(World::the().between(1ms, 30ms), process_,
                         [this, id = held.id] { make_durable(id); });
}

}  // namespace takt::sim
