// SPDX-License-Identifier: Apache-2.0
// Lines of jobs of equal demand.
#include "job/queue.h"

#include <gtest/gtest.h>

#include <optional>
#include <utility>
#include <vector>

#include "unit/job/specs.h"

namespace takt {
namespace {

Demand demand(const std::string& key) {
  return {{1, 0, 0, 0, {}}, {{key, ConstraintOperator::kExists, {}}}, Launcher::kDefault};
}

Rank aged(std::int64_t age) { return {0, age}; }

// Takes out what still waits, as whoever holds a ticket must before it goes.
struct Emptied {
  Queue& queue;
  const Queue::Ticket& ticket;
  ~Emptied() {
    while (!ticket.line()->jobs.empty()) queue.erase(ticket, ticket.line()->jobs.begin()->first);
  }
};

TEST(DemandOf, IsWhatTheSpecAsksOfAWorkerAndNoMore) {
  const JobSpec one = test::full_spec();
  JobSpec other = one;
  other.argv = {"other"};
  other.labels.clear();
  EXPECT_EQ(demand_of(one), demand_of(other));
  other.launcher = Launcher::kScope;
  EXPECT_NE(demand_of(one), demand_of(other));
  other.launcher = one.launcher;
  other.resources.counted["gpu"] = 99;
  EXPECT_NE(demand_of(one), demand_of(other));
  other.resources = one.resources;
  other.priority = 17;
  EXPECT_EQ(demand_of(one), demand_of(other)) << "a place in the line, not a line";
  other.constraints.pop_back();
  EXPECT_NE(demand_of(one), demand_of(other));
}

TEST(DemandOf, TheOrderOfConditionsMakesNoSecondLine) {
  const JobSpec one = test::full_spec();
  JobSpec other = one;
  std::swap(other.constraints[0], other.constraints[1]);
  EXPECT_EQ(demand_of(one), demand_of(other));
}

TEST(Queue, EqualDemandsShareALineAndOthersDoNot) {
  Queue queue;
  const auto a = queue.ticket(demand("a"));
  const auto again = queue.ticket(demand("a"));
  const auto b = queue.ticket(demand("b"));
  EXPECT_EQ(a.line(), again.line());
  EXPECT_NE(a.line(), b.line());
  EXPECT_EQ(queue.lines(), 2U);
  EXPECT_EQ(a.line()->demand, demand("a"));
}

TEST(Queue, ALineLivesAsLongAsItsTickets) {
  Queue queue;
  {
    auto first = queue.ticket(demand("a"));
    auto second = queue.ticket(demand("a"));
    const Queue::Line* line = first.line();
    first = Queue::Ticket();
    EXPECT_EQ(queue.lines(), 1U);
    Queue::Ticket moved = std::move(second);
    EXPECT_EQ(moved.line(), line);
    EXPECT_EQ(line->tickets, 1U);
    Queue::Ticket& itself = moved;
    moved = std::move(itself);
    EXPECT_EQ(queue.lines(), 1U);
  }
  EXPECT_EQ(queue.lines(), 0U);
}

TEST(Queue, TheOldestStandsFirstAndAReturningJobGetsItsOldPlace) {
  Queue queue;
  const auto ticket = queue.ticket(demand("a"));
  const Emptied emptied{queue, ticket};
  const Uuid first = Uuid::random();
  const Uuid second = Uuid::random();
  queue.push(ticket, aged(2), second);
  queue.push(ticket, aged(1), first);
  EXPECT_EQ(ticket.line()->jobs.begin()->second, first);
  EXPECT_TRUE(queue.erase(ticket, aged(1)));
  EXPECT_EQ(queue.waiting(), 1U);
  queue.push(ticket, aged(1), first);
  EXPECT_EQ(ticket.line()->jobs.begin()->second, first);
  EXPECT_EQ(queue.waiting(), 2U);
}

TEST(Queue, WhatIsNotThereIsNotTakenOut) {
  Queue queue;
  const auto ticket = queue.ticket(demand("a"));
  EXPECT_FALSE(queue.erase(ticket, aged(1)));
  queue.push(ticket, aged(1), Uuid::random());
  EXPECT_TRUE(queue.erase(ticket, aged(1)));
  EXPECT_FALSE(queue.erase(ticket, aged(1)));
  EXPECT_EQ(queue.waiting(), 0U);
}

// The lines in which jobs wait, in order.
std::vector<const Queue::Line*> lines_of(const Queue& queue) {
  std::vector<const Queue::Line*> lines;
  std::optional<Rank> cursor;
  while (const Queue::Line* line = queue.next_line(cursor)) {
    lines.push_back(line);
    cursor = line->jobs.begin()->first;
  }
  return lines;
}

TEST(Queue, LinesComeByTheRankOfTheirHeadsAndEmptyOnesDoNot) {
  Queue queue;
  const auto a = queue.ticket(demand("a"));
  const auto b = queue.ticket(demand("b"));
  const auto empty = queue.ticket(demand("c"));
  queue.push(a, aged(5), Uuid::random());
  queue.push(b, aged(3), Uuid::random());
  queue.push(b, aged(9), Uuid::random());
  EXPECT_EQ(lines_of(queue), (std::vector<const Queue::Line*>{b.line(), a.line()}));
  EXPECT_TRUE(queue.erase(b, aged(3)));
  EXPECT_EQ(lines_of(queue), (std::vector<const Queue::Line*>{a.line(), b.line()}));
  const Rank urgent{1, 20};
  queue.push(b, urgent, Uuid::random());
  EXPECT_EQ(lines_of(queue), (std::vector<const Queue::Line*>{b.line(), a.line()}));
  EXPECT_EQ(queue.line_of_head(urgent), b.line());
  EXPECT_EQ(queue.line_of_head(aged(9)), nullptr) << "it is not the head any more";
  EXPECT_TRUE(queue.erase(a, aged(5)));
  EXPECT_TRUE(queue.erase(b, urgent));
  EXPECT_TRUE(queue.erase(b, aged(9)));
  EXPECT_TRUE(lines_of(queue).empty());
}

TEST(Queue, OnlyNewHeadsAreNew) {
  Queue queue;
  const auto a = queue.ticket(demand("a"));
  const auto b = queue.ticket(demand("b"));
  queue.push(a, aged(1), Uuid::random());
  queue.push(b, aged(2), Uuid::random());
  EXPECT_EQ(queue.next_new_line(std::nullopt), a.line());
  queue.looked_at(*a.line());
  EXPECT_FALSE(queue.is_new(*a.line()));
  EXPECT_EQ(queue.next_new_line(std::nullopt), b.line());
  queue.push(a, aged(3), Uuid::random());
  EXPECT_FALSE(queue.is_new(*a.line())) << "behind the head";
  EXPECT_TRUE(queue.erase(a, aged(1)));
  EXPECT_TRUE(queue.is_new(*a.line()));
  EXPECT_TRUE(queue.erase(a, aged(3)));
  EXPECT_TRUE(queue.erase(b, aged(2)));
  EXPECT_EQ(queue.next_new_line(std::nullopt), nullptr);
}

TEST(Queue, ALineThatIsSetApartHasNoHeadUntilItRejoins) {
  Queue queue;
  const auto ticket = queue.ticket(demand("a"));
  queue.push(ticket, {0, 5}, Uuid::random());
  queue.set_apart(*ticket.line());
  EXPECT_EQ(queue.next_line(std::nullopt), nullptr);
  EXPECT_EQ(queue.line_of_head({0, 5}), nullptr);
  queue.push(ticket, {0, 3}, Uuid::random());
  EXPECT_EQ(queue.next_new_line(std::nullopt), nullptr);
  EXPECT_EQ(queue.waiting(), 2U);
  queue.rejoin_if([](const Demand&) { return false; });
  EXPECT_EQ(queue.next_line(std::nullopt), nullptr);
  queue.rejoin_if([](const Demand&) { return true; });
  EXPECT_EQ(queue.next_new_line(std::nullopt), ticket.line());
  EXPECT_EQ(queue.line_of_head({0, 3}), ticket.line());
  for (const int age : {3, 5}) EXPECT_TRUE(queue.erase(ticket, {0, age}));
  queue.set_apart(*ticket.line());
  queue.rejoin_if([](const Demand&) { return true; });
  EXPECT_EQ(queue.next_line(std::nullopt), nullptr) << "an empty line has no head";
}

TEST(QueueDeathTest, AJobThatWaitsTwiceIsABrokenInvariant) {
  Queue queue;
  const auto ticket = queue.ticket(demand("a"));
  const Emptied emptied{queue, ticket};
  queue.push(ticket, aged(1), Uuid::random());
  EXPECT_DEATH(queue.push(ticket, aged(1), Uuid::random()), "waits twice");
}

TEST(QueueDeathTest, AJobThatWaitsWithoutATicketIsABrokenInvariant) {
  Queue queue;
  auto ticket = queue.ticket(demand("a"));
  const Emptied emptied{queue, ticket};
  queue.push(ticket, aged(1), Uuid::random());
  EXPECT_DEATH(ticket = Queue::Ticket(), "without a ticket");
}

}  // namespace
}  // namespace takt
