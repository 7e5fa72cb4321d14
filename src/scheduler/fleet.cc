// SPDX-License-Identifier: Apache-2.0
#include "scheduler/fleet.h"

#include <algorithm>
#include <set>
#include <utility>

#include "base/limits.h"
#include "base/utf8.h"
#include "rpc/convert.h"
#include "rpc/convert_spec.h"
#include "scheduler/audit.h"

namespace takt::scheduler {

Fleet::Fleet(Parts parts, const Options& options) : parts_(std::move(parts)), options_(options) {}

void Fleet::register_worker(const WorkerRecord& news, Done done) {
  auto found = workers_.find(news.id);
  if (found == workers_.end()) {
    if (workers_.size() >= limits::kWorkersMax) {
      return done(make_error(ErrorCode::kResourceExhausted,
                             "the scheduler knows " + std::to_string(limits::kWorkersMax) +
                                 " workers already, and takes no more"));
    }
    found = workers_.emplace(news.id, WorkerEntry{}).first;
    found->second.record = news;
    found->second.record.state_time = found->second.record.register_time = wall_now();
  }
  WorkerEntry& entry = found->second;
  const bool was_away = entry.record.state == WorkerState::kAway;
  const bool moved = entry.session != nullptr &&
                     (entry.session->address() != news.address || entry.record.name != news.name);
  entry.record.name = news.name;
  entry.record.address = news.address;
  entry.record.version = news.version;
  if (moved) {
    entry.last_beat = last_contact(entry);
    entry.session.reset();
    fail_adoptions(entry, "it has moved");
  }
  if (was_away) {
    set_state(entry, WorkerState::kUnreachable, "it registered again and is being dialled");
  } else {
    parts_.ledger.record(entry.record);
  }
  refresh_offer(entry);
  parts_.ledger.after_commit(
      [this, id = news.id, done = std::move(done)](const Result<void>& committed) {
        const auto worker = workers_.find(id);
        if (committed && worker != workers_.end()) {
          audit_registered(worker->second.record);
          if (worker->second.record.state != WorkerState::kAway) open_session(worker->second);
        }
        done(committed);
      });
}

void Fleet::deregister_worker(const Uuid& id, Done done) {
  const auto found = workers_.find(id);
  if (found == workers_.end()) {
    return done(Error{ErrorCode::kNotFound, "no worker has the id " + id.str(), "worker_id", 0});
  }
  WorkerEntry& entry = found->second;
  entry.last_beat = last_contact(entry);
  entry.session.reset();
  entry.silence.reset();
  fail_adoptions(entry, "it deregistered");
  if (entry.record.state != WorkerState::kAway)
    set_state(entry, WorkerState::kAway, "it deregistered");
  watch_losses(entry);
  refresh_offer(entry);
  parts_.ledger.after_commit(std::move(done));
}

void Fleet::restore(std::vector<WorkerRecord> workers) {
  for (WorkerRecord& record : workers) {
    WorkerEntry& entry = workers_[record.id];
    entry.record = std::move(record);
    refresh_offer(entry);
    await_deadline(entry);
    if (entry.record.state != WorkerState::kAway) open_session(entry);
  }
}

void Fleet::clear() {
  for (auto& [id, entry] : workers_) fail_adoptions(entry, "the scheduler begins anew");
  workers_.clear();
  parts_.dispatcher.clear();
}

// Dials, and gives a worker that is thought to be there a fresh time to answer.
void Fleet::open_session(WorkerEntry& entry) {
  if (entry.session != nullptr) return entry.session->dial();
  if (entry.record.state == WorkerState::kReady) expect_silence(entry);
  entry.session =
      Session::create(parts_.loop, parts_.credentials, parts_.mailbox,
                      {entry.record.address, entry.record.name, options_.store_id, options_.epoch,
                       options_.unreachable_after, options_.begin_session},
                      events_of(entry.record.id));
}

// The session belongs to the entry, so the entry is there when it calls.
Session::Events Fleet::events_of(const Uuid& id) {
  Session::Events events;
  events.on_hello = [this, id](const v1::WorkerHello& hello) {
    return on_hello(workers_.at(id), hello);
  };
  events.on_report = [this, id](const v1::AttemptReport& report) {
    on_report(workers_.at(id), report);
  };
  events.on_settled = [this, id] { on_settled(workers_.at(id)); };
  events.on_refused = [this, id](const v1::StartRefused& refused) {
    on_refused(workers_.at(id), refused);
  };
  events.on_capacity = [this, id](const v1::Capacity& capacity) {
    on_capacity(workers_.at(id), capacity);
  };
  events.on_usages = [this, id](const v1::AttemptUsages& usages) {
    on_usages(workers_.at(id), usages);
  };
  events.on_description = [this, id](const v1::AttemptDescription& description) {
    on_description(workers_.at(id), description);
  };
  events.on_down = [this, id](const std::string& why) { on_down(workers_.at(id), why); };
  return events;
}

void Fleet::set_state(WorkerEntry& entry, WorkerState state, const std::string& why) {
  if (entry.record.state == state) return;
  entry.record.state = state;
  entry.record.state_time = wall_now();
  parts_.ledger.record(entry.record);
  parts_.ledger.after_commit([record = entry.record, why](const Result<void>& committed) {
    if (committed) audit_worker_state(record, why);
  });
}

void Fleet::expect_silence(WorkerEntry& entry) {
  entry.silence =
      parts_.loop.add_timer(nanoseconds(options_.unreachable_after), [this, id = entry.record.id] {
        const auto found = workers_.find(id);
        if (found == workers_.end()) return;
        set_state(found->second, WorkerState::kUnreachable, found->second.why_down);
        watch_losses(found->second);
        refresh_offer(found->second);
      });
}

void Fleet::refresh_offer(const WorkerEntry& entry) {
  const bool available = entry.record.state == WorkerState::kReady && !entry.record.drain &&
                         entry.session != nullptr && entry.session->settled();
  parts_.dispatcher.placer().set_offer(offer_of(entry.record, available));
}

void Fleet::on_occupied(const Uuid& worker, const LiveJob& live) {
  const auto found = workers_.find(worker);
  if (found == workers_.end()) return;
  found->second.jobs.insert(live.job.id);
  if (live.lease && found->second.record.state != WorkerState::kReady) watch_losses(found->second);
  parts_.dispatcher.placer().take(worker, live.rank(), live.job.id, live.demand().amounts);
}

void Fleet::on_vacated(const Uuid& worker, const LiveJob& live) {
  const auto found = workers_.find(worker);
  if (found == workers_.end()) return;
  found->second.jobs.erase(live.job.id);
  found->second.started.erase(live.job.id);
  parts_.dispatcher.placer().give_back(worker, live.job.id, live.demand().amounts);
}

void Fleet::send_start(const LiveJob& live, const JobSpec& spec) {
  const Attempt* attempt = live.job.current_attempt();
  if (attempt == nullptr) return;
  const auto found = workers_.find(attempt->worker_id);
  const bool reached = found != workers_.end() && found->second.session != nullptr &&
                       found->second.session->settled();
  if (!reached) return;  // while it lists, too: its list's end settles it
  // A second one may be under way. Of two, a worker could refuse the first and take the second.
  const auto [known, is_new] = found->second.started.try_emplace(live.job.id, attempt->id.number);
  if (!is_new && known->second == attempt->id.number) return;
  known->second = attempt->id.number;
  v1::SessionRequest message;
  v1::StartCommand* start = message.mutable_start();
  start->set_job_id(live.job.id.str());
  start->set_attempt(attempt->id.number);
  *start->mutable_spec() =
      rpc::spec_to_proto(live.job.part ? spec_of_part(spec, *live.job.part) : spec);
  rpc::clear_waiting(*start->mutable_spec());
  start->set_submitted_by(clean_text(live.job.submitted_by));
  start->set_has_run(attempt->state != JobState::kStarting);
  found->second.session->send(std::move(message));
}

void Fleet::send_stop(const LiveJob& live, const StopRequest& request) {
  const Attempt* attempt = live.job.current_attempt();
  if (attempt == nullptr || has_ended(attempt->state)) return;
  const auto found = workers_.find(attempt->worker_id);
  if (found != workers_.end()) stop_attempt(found->second, attempt->id, request);
}

bool Fleet::send_freeze(const LiveJob& live, bool frozen) {
  const Attempt* attempt = live.job.current_attempt();
  const auto found = attempt == nullptr ? workers_.end() : workers_.find(attempt->worker_id);
  const bool reached = found != workers_.end() && found->second.session != nullptr &&
                       found->second.session->settled();
  if (!reached) return false;
  v1::SessionRequest message;
  message.mutable_freeze()->set_job_id(live.job.id.str());
  message.mutable_freeze()->set_attempt(attempt->id.number);
  message.mutable_freeze()->set_frozen(frozen);
  found->second.session->send(std::move(message));
  return true;
}

std::vector<std::string> Fleet::names_for(const JobSpec& spec) const {
  std::set<std::string> names;
  for (const auto& [id, entry] : workers_) {
    const WorkerRecord& record = entry.record;
    const bool there =
        record.state == WorkerState::kReady || record.state == WorkerState::kUnreachable;
    if (there && !record.drain && constraints_hold(spec.constraints, effective_labels(record)))
      names.insert(record.name);
  }
  return {names.begin(), names.end()};
}

const WorkerEntry* Fleet::find(const Uuid& id) const {
  const auto found = workers_.find(id);
  return found == workers_.end() ? nullptr : &found->second;
}

std::size_t Fleet::count(WorkerState state) const {
  return static_cast<std::size_t>(
      std::count_if(workers_.begin(), workers_.end(),
                    [state](const auto& worker) { return worker.second.record.state == state; }));
}

}  // namespace takt::scheduler
