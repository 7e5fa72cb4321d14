// SPDX-License-Identifier: Apache-2.0
// A simulated worker's end of the session, as src/worker/session.cc.
#include <algorithm>
#include <utility>

#include "base/limits.h"
#include "rpc/convert.h"
#include "simulation/worker.h"

namespace takt::sim {
namespace {

using namespace std::chrono_literals;

AttemptId id_of(const std::string& job_id, int number) { return {*Uuid::parse(job_id), number}; }

}  // namespace

void Worker::on_message(const StreamPtr& stream, const v1::SessionRequest& message) {
  if (message.has_hello()) return on_hello(stream, message.hello());
  if (session_.stream != stream) return stream->end();
  session_.last_heard = World::the().now();
  if (message.has_start()) return on_start(message.start());
  if (message.has_stop()) return on_stop(message.stop());
  if (message.has_freeze()) return on_freeze(message.freeze());
  if (message.has_acknowledge()) return on_acknowledge(message.acknowledge());
  if (!message.has_heartbeat()) return;
  heard_ = std::max(heard_, nanoseconds(message.heartbeat().acknowledged()));
  const bool leased = std::any_of(attempts_.begin(), attempts_.end(),
                                  [](const auto& entry) { return entry.second.lease.has_value(); });
  if (leased) contact_file_ = heard_;
}

void Worker::on_end(const StreamPtr& stream) {
  if (session_.stream != stream) return;
  World::the().note(shape_.name + "'s session is over");
  session_ = {};
}

void Worker::on_hello(const StreamPtr& stream, const v1::SchedulerHello& hello) {
  if (hello.epoch() < epoch_) return stream->end();
  epoch_ = hello.epoch();
  World::the().note(shape_.name + "'s session begins");
  if (session_.stream) session_.stream->end();
  session_ = {stream, clock(), World::the().now(), {}, {}};
  v1::SessionResponse message;
  v1::WorkerHello* mine = message.mutable_hello();
  mine->set_worker_id(id_.str());
  mine->set_boot_id(boot_id_);
  mine->set_session_number(++session_number_);
  mine->set_name(shape_.name);
  v1::Capacity* capacity = mine->mutable_capacity();
  capacity->set_slots(shape_.capacity.slots);
  capacity->set_cpu_millicores(shape_.capacity.cpu_millicores);
  capacity->set_memory_bytes(shape_.capacity.memory_bytes);
  capacity->mutable_counted()->insert(shape_.capacity.counted.begin(),
                                      shape_.capacity.counted.end());
  if (all_ != nullptr && World::the().chance(0.1)) spoil(*mine);
  send(std::move(message));
  std::int64_t count = 0;
  for (const auto& [id, held] : attempts_) {
    v1::SessionResponse part;
    *part.mutable_list()->add_reports()->mutable_attempt() = record_of(held);
    send(std::move(part));
    ++count;
  }
  v1::SessionResponse end;
  end.mutable_list_end()->set_count(count);
  send(std::move(end));
}

void Worker::on_start(const v1::StartCommand& command) {
  const AttemptId id = id_of(command.job_id(), command.attempt());
  World::the().note(shape_.name + " gets start " + id.str());
  watcher_.on_start_arrived(id, id_);
  if (!session_.starts.insert(id).second)
    return World::the().broken("start of " + id.str() + " goes out twice in one session");
  heard_ = std::max(heard_, session_.greeted);  // it has read our list
  if (const auto known = attempts_.find(id); known != attempts_.end()) return report(known->second);
  if (const auto known = ended_.find(id); known != ended_.end()) {
    v1::SessionResponse message;
    *message.mutable_report()->mutable_attempt() = known->second;
    return send(std::move(message));
  }
  if (command.has_run()) return end_start(id, v1::END_CAUSE_SUPERVISOR_LOST);
  if (command.spec().name() == "forbidden") return end_start(id, v1::END_CAUSE_START_FAILED);
  if (leaving_ || World::the().chance(refusals_)) return refuse(id);
  const Held& held = attempts_[id] = accept(id, command.spec());
  const auto stop = session_.early_stops.extract(id);
  report(held);
  World::the().after(World::the().between(1ms, 200ms), process_, [this, id] { go(id); });
  if (!stop.empty()) on_stop(stop.mapped());
}

Worker::Held Worker::accept(const AttemptId& id, const v1::JobSpec& spec) const {
  World& world = World::the();
  Held held;
  held.id = id;
  if (spec.has_lease()) held.lease = rpc::raw_duration(spec.lease());
  held.grace = spec.stop().has_grace() ? rpc::raw_duration(spec.stop().grace())
                                       : microseconds(limits::kStopGraceDefault);
  held.exit_code = world.chance(spec.name() == "shaky" ? 0.6 : 0.1) ? 1 : 0;
  held.work = world.chance(0.1) ? world.between(20s, 90s) : world.between(10ms, 15s);
  if (spec.name() == "endless") held.work = std::chrono::hours(10000);
  held.start_time = wall_now();
  held.contact = heard_;
  return held;
}

// Nothing was kept: the scheduler may send it elsewhere.
void Worker::refuse(const AttemptId& id) {
  World::the().note(shape_.name + " refuses " + id.str());
  v1::SessionResponse message;
  v1::StartRefused* refused = message.mutable_refused();
  refused->set_job_id(id.job_id.str());
  refused->set_attempt(id.number);
  refused->set_message("too busy");
  if (World::the().chance(0.3))
    *refused->mutable_retry_time() = rpc::time_to_proto(wall_now() + microseconds(20s));
  send(std::move(message));
}

// An end that is told without being kept.
void Worker::end_start(const AttemptId& id, v1::EndCause cause) {
  Held held;
  held.id = id;
  held.end.emplace().set_cause(cause);
  held.end_time = wall_now();
  held.end_durable = true;
  report(held);
}

void Worker::on_stop(const v1::StopCommand& command) {
  const AttemptId id = id_of(command.job_id(), command.attempt());
  const auto found = attempts_.find(id);
  if (found == attempts_.end()) {
    session_.early_stops[id] = command;
    return;
  }
  Held& held = found->second;
  stop(held, v1::END_CAUSE_STOPPED, command.stopped_by(),
       command.has_grace() ? rpc::raw_duration(command.grace()) : held.grace);
}

void Worker::on_freeze(const v1::FreezeCommand& command) {
  const auto found = attempts_.find(id_of(command.job_id(), command.attempt()));
  if (found == attempts_.end()) return;
  freeze(found->second, command.frozen());
  report(found->second);
}

void Worker::on_acknowledge(const v1::AcknowledgeCommand& command) {
  const AttemptId id = id_of(command.job_id(), command.attempt());
  const auto found = attempts_.find(id);
  // A lie, perhaps; what is true is reported by the next list.
  if (shape_.lies && (found == attempts_.end() || !found->second.end_durable)) return;
  watcher_.on_acknowledged(id);
  if (found == attempts_.end()) return;
  if (!found->second.end_durable)
    return World::the().broken("an end of " + id.str() + " is acknowledged that was never told");
  World::the().note(shape_.name + " may forget " + id.str());
  ended_[id] = record_of(found->second);
  attempts_.erase(found);
}

void Worker::beat() {
  World::the().after(true_span(limits::kHeartbeat), process_, [this] { beat(); });
  if (!session_.stream) return;
  if (World::the().now() - session_.last_heard > limits::kUnreachableAfter) {
    const StreamPtr stream = session_.stream;
    session_ = {};
    return stream->end();
  }
  v1::SessionResponse message;
  message.mutable_heartbeat()->set_sequence(clock().count());
  send(std::move(message));
}

v1::Attempt Worker::record_of(const Held& held) const {
  v1::Attempt attempt;
  attempt.set_job_id(held.id.job_id.str());
  attempt.set_number(held.id.number);
  attempt.set_worker_id(id_.str());
  attempt.set_worker_name(shape_.name);
  attempt.set_boot_id(boot_id_);
  attempt.set_state(held.state);
  *attempt.mutable_start_time() = rpc::time_to_proto(held.start_time);
  if (!held.end_durable) return attempt;
  *attempt.mutable_end_time() = rpc::time_to_proto(held.end_time);
  *attempt.mutable_end() = *held.end;
  const auto end = rpc::end_from_proto(*held.end);
  attempt.set_state(rpc::state_to_proto(state_of_end(*end)));
  return attempt;
}

void Worker::report(const Held& held) {
  v1::SessionResponse message;
  *message.mutable_report()->mutable_attempt() = record_of(held);
  send(std::move(message));
}

void Worker::send(v1::SessionResponse message) {
  if (session_.stream) session_.stream->send(std::move(message));
}

}  // namespace takt::sim
