// SPDX-License-Identifier: Apache-2.0
// Which job goes where: order, fit, load, bounds.
#include "job/placement.h"

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

namespace takt {
namespace {

const Excluded kNobody = [](const Offer&, const Queue::Line&) { return false; };

Offer offer(const std::string& name, int slots, int used = 0) {
  Offer made;
  made.worker_id = Uuid::random();
  made.labels = {{"worker", name}};
  made.launchers = {Launcher::kCgroup};
  made.slots = slots;
  made.used = used;
  return made;
}

Demand anywhere() { return {}; }
Demand only_on(const std::string& name) {
  return {{{"worker", ConstraintOperator::kEqual, {name}}}, Launcher::kDefault};
}

// A queue that remembers its tickets and the ages of its jobs.
class Waiting {
 public:
  Waiting() = default;
  Waiting(const Waiting&) = delete;
  Waiting& operator=(const Waiting&) = delete;
  ~Waiting() {
    for (const auto& [job, age] : ages_)
      for (const auto& ticket : tickets_) queue_.erase(ticket, age);
  }
  void add(const Demand& demand, int count = 1) {
    tickets_.push_back(queue_.ticket(demand));
    for (int i = 0; i < count; ++i) {
      const Uuid job = Uuid::random();
      ages_[job] = next_;
      queue_.push(tickets_.back(), next_++, job);
    }
  }
  const Queue& queue() const { return queue_; }
  std::int64_t age(const Uuid& job) const { return ages_.at(job); }

 private:
  Queue queue_;
  std::vector<Queue::Ticket> tickets_;
  std::map<Uuid, std::int64_t> ages_;
  std::int64_t next_ = 0;
};

TEST(EffectiveLabels, HaveTheNameUnderWorker) {
  WorkerRecord worker;
  worker.name = "db-1";
  worker.labels = {{"role", "db"}, {"worker", "a lie"}};
  EXPECT_EQ(effective_labels(worker), (Labels{{"role", "db"}, {"worker", "db-1"}}));
}

TEST(Suits, ByLauncherAndConstraints) {
  const Offer here = offer("one", 1);
  EXPECT_TRUE(suits(here, anywhere()));
  EXPECT_TRUE(suits(here, {{}, Launcher::kCgroup}));
  EXPECT_FALSE(suits(here, {{}, Launcher::kScope}));
  EXPECT_TRUE(suits(here, only_on("one")));
  EXPECT_FALSE(suits(here, only_on("two")));
  EXPECT_TRUE(suits(offer("one", 1, 1), anywhere())) << "room is another question";
}

TEST(Place, OldestFirstAcrossLines) {
  Waiting waiting;
  waiting.add(anywhere());
  waiting.add(only_on("one"));
  waiting.add(anywhere());
  std::vector<Offer> offers{offer("one", 2)};
  const auto placements = place(waiting.queue(), offers, 100, kNobody);
  ASSERT_EQ(placements.size(), 2U);
  EXPECT_EQ(waiting.age(placements[0].job_id), 0);
  EXPECT_EQ(waiting.age(placements[1].job_id), 1);
  EXPECT_EQ(offers[0].used, 2);
  EXPECT_EQ(waiting.queue().waiting(), 3U) << "the queue is left as it is";
}

TEST(Place, ALineThatFitsNowhereBlocksNoOther) {
  Waiting waiting;
  waiting.add(only_on("gone"), 3);
  waiting.add(anywhere());
  std::vector<Offer> offers{offer("one", 4)};
  const auto placements = place(waiting.queue(), offers, 100, kNobody);
  ASSERT_EQ(placements.size(), 1U);
  EXPECT_EQ(waiting.age(placements[0].job_id), 3);
}

TEST(Place, SpreadsByLoadAndNeverAboveTheSlots) {
  Waiting waiting;
  waiting.add(anywhere(), 100);
  std::vector<Offer> offers{offer("small", 2), offer("large", 8, 2), offer("full", 3, 3)};
  const auto placements = place(waiting.queue(), offers, 100, kNobody);
  EXPECT_EQ(placements.size(), 8U);
  EXPECT_EQ(placements[0].offer, 0U) << "empty before a quarter full";
  EXPECT_EQ(placements[1].offer, 1U) << "a quarter full before half full";
  EXPECT_EQ(offers[0].used, 2);
  EXPECT_EQ(offers[1].used, 8);
  EXPECT_EQ(offers[2].used, 3);
}

TEST(Place, LinesShareTheSameWorkers) {
  Waiting waiting;
  waiting.add(only_on("one"), 5);
  waiting.add(anywhere(), 5);
  std::vector<Offer> offers{offer("one", 3), offer("two", 3)};
  const auto placements = place(waiting.queue(), offers, 100, kNobody);
  ASSERT_EQ(placements.size(), 6U);
  std::map<std::size_t, int> placed;
  for (const Placement& placement : placements) ++placed[placement.offer];
  EXPECT_EQ(placed[0], 3);
  EXPECT_EQ(placed[1], 3);
}

TEST(Place, StopsAtTheGivenNumber) {
  Waiting waiting;
  waiting.add(anywhere(), 10);
  std::vector<Offer> offers{offer("one", 10)};
  EXPECT_EQ(place(waiting.queue(), offers, 4, kNobody).size(), 4U);
  EXPECT_EQ(offers[0].used, 4);
  EXPECT_TRUE(place(waiting.queue(), offers, 0, kNobody).empty());
}

TEST(Place, AnExcludedWorkerIsNotTriedForThatLineOnly) {
  Waiting waiting;
  waiting.add(anywhere(), 2);
  waiting.add(only_on("one"), 1);
  std::vector<Offer> offers{offer("one", 4), offer("two", 4)};
  const Excluded excluded = [](const Offer& tried, const Queue::Line& line) {
    return tried.labels.at("worker") == "one" && line.demand.constraints.empty();
  };
  const auto placements = place(waiting.queue(), offers, 100, excluded);
  EXPECT_EQ(placements.size(), 3U);
  EXPECT_EQ(offers[0].used, 1);
  EXPECT_EQ(offers[1].used, 2);
}

TEST(Place, NothingWithoutRoomWorkersOrJobs) {
  Waiting none;
  Waiting waiting;
  waiting.add(anywhere());
  std::vector<Offer> free{offer("one", 1)};
  std::vector<Offer> full{offer("one", 1, 1), offer("over", 1, 5)};
  std::vector<Offer> nobody;
  EXPECT_TRUE(place(none.queue(), free, 100, kNobody).empty());
  EXPECT_TRUE(place(waiting.queue(), full, 100, kNobody).empty());
  EXPECT_TRUE(place(waiting.queue(), nobody, 100, kNobody).empty());
}

TEST(Place, AWorkerThatIsOverfullTakesNoRoomFromOthers) {
  Waiting waiting;
  waiting.add(anywhere(), 2);
  std::vector<Offer> offers{offer("over", 1, 5), offer("one", 2)};
  EXPECT_EQ(place(waiting.queue(), offers, 100, kNobody).size(), 2U);
}

}  // namespace
}  // namespace takt
