// SPDX-License-Identifier: Apache-2.0
// The jobs that wait. Jobs of equal demand stand in one line, so that looking for the next job
// costs a step a line, not a step a job. Guarantees: within a line the oldest comes first; a job
// that comes back (its start was refused) gets its old place. Not thread-safe.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <unordered_map>
#include <vector>

#include "base/uuid.h"
#include "job/spec.h"

namespace takt {

// What a job asks of a worker.
struct Demand {
  std::vector<Constraint> constraints;
  Launcher launcher = Launcher::kDefault;
  friend auto operator<=>(const Demand&, const Demand&) = default;
};

Demand demand_of(const JobSpec& spec);

class Queue {
 public:
  // One line. Its address stays while a Ticket for it is alive.
  struct Line {
    Demand demand;
    std::map<std::int64_t, Uuid> jobs;  // by age: the smaller number is the older job
    std::size_t tickets = 0;
  };

  // A job's right to its line, held for as long as the job may come back to it.
  class Ticket {
   public:
    Ticket() = default;
    Ticket(Queue* queue, Line* line) : queue_(queue), line_(line) { ++line_->tickets; }
    Ticket(Ticket&& other) noexcept;
    Ticket& operator=(Ticket&& other) noexcept;
    Ticket(const Ticket&) = delete;
    Ticket& operator=(const Ticket&) = delete;
    ~Ticket();
    [[nodiscard]] Line* line() const { return line_; }

   private:
    Queue* queue_ = nullptr;
    Line* line_ = nullptr;
  };

  // A ticket for the line of this demand; makes the line if there is none. The queue outlives it.
  Ticket ticket(const Demand& demand);

  // Puts a job into its line, at the place of its age. It is not in a line yet.
  void push(const Ticket& ticket, std::int64_t age, const Uuid& job);

  // Takes a job out of its line; false if it was not there.
  bool erase(const Ticket& ticket, std::int64_t age);

  // The lines in which jobs wait, the one with the oldest head first.
  [[nodiscard]] std::vector<Line*> waiting_lines() const;

  [[nodiscard]] std::size_t waiting() const { return waiting_; }
  [[nodiscard]] std::size_t lines() const { return lines_.size(); }

 private:
  void drop_if_unused(Line* line);

  std::map<Demand, Line> lines_;
  std::size_t waiting_ = 0;
};

}  // namespace takt
