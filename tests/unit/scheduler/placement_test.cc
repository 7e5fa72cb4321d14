// SPDX-License-Identifier: Apache-2.0
// The queue's lines and the decision where a job goes, without any worker.
#include "job/placement.h"

#include <gtest/gtest.h>

#include "job/queue.h"

namespace takt {
namespace {

Demand on(const std::string& role) {
  return {{{"role", ConstraintOperator::kEqual, {role}}}, Launcher::kDefault};
}

Offer offer(const std::string& role, int slots, int used = 0) {
  Offer made;
  made.worker_id = Uuid::random();
  made.labels = {{"role", role}};
  made.launchers = {Launcher::kCgroup};
  made.slots = slots;
  made.used = used;
  return made;
}

bool nobody(const Offer&, const Queue::Line&) { return false; }

std::vector<std::size_t> offers_of(const std::vector<Placement>& placements) {
  std::vector<std::size_t> indices;
  for (const Placement& placement : placements) indices.push_back(placement.offer);
  return indices;
}

TEST(QueueTest, JobsOfEqualDemandStandInOneLineByAge) {
  Queue queue;
  const auto one = queue.ticket(on("db"));
  const auto two = queue.ticket(on("db"));
  const auto other = queue.ticket(on("web"));
  EXPECT_EQ(queue.lines(), 2U);
  const Uuid first = Uuid::random();
  const Uuid second = Uuid::random();
  queue.push(two, 20, second);
  queue.push(other, 15, Uuid::random());
  queue.push(one, 10, first);  // comes back to its old place
  ASSERT_EQ(queue.waiting_lines().size(), 2U);
  EXPECT_EQ(queue.waiting_lines()[0]->jobs.begin()->second, first);
  EXPECT_TRUE(queue.erase(one, 10));
  EXPECT_FALSE(queue.erase(one, 10));
  EXPECT_EQ(queue.waiting_lines()[0], other.line());
  EXPECT_EQ(queue.waiting(), 2U);
  queue.erase(two, 20);
  queue.erase(other, 15);
}

TEST(QueueTest, ALineGoesWithItsLastTicket) {
  Queue queue;
  {
    auto ticket = queue.ticket(on("db"));
    const Queue::Ticket moved = std::move(ticket);
    EXPECT_EQ(queue.lines(), 1U);
  }
  EXPECT_EQ(queue.lines(), 0U);
}

TEST(QueueTest, TheOrderOfConstraintsMakesNoSecondLine) {
  JobSpec spec;
  spec.constraints = {{"a", ConstraintOperator::kExists, {}},
                      {"b", ConstraintOperator::kExists, {}}};
  JobSpec turned = spec;
  std::swap(turned.constraints[0], turned.constraints[1]);
  EXPECT_EQ(demand_of(spec), demand_of(turned));
}

TEST(PlacementTest, TheLeastLoadedWorkerThatFitsGetsTheOldestJob) {
  Queue queue;
  std::vector<Queue::Ticket> tickets;
  std::vector<Uuid> jobs;
  for (int age = 0; age < 4; ++age) {
    tickets.push_back(queue.ticket(on("db")));
    jobs.push_back(Uuid::random());
    queue.push(tickets.back(), age, jobs.back());
  }
  std::vector<Offer> offers = {offer("web", 100), offer("db", 10, 6), offer("db", 4, 1)};
  const auto placements = place(queue, offers, 100, nobody);
  // Loads 0.6 and 0.25: the small one until it is as full, then by turns.
  EXPECT_EQ(offers_of(placements), (std::vector<std::size_t>{2, 2, 1, 1}));
  EXPECT_EQ(placements[0].job_id, jobs[0]);
  EXPECT_EQ(placements[3].job_id, jobs[3]);
  EXPECT_EQ(offers[1].used, 8);
  for (int age = 0; age < 4; ++age) queue.erase(tickets[static_cast<std::size_t>(age)], age);
}

TEST(PlacementTest, ALineThatFitsNowhereDoesNotHoldUpAnother) {
  Queue queue;
  const auto stuck = queue.ticket(on("gpu"));
  const auto free = queue.ticket(on("db"));
  queue.push(stuck, 1, Uuid::random());
  const Uuid job = Uuid::random();
  queue.push(free, 2, job);
  std::vector<Offer> offers = {offer("db", 1)};
  const auto placements = place(queue, offers, 100, nobody);
  ASSERT_EQ(placements.size(), 1U);
  EXPECT_EQ(placements[0].job_id, job);
  queue.erase(stuck, 1);
  queue.erase(free, 2);
}

TEST(PlacementTest, SlotsLaunchersExclusionsAndTheBoundAreKept) {
  Queue queue;
  const auto any = queue.ticket({});
  Demand scope;
  scope.launcher = Launcher::kScope;
  const auto scoped = queue.ticket(scope);
  for (int age = 0; age < 10; ++age) queue.push(any, age, Uuid::random());
  queue.push(scoped, 100, Uuid::random());
  std::vector<Offer> offers = {offer("a", 3, 1), offer("b", 4)};
  EXPECT_EQ(place(queue, offers, 100, nobody).size(), 6U) << "until all slots are taken";
  EXPECT_TRUE(place(queue, offers, 100, nobody).empty());
  offers = {offer("a", 3), offer("b", 4)};
  EXPECT_EQ(place(queue, offers, 2, nobody).size(), 2U);
  offers = {offer("a", 3), offer("b", 4)};
  const auto not_the_first = [&](const Offer& candidate, const Queue::Line&) {
    return candidate.worker_id == offers[0].worker_id;
  };
  EXPECT_EQ(place(queue, offers, 100, not_the_first).size(), 4U);
  offers = {offer("a", 20)};
  EXPECT_EQ(place(queue, offers, 100, nobody).size(), 10U) << "nobody here has the scope launcher";
  offers[0].used = 0;
  offers[0].launchers.push_back(Launcher::kScope);
  EXPECT_EQ(place(queue, offers, 100, nobody).size(), 11U);
  for (int age = 0; age < 10; ++age) queue.erase(any, age);
  queue.erase(scoped, 100);
}

TEST(PlacementTest, AWorkersNameIsALabel) {
  WorkerRecord worker;
  worker.name = "db-2";
  worker.labels = {{"role", "db"}, {"worker", "a lie"}};
  EXPECT_EQ(effective_labels(worker).at("worker"), "db-2");
}

}  // namespace
}  // namespace takt
