// SPDX-License-Identifier: Apache-2.0
#include "simulation/checks.h"

#include <algorithm>

#include "simulation/caller.h"
#include "simulation/world.h"
#include "store/connection.h"
#include "store/queries.h"

namespace takt::sim {

void Checks::add_worker(const Uuid& id, const std::string& name, const Capacity& capacity,
                        bool lies) {
  hosts_[id] = {name, capacity, {}, false, lies, {}, {}};
}

void Checks::check(bool holds, const Job& job, const std::string& promise) const {
  if (!holds) World::the().broken("job " + job.id.str() + ": " + promise);
}

Checks::Known* Checks::find(const Uuid& job) {
  const auto found = jobs_.find(job);
  return found == jobs_.end() ? nullptr : &found->second;
}

void Checks::on_start_arrived(const AttemptId& attempt, const Uuid& worker) {
  const Known* known = find(attempt.job_id);
  const bool committed = known != nullptr && known->tries.contains(attempt.number) &&
                         known->tries.at(attempt.number).worker == worker;
  if (!committed) World::the().broken("start of " + attempt.str() + " that is not on disk");
}

void Checks::on_run(const AttemptId& attempt, const Uuid& worker) {
  Known* known = find(attempt.job_id);
  if (known == nullptr) return;
  const Job& job = known->job;
  check(known->tries[attempt.number].worker == worker, job, "runs where it was not sent");
  check(!known->tries[attempt.number].ran, job,
        "attempt " + std::to_string(attempt.number) + " runs a second time");
  int ran = 1;
  const bool by_liar = hosts_.at(worker).lies;
  for (const auto& [number, tried] : known->tries) {
    if (number == attempt.number || host_of(tried).lies) continue;
    check(!tried.alive || by_liar, job, "two attempts of it run at once");
    if (tried.ran) ++ran;
  }
  const int most = (job.retry ? job.retry->max_attempts : 1) + known->requeues;
  check(ran <= most || by_liar, job, "runs more often than it may");
  known->tries[attempt.number].ran = known->tries[attempt.number].alive = true;
  ++runs_;
}

void Checks::on_gone(const AttemptId& attempt, std::optional<int> exit_code) {
  Known* known = find(attempt.job_id);
  if (known == nullptr) return;
  known->tries[attempt.number].alive = false;
  known->tries[attempt.number].exit_code = exit_code;
}

void Checks::on_acknowledged(const AttemptId& attempt) {
  Known* known = find(attempt.job_id);
  if (known == nullptr || !known->tries.contains(attempt.number))
    return World::the().broken("an end of " + attempt.str() + " is acknowledged, and unknown");
  check(known->tries[attempt.number].end.has_value(), known->job,
        "an end is acknowledged that is not on disk");
}

void Checks::on_rebooted(const Uuid& worker, const std::string& last_boot) {
  hosts_[worker].past_boots.insert(last_boot);
}

bool Checks::known_to_run(const AttemptId& attempt) const {
  const auto known = jobs_.find(attempt.job_id);
  if (known == jobs_.end()) return false;
  const auto found = known->second.tries.find(attempt.number);
  return found != known->second.tries.end() && found->second.state >= JobState::kRunning;
}

void Checks::on_submitted(const std::string& request, const Uuid& job) {
  if (find(job) == nullptr)
    return World::the().broken("job " + job.str() + " is acknowledged and not on disk");
  const auto [found, first] = requests_.emplace(request, job);
  if (found->second != job) World::the().broken("request " + request + " made two jobs");
}

void Checks::on_stop_told(const Uuid& job) {
  Known* known = find(job);
  if (known == nullptr) return World::the().broken("a stop is told of a job that is not on disk");
  check(
      has_ended(known->job.state) || known->job.stop_requested.has_value() || known->job.parts > 0,
      known->job, "its stop is told and not on disk");
  known->stop_told = true;
  for (const Uuid& part : known->parts) jobs_.at(part).stop_told = true;
}

void Checks::on_loaded(scheduler::Core& core) {
  std::size_t live = 0;
  for (const auto& [id, known] : jobs_) {
    const scheduler::LiveJob* loaded = core.jobs().find(id);
    const bool ended = has_ended(known.job.state);
    if (!ended) ++live;
    check((loaded == nullptr) == ended, known.job, "is not loaded as it was committed");
    if (loaded == nullptr) continue;
    check(loaded->job.state == known.job.state && loaded->job.tries == known.job.tries &&
              loaded->job.hold == known.job.hold,
          known.job, "is loaded otherwise than it was committed");
  }
  if (core.jobs().size() != live) World::the().broken("jobs are loaded that were never committed");
}

void Checks::look_at(scheduler::Core& core) {
  for (const Uuid& id : std::exchange(touched_wholes_, {})) {
    const Known& known = jobs_.at(id);
    const scheduler::Wholes::Whole* whole = core.jobs().whole(id);
    if (whole == nullptr) continue;
    PartCounts counts;
    int admitted = 0;
    bool claimed = false;  // by a worker that lies
    for (const Uuid& part : known.parts) {
      const scheduler::LiveJob* live = core.jobs().find(part);
      ++counts.total;
      ++counts.of(live != nullptr ? live->job.state : jobs_.at(part).job.state);
      if (live != nullptr && live->admitted) ++admitted;
      for (const auto& [number, tried] : jobs_.at(part).tries)
        if (host_of(tried).lies) claimed = true;
    }
    check(counts == whole->counts, known.job, "its parts are counted wrongly");
    check(admitted == whole->admitted, known.job, "its parts' places are counted wrongly");
    check(claimed || whole->max_running == 0 || admitted <= whole->max_running, known.job,
          "more of its parts may run at once than were asked for");
  }
}

void Checks::compare_with(const std::string& store_file) {
  auto connection = store::Connection::open({store_file, true, {}, 0});
  if (!connection) return World::the().broken(connection.error().message);
  for (const auto& [id, known] : jobs_) {
    const auto view = store::query_job(**connection, id.str(), false);
    check(view.ok(), known.job, "is not in the store any more");
    if (!view) return;
    check(view->job.state == known.job.state && view->job.end == known.job.end, known.job,
          "is in the store otherwise than it was committed");
  }
}

std::vector<Uuid> Checks::live_jobs() const {
  std::vector<Uuid> live;
  for (const auto& [id, known] : jobs_)
    if (!has_ended(known.job.state)) live.push_back(id);
  std::sort(live.begin(), live.end());
  return live;
}

bool Checks::may_last_for_ever(const Uuid& job) const {
  const Known& known = jobs_.at(job);
  const JobSpec& spec = *known.job.spec;
  // By the lie of a worker that it is ending, it may be paused there and not be resumed.
  const bool lied_about =
      std::any_of(known.tries.begin(), known.tries.end(),
                  [this](const auto& entry) { return host_of(entry.second).lies; });
  const bool hostile = lied_about || known.job.submitted_by == mallory().display_name();
  return !known.stop_told && (hostile || spec.name == "endless" || !spec.constraints.empty());
}

std::string Checks::unsettled() const {
  const std::vector<Uuid> live = live_jobs();
  if (live.empty()) return "";
  const Known& first = jobs_.at(live.front());
  return std::to_string(live.size()) + " jobs have not ended, such as " + live.front().str() +
         ", which is " + std::string(state_name(first.job.state)) +
         (first.job.hold ? " and held" : "");
}

}  // namespace takt::sim
