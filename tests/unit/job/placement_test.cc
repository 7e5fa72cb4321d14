// SPDX-License-Identifier: Apache-2.0
// Which job goes where: order, fit, load, bounds, and what is kept free for large jobs.
#include "job/placement.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/limits.h"
#include "unit/job/waiting.h"

namespace takt {
namespace {

using test::anywhere;
using test::only_on;
using test::Waiting;
using test::with_cpus;
using test::worker;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;
using testing::SizeIs;

TEST(EffectiveLabels, HaveTheNameUnderWorker) {
  WorkerRecord record;
  record.name = "db-1";
  record.labels = {{"role", "db"}, {"worker", "a lie"}};
  EXPECT_EQ(effective_labels(record), (Labels{{"role", "db"}, {"worker", "db-1"}}));
}

TEST(Suits, ByLauncherAndConstraints) {
  const Offer here = offer_of(worker("one", 1), true);
  Demand scope = anywhere();
  scope.launcher = Launcher::kScope;
  Demand cgroup = anywhere();
  cgroup.launcher = Launcher::kCgroup;
  EXPECT_TRUE(suits(here, anywhere()));
  EXPECT_TRUE(suits(here, cgroup));
  EXPECT_FALSE(suits(here, scope));
  EXPECT_TRUE(suits(here, only_on("one")));
  EXPECT_FALSE(suits(here, only_on("two")));
  EXPECT_TRUE(suits(here, with_cpus(5))) << "room is another question";
  EXPECT_FALSE(could_hold(here, with_cpus(5)));
}

TEST(OfferOf, AWorkerThatDoesNotTellItsTasksHasEnough) {
  WorkerRecord old = worker("old", 1);
  old.capacity.tasks = 0;
  Demand demand = anywhere();
  demand.amounts.tasks = 100;
  EXPECT_TRUE(could_hold(offer_of(old, true), demand));
}

TEST(Placer, OldestFirstAcrossLines) {
  Waiting waiting;
  waiting.add(anywhere());
  waiting.add(only_on("one"));
  waiting.add(anywhere());
  waiting.add_worker(worker("one", 2));
  EXPECT_THAT(waiting.pass(), ElementsAre(Pair(0, "one"), Pair(1, "one")));
  EXPECT_EQ(waiting.offer("one").used.slots, 2);
  EXPECT_THAT(waiting.pass(), IsEmpty());
  waiting.end(0);
  EXPECT_THAT(waiting.pass(), ElementsAre(Pair(2, "one")));
}

TEST(Placer, HigherPriorityFirstWithinALineAndAcross) {
  Waiting waiting;
  waiting.add(anywhere(), 2);
  waiting.add(only_on("one"), 1, 5);
  waiting.add(anywhere(), 1, 7);
  waiting.add(anywhere(), 1, -1);
  waiting.add_worker(worker("one", 4));
  EXPECT_THAT(waiting.pass(),
              ElementsAre(Pair(3, "one"), Pair(2, "one"), Pair(0, "one"), Pair(1, "one")));
}

TEST(Placer, ALineThatFitsNowhereBlocksNoOther) {
  Waiting waiting;
  waiting.add(only_on("gone"), 3);
  waiting.add(with_cpus(100));
  waiting.add(anywhere());
  waiting.add_worker(worker("one", 4));
  EXPECT_THAT(waiting.pass(), ElementsAre(Pair(4, "one")));
}

TEST(Placer, ALineThatNoWorkerCouldHoldIsNotLookedAtUntilOneCould) {
  Waiting waiting;
  waiting.add_worker(worker("small", 2, 2));
  waiting.add(with_cpus(8), 3);
  waiting.add(only_on("later"));
  EXPECT_TRUE(waiting.pass().empty());
  EXPECT_EQ(waiting.queue().next_line(std::nullopt), nullptr) << "both lines are set apart";
  waiting.add(with_cpus(8));
  EXPECT_EQ(waiting.queue().next_new_line(std::nullopt), nullptr) << "with what joins them, too";
  waiting.add_worker(worker("large", 1, 8), false);
  EXPECT_NE(waiting.queue().next_line(std::nullopt), nullptr) << "also while it is closed";
  waiting.add_worker(worker("later", 1));
  EXPECT_EQ(waiting.pass().size(), 1U);
  EXPECT_TRUE(waiting.pass().empty());
}

TEST(Placer, ALineComesBackWhenAWorkerGrows) {
  Waiting waiting;
  WorkerRecord grows = worker("one", 1, 2);
  waiting.add_worker(grows);
  waiting.add(with_cpus(8));
  EXPECT_TRUE(waiting.pass().empty());
  grows.capacity.cpu_millicores = 8000;
  waiting.add_worker(grows);
  EXPECT_EQ(waiting.pass().size(), 1U);
}

TEST(Placer, SpreadsByLoadAndNeverAboveTheSlots) {
  Waiting waiting;
  waiting.add(anywhere(), 100);
  WorkerRecord large = worker("large", 8);
  large.capacity.direct.slots = 2;
  WorkerRecord full = worker("full", 3);
  full.capacity.direct.slots = 5;
  for (const WorkerRecord& record : {worker("small", 2), large, full}) waiting.add_worker(record);
  const auto placed = waiting.pass();
  EXPECT_THAT(placed, SizeIs(8));
  EXPECT_EQ(placed[0].second, "small") << "empty before a quarter full";
  EXPECT_EQ(placed[1].second, "large") << "a quarter full before half full";
  EXPECT_EQ(waiting.offer("small").used.slots, 2);
  EXPECT_EQ(waiting.offer("large").used.slots, 8);
  EXPECT_EQ(waiting.offer("full").used.slots, 5);
}

TEST(Placer, PacksOntoTheFullestThatFits) {
  Waiting waiting;
  waiting.placer().set_strategy(Strategy::kPack);
  waiting.add(with_cpus(1), 5);
  waiting.add_worker(worker("one", 8));
  WorkerRecord begun = worker("begun", 8);
  begun.capacity.direct = {1, 2000, 0, 0, {}};
  waiting.add_worker(begun);
  const auto placed = waiting.pass();
  ASSERT_THAT(placed, SizeIs(5));
  EXPECT_EQ(placed[0].second, "begun");
  EXPECT_EQ(placed[1].second, "begun");
  EXPECT_EQ(placed[2].second, "one") << "the other is full";
}

TEST(Placer, EveryAmountHasToFit) {
  Waiting waiting;
  Demand demand = anywhere();
  demand.amounts = {1, 1000, 3LL << 30, 400, {{"gpu", 1}}};
  WorkerRecord record = worker("one", 16);
  record.capacity.counted = {{"gpu", 4}};
  waiting.add(demand, 5);
  waiting.add_worker(record);
  EXPECT_THAT(waiting.pass(), SizeIs(2)) << "memory for two, tasks for two";
  record.capacity.memory_bytes = 64LL << 30;
  waiting.add_worker(record);
  EXPECT_THAT(waiting.pass(), IsEmpty()) << "tasks for two";
  record.capacity.tasks = 100000;
  waiting.add_worker(record);
  EXPECT_THAT(waiting.pass(), SizeIs(2)) << "four CPUs, four GPUs";
  EXPECT_EQ(waiting.offer("one").used.counted.at("gpu"), 4);
  waiting.end(0);
  EXPECT_EQ(waiting.offer("one").used.counted.at("gpu"), 3);
  EXPECT_THAT(waiting.pass(), SizeIs(1));
}

TEST(Placer, WhatIsNotAskedForIsNotLookedAt) {
  Waiting waiting;
  WorkerRecord over = worker("over", 4);
  over.capacity.direct = {1, 99000, 0, 0, {}};
  waiting.add_worker(over);
  waiting.add(with_cpus(1));
  waiting.add(anywhere());
  EXPECT_THAT(waiting.pass(), ElementsAre(Pair(1, "over")));
}

TEST(Placer, LinesShareTheSameWorkers) {
  Waiting waiting;
  waiting.add(only_on("one"), 5);
  waiting.add(anywhere(), 5);
  waiting.add_worker(worker("one", 3));
  waiting.add_worker(worker("two", 3));
  EXPECT_THAT(waiting.pass(), SizeIs(6));
  EXPECT_EQ(waiting.offer("one").used.slots, 3);
  EXPECT_EQ(waiting.offer("two").used.slots, 3);
}

TEST(Placer, StopsAtTheGivenNumberAndGoesOn) {
  Waiting waiting;
  waiting.add(anywhere(), 10);
  waiting.add_worker(worker("one", 10));
  EXPECT_THAT(waiting.pass(4), SizeIs(4));
  EXPECT_TRUE(waiting.stopped());
  EXPECT_THAT(waiting.pass(100), SizeIs(6));
  EXPECT_FALSE(waiting.stopped());
}

TEST(Placer, AnExcludedWorkerIsNotTriedForThatLineOnly) {
  Waiting waiting;
  waiting.add(anywhere(), 2);
  waiting.add(only_on("one"));
  const std::uint64_t line = waiting.queue().find(anywhere())->id;
  waiting.excluded = [line](const std::string& tried, std::uint64_t of) {
    return tried == "one" && of == line;
  };
  waiting.add_worker(worker("one", 4));
  EXPECT_THAT(waiting.pass(), ElementsAre(Pair(2, "one")));
  EXPECT_EQ(waiting.placer().choose(anywhere(), {0, 0}, waiting.queue().find(anywhere())),
            std::nullopt);
  waiting.excluded = {};
  EXPECT_THAT(waiting.pass(), IsEmpty()) << "nobody said that anything has changed";
  waiting.placer().look_again(waiting.id("one"));
  EXPECT_THAT(waiting.pass(), SizeIs(2));
}

TEST(Placer, AClosedWorkerGetsNothingUntilItOpens) {
  Waiting waiting;
  waiting.add(anywhere());
  const WorkerRecord record = worker("one", 4);
  waiting.add_worker(record, false);
  EXPECT_THAT(waiting.pass(), IsEmpty());
  waiting.add_worker(record, true);
  EXPECT_THAT(waiting.pass(), SizeIs(1));
  EXPECT_EQ(waiting.offer("one").used.slots, 1);
  waiting.add_worker(record, false);
  EXPECT_EQ(waiting.offer("one").used.slots, 1) << "what runs there is kept";
}

TEST(Placer, ChoosesWithoutTaking) {
  Waiting waiting;
  waiting.add_worker(worker("one", 1));
  EXPECT_EQ(waiting.placer().choose(anywhere(), {0, 1}, nullptr), waiting.id("one"));
  EXPECT_EQ(waiting.placer().choose(with_cpus(5), {0, 1}, nullptr), std::nullopt);
  waiting.add(anywhere());
  EXPECT_THAT(waiting.pass(), SizeIs(1));
  EXPECT_EQ(waiting.placer().choose(anywhere(), {0, 1}, nullptr), std::nullopt);
}

// Small jobs come all the time, and a large one that came first.
class Backfill : public testing::Test {
 protected:
  // Two workers of 4 CPUs, each with 3 small jobs on it; then a large job.
  Backfill() {
    waiting_.add_worker(worker("one", 100));
    waiting_.add_worker(worker("two", 100));
    waiting_.add(with_cpus(1), 6);
    EXPECT_THAT(waiting_.pass(), SizeIs(6));
    waiting_.add(with_cpus(3));  // 6
    EXPECT_THAT(waiting_.pass(), IsEmpty());
  }
  // The name of the worker that is kept for the large job.
  std::string held() const {
    const Offer* offer = waiting_.placer().reservations().held_for({0, 6});
    return offer == nullptr ? "" : offer->labels.at("worker");
  }
  mutable Waiting waiting_;
};

TEST_F(Backfill, ALargeJobIsNotStarvedBySmallerOnesThatCameLater) {
  ASSERT_NE(held(), "");
  for (int round = 0; round < 6; ++round) {
    waiting_.add(with_cpus(1));
    waiting_.end(round);  // each time a small one ends, another waits
    waiting_.pass();
  }
  EXPECT_EQ(waiting_.offer("one").used.cpu_millicores + waiting_.offer("two").used.cpu_millicores,
            (3 + 5) * 1000)
      << "the large one, and all but one of the small ones: 7 CPUs and the large job's rest";
  EXPECT_EQ(held(), "") << "it has started";
}

TEST_F(Backfill, OtherWorkersAreFilledMeanwhile) {
  waiting_.add(with_cpus(1), 4);
  const auto placed = waiting_.pass();
  ASSERT_THAT(placed, SizeIs(2)) << "one beside the large job to come, one on the other worker";
  EXPECT_NE(placed[0].second, placed[1].second);
}

TEST_F(Backfill, WhatLeavesRoomForItStillGetsOntoItsWorker) {
  waiting_.add(anywhere(), 4);
  EXPECT_THAT(waiting_.pass(), SizeIs(4)) << "they need no CPUs";
}

TEST_F(Backfill, WhatIsOfHigherPriorityGoesFirst) {
  waiting_.add(with_cpus(1), 2, 1);
  EXPECT_THAT(waiting_.pass(), SizeIs(2));
}

TEST_F(Backfill, AStoppedJobKeepsNothing) {
  waiting_.stop(6);
  waiting_.add(with_cpus(1), 2);
  EXPECT_THAT(waiting_.pass(), SizeIs(2));
  EXPECT_EQ(held(), "");
}

TEST_F(Backfill, AWorkerThatGoesIsNotKept) {
  const std::string name = held();
  waiting_.placer().remove(waiting_.id(name));
  waiting_.add(with_cpus(1));
  EXPECT_THAT(waiting_.pass(), SizeIs(1)) << "on the other worker";
  waiting_.placer().look_again(waiting_.id(name == "one" ? "two" : "one"));
  EXPECT_THAT(waiting_.pass(), IsEmpty());
  EXPECT_EQ(held(), name == "one" ? "two" : "one") << "the next best";
}

TEST_F(Backfill, JobsBesideItThatEndMakeRoomForOthersBesideIt) {
  // Beside a large job of 3 CPUs there is 1 of 4.
  const std::string name = held();
  waiting_.add(only_on(name));
  EXPECT_THAT(waiting_.pass(), SizeIs(1));
  Demand beside = only_on(name);
  beside.amounts.cpu_millicores = 1000;
  waiting_.add(beside, 2);
  EXPECT_THAT(waiting_.pass(), ElementsAre(Pair(8, name)));
  waiting_.end(8);
  EXPECT_THAT(waiting_.pass(), ElementsAre(Pair(9, name)));
}

TEST(Reservations, AreFewAndGoToThoseThatComeFirst) {
  Waiting waiting;
  const int many = static_cast<int>(limits::kReservationsMax) + 4;
  for (int i = 0; i < many; ++i) {
    const std::string name = "w" + std::to_string(i);
    waiting.add_worker(worker(name, 100));
    Demand small = only_on(name);
    small.amounts.cpu_millicores = 2000;
    waiting.add(small);
  }
  EXPECT_THAT(waiting.pass(), SizeIs(many));
  for (int i = 0; i < many; ++i) {
    Demand large = only_on("w" + std::to_string(i));
    large.amounts.cpu_millicores = 3000;
    waiting.add(large, 1, i);  // the last one is first
    EXPECT_THAT(waiting.pass(), IsEmpty());
  }
  for (int i = 0; i < many; ++i) {
    const bool among_first = i >= 4;
    EXPECT_EQ(waiting.placer().reservations().held_for(waiting.rank(many + i)) != nullptr,
              among_first)
        << i;
  }
}

}  // namespace
}  // namespace takt
