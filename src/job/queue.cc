// SPDX-License-Identifier: Apache-2.0
#include "job/queue.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace takt {
namespace {

std::optional<Rank> head_of(const Queue::Line& line) {
  if (line.jobs.empty()) return std::nullopt;
  return line.jobs.begin()->first;
}

}  // namespace

Demand demand_of(const JobSpec& spec, const std::string& only_worker) {
  Demand demand;
  demand.amounts = {1, spec.resources.cpu_millicores, spec.resources.memory_bytes,
                    spec.resources.tasks, spec.resources.counted};
  demand.constraints = spec.constraints;
  if (!only_worker.empty())
    demand.constraints.push_back({"worker", ConstraintOperator::kEqual, {only_worker}});
  demand.launcher = spec.launcher;
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
  const auto [found, is_new] = lines_.try_emplace(demand);
  Line& line = found->second;
  if (is_new) {
    line.id = ++last_id_;
    line.demand = demand;
  }
  return {this, &line};
}

const Queue::Line* Queue::find(const Demand& demand) const {
  const auto found = lines_.find(demand);
  return found == lines_.end() ? nullptr : &found->second;
}

void Queue::push(const Ticket& ticket, const Rank& rank, const Uuid& job) {
  Line& line = *ticket.line();
  const auto before = head_of(line);
  const bool added = line.jobs.emplace(rank, job).second;
  TAKT_CHECK(added, "job %s waits twice", job.str().c_str());
  ++waiting_;
  set_head(line, before);
}

bool Queue::erase(const Ticket& ticket, const Rank& rank) {
  Line& line = *ticket.line();
  const auto before = head_of(line);
  if (line.jobs.erase(rank) == 0) return false;
  --waiting_;
  set_head(line, before);
  return true;
}

void Queue::set_head(const Line& line, const std::optional<Rank>& before) {
  const auto now = head_of(line);
  if (now == before || apart_.contains(&line)) return;
  if (before) {
    heads_.erase(*before);
    new_heads_.erase(*before);
  }
  if (!now) return;
  heads_.emplace(*now, &line);
  new_heads_.emplace(*now, &line);
}

const Queue::Line* Queue::next_in(const Heads& heads, const std::optional<Rank>& after) {
  const auto found = after ? heads.upper_bound(*after) : heads.begin();
  return found == heads.end() ? nullptr : found->second;
}

const Queue::Line* Queue::next_line(const std::optional<Rank>& after) const {
  return next_in(heads_, after);
}

const Queue::Line* Queue::next_new_line(const std::optional<Rank>& after) const {
  return next_in(new_heads_, after);
}

bool Queue::is_new(const Line& line) const {
  const auto head = head_of(line);
  return head && new_heads_.contains(*head);
}

const Queue::Line* Queue::line_of_head(const Rank& rank) const {
  const auto found = heads_.find(rank);
  return found == heads_.end() ? nullptr : found->second;
}

void Queue::looked_at(const Line& line) {
  if (const auto head = head_of(line)) new_heads_.erase(*head);
}

void Queue::set_apart(const Line& line) {
  if (const auto head = head_of(line)) {
    heads_.erase(*head);
    new_heads_.erase(*head);
  }
  apart_.insert(&line);
}

void Queue::rejoin_if(const std::function<bool(const Demand&)>& may) {
  std::erase_if(apart_, [&](const Line* line) {
    if (!may(line->demand)) return false;
    if (const auto head = head_of(*line)) {
      heads_.emplace(*head, line);
      new_heads_.emplace(*head, line);
    }
    return true;
  });
}

void Queue::drop_if_unused(Line* line) {
  if (line->tickets != 0) return;
  TAKT_CHECK(line->jobs.empty(), "a job waits without a ticket");
  apart_.erase(line);
  const Demand demand = line->demand;  // the key must not die with what it names
  lines_.erase(demand);
}

}  // namespace takt
