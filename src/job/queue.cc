// SPDX-License-Identifier: Apache-2.0
#include "job/queue.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace takt {

Demand demand_of(const JobSpec& spec) {
  Demand demand{spec.constraints, spec.launcher};
  // The order of the conditions says nothing, so it makes no second line.
  std::sort(demand.constraints.begin(), demand.constraints.end());
  return demand;
}

Queue::Ticket::Ticket(Ticket&& other) noexcept
    : queue_(std::exchange(other.queue_, nullptr)), line_(std::exchange(other.line_, nullptr)) {}

Queue::Ticket& Queue::Ticket::operator=(Ticket&& other) noexcept {
  Ticket stolen(std::move(other));
  std::swap(queue_, stolen.queue_);
  std::swap(line_, stolen.line_);
  return *this;
}

Queue::Ticket::~Ticket() {
  if (line_ == nullptr) return;
  --line_->tickets;
  queue_->drop_if_unused(line_);
}

Queue::Ticket Queue::ticket(const Demand& demand) {
  Line& line = lines_.try_emplace(demand).first->second;
  if (line.tickets == 0) line.demand = demand;
  return {this, &line};
}

void Queue::push(const Ticket& ticket, std::int64_t age, const Uuid& job) {
  const bool added = ticket.line()->jobs.emplace(age, job).second;
  TAKT_CHECK(added, "job %s waits twice", job.str().c_str());
  ++waiting_;
}

bool Queue::erase(const Ticket& ticket, std::int64_t age) {
  if (ticket.line()->jobs.erase(age) == 0) return false;
  --waiting_;
  return true;
}

std::vector<Queue::Line*> Queue::waiting_lines() const {
  std::vector<Line*> lines;
  for (const auto& [demand, line] : lines_) {
    if (!line.jobs.empty()) lines.push_back(const_cast<Line*>(&line));
  }
  std::sort(lines.begin(), lines.end(), [](const Line* left, const Line* right) {
    return left->jobs.begin()->first < right->jobs.begin()->first;
  });
  return lines;
}

void Queue::drop_if_unused(Line* line) {
  if (line->tickets != 0) return;
  TAKT_CHECK(line->jobs.empty(), "a job waits without a ticket");
  const Demand demand = line->demand;  // the key must not die with what it names
  lines_.erase(demand);
}

}  // namespace takt
