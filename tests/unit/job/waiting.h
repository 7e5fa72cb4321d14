// SPDX-License-Identifier: Apache-2.0
// A queue and a placer as a scheduler drives them, and demands and workers to fill them with.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "job/placement.h"

namespace takt::test {

inline Demand anywhere() {
  Demand demand;
  demand.amounts.slots = 1;
  return demand;
}

inline Demand only_on(const std::string& name) {
  Demand demand = anywhere();
  demand.constraints = {{"worker", ConstraintOperator::kEqual, {name}}};
  return demand;
}

inline Demand with_cpus(std::int64_t cpus) {
  Demand demand = anywhere();
  demand.amounts.cpu_millicores = cpus * 1000;
  return demand;
}

inline WorkerRecord worker(const std::string& name, int slots, std::int64_t cpus = 4) {
  WorkerRecord made;
  made.id = Uuid::random();
  made.name = name;
  made.state = WorkerState::kReady;
  made.capacity.slots = slots;
  made.capacity.cpu_millicores = cpus * 1000;
  made.capacity.memory_bytes = 8LL << 30;
  made.capacity.tasks = 1000;
  made.capacity.launchers = {Launcher::kCgroup};
  return made;
}

// Jobs by the order in which they were added, workers by name.
class Waiting {
 public:
  Waiting()
      : placer_(queue_, [this](const Uuid& id, std::uint64_t line) {
          return excluded && excluded(names_.at(id), line);
        }) {}
  Waiting(const Waiting&) = delete;
  Waiting& operator=(const Waiting&) = delete;
  ~Waiting() {
    for (auto& [number, job] : jobs_) queue_.erase(job.ticket, job.rank);
  }

  void add_worker(const WorkerRecord& record, bool open = true) {
    names_[record.id] = record.name;
    ids_[record.name] = record.id;
    placer_.set_offer(offer_of(record, open));
  }

  // The numbers of the jobs: 0, 1, 2 ...
  void add(const Demand& demand, int count = 1, int priority = 0) {
    for (int i = 0; i < count; ++i) {
      const auto number = static_cast<std::int64_t>(jobs_.size());
      Job job{Uuid::random(), {priority, number}, queue_.ticket(demand), ""};
      queue_.push(job.ticket, job.rank, job.id);
      numbers_[job.id] = number;
      jobs_.emplace(number, std::move(job));
    }
  }

  // Which jobs were placed where, in this order.
  std::vector<std::pair<std::int64_t, std::string>> pass(std::size_t most = 1000) {
    std::vector<std::pair<std::int64_t, std::string>> placed;
    stopped_ = placer_.pass(most, [&](const Uuid& id, const Uuid& to) {
      Job& job = jobs_.at(numbers_.at(id));
      queue_.erase(job.ticket, job.rank);
      job.on = names_.at(to);
      placer_.take(to, job.rank, id, job.ticket.line()->demand.amounts);
      placed.emplace_back(job.rank.age, job.on);
    });
    return placed;
  }

  // The job is on its worker no more.
  void end(std::int64_t number) {
    Job& job = jobs_.at(number);
    placer_.give_back(ids_.at(std::exchange(job.on, "")), job.id,
                      job.ticket.line()->demand.amounts);
  }

  // The job waits no more.
  void stop(std::int64_t number) { queue_.erase(jobs_.at(number).ticket, jobs_.at(number).rank); }

  [[nodiscard]] Rank rank(std::int64_t number) const { return jobs_.at(number).rank; }
  [[nodiscard]] const Uuid& id(const std::string& name) const { return ids_.at(name); }
  [[nodiscard]] const Offer& offer(const std::string& name) const {
    return placer_.offers().at(ids_.at(name));
  }
  [[nodiscard]] bool stopped() const { return stopped_; }
  Queue& queue() { return queue_; }
  Placer& placer() { return placer_; }

  std::function<bool(const std::string& worker, std::uint64_t line)> excluded;

 private:
  struct Job {
    Uuid id;
    Rank rank;
    Queue::Ticket ticket;
    std::string on;  // empty: it waits, or has ended
  };

  Queue queue_;
  Placer placer_;
  std::map<std::int64_t, Job> jobs_;
  std::map<Uuid, std::int64_t> numbers_;
  std::map<Uuid, std::string> names_;
  std::map<std::string, Uuid> ids_;
  bool stopped_ = false;
};

}  // namespace takt::test
