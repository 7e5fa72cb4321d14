// SPDX-License-Identifier: Apache-2.0
// The jobs that wait. Jobs of equal demand stand in one line, so that looking for the next job
// costs a step a line, not a step a job. Guarantees: within a line, and between the heads of lines,
// the higher priority comes first, then the older job; a job that comes back (its start was
// refused, it was released) gets its old place; what has not been looked at since it became the
// head of its line is found without looking at other lines; a line that is set apart costs nobody a
// look until it rejoins. Not thread-safe.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <unordered_set>
#include <vector>

#include "base/uuid.h"
#include "job/amounts.h"
#include "job/spec.h"

namespace takt {

// What a job asks of a worker.
struct Demand {
  Amounts amounts;  // one slot, and what the spec asks for
  std::vector<Constraint> constraints;
  Launcher launcher = Launcher::kDefault;
  friend auto operator<=>(const Demand&, const Demand&) = default;
};

// Of a job of this spec; of a part that is for one worker only, also its name.
Demand demand_of(const JobSpec& spec, const std::string& only_worker = "");

// Where a job stands among those that wait; what comes first is the smaller one.
struct Rank {
  int priority = 0;
  std::int64_t age = 0;  // the smaller number is the older job
  friend bool operator==(const Rank&, const Rank&) = default;
  friend std::strong_ordering operator<=>(const Rank& left, const Rank& right) {
    if (const auto order = right.priority <=> left.priority; order != 0) return order;
    return left.age <=> right.age;
  }
};

class Queue {
 public:
  // One line. Its address stays while a Ticket for it is alive.
  struct Line {
    std::uint64_t id = 0;  // of no other line, ever
    Demand demand;
    std::map<Rank, Uuid> jobs;
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

  // The line of this demand, or null.
  [[nodiscard]] const Line* find(const Demand& demand) const;

  // Puts a job into its line, at the place of its rank. It is not in a line yet.
  void push(const Ticket& ticket, const Rank& rank, const Uuid& job);

  // Takes a job out of its line; false if it was not there.
  bool erase(const Ticket& ticket, const Rank& rank);

  // The first line that is not set apart, by its head, that comes after `rank` (from the beginning,
  // if absent): of all in which jobs wait, or of those whose head is new.
  [[nodiscard]] const Line* next_line(const std::optional<Rank>& after) const;
  [[nodiscard]] const Line* next_new_line(const std::optional<Rank>& after) const;

  // The head of this line is not new any more.
  void looked_at(const Line& line);
  // No worker could take a job of this line: it has no head until it rejoins, as a new one.
  void set_apart(const Line& line);
  void rejoin_if(const std::function<bool(const Demand&)>& may);

  [[nodiscard]] bool is_new(const Line& line) const;

  // The line whose head has this rank, or null.
  [[nodiscard]] const Line* line_of_head(const Rank& rank) const;

  [[nodiscard]] std::size_t waiting() const { return waiting_; }
  [[nodiscard]] std::size_t lines() const { return lines_.size(); }

 private:
  using Heads = std::map<Rank, const Line*>;

  static const Line* next_in(const Heads& heads, const std::optional<Rank>& after);
  void set_head(const Line& line, const std::optional<Rank>& before);
  void drop_if_unused(Line* line);

  std::map<Demand, Line> lines_;
  std::uint64_t last_id_ = 0;
  Heads heads_;      // of every line in which jobs wait, and that is not set apart
  Heads new_heads_;  // those of them not yet looked at
  std::unordered_set<const Line*> apart_;
  std::size_t waiting_ = 0;
};

}  // namespace takt
