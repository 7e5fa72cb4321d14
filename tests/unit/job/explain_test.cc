// SPDX-License-Identifier: Apache-2.0
// Why a job waits: each reason, with its numbers.
#include "job/explain.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/job/waiting.h"

namespace takt {
namespace {

using test::anywhere;
using test::only_on;
using test::Waiting;
using test::with_cpus;
using test::worker;
using testing::HasSubstr;

constexpr Rank kLast{0, 1000};

// Why a job of this demand at the head of its line would wait.
Explanation why(const Waiting& waiting, const Demand& demand) {
  return explain(const_cast<Waiting&>(waiting).placer(), demand, kLast);
}

TEST(Explain, NoWorkerAtAll) {
  const Waiting none;
  EXPECT_EQ(why(none, anywhere()).text, "no worker has registered");
  EXPECT_THAT(why(none, anywhere()).advice, HasSubstr("systemctl enable --now takt-worker"));
  EXPECT_TRUE(why(none, anywhere()).never);
}

TEST(Explain, NoWorkerIsReady) {
  Waiting waiting;
  WorkerRecord away = worker("db-1", 4);
  away.state = WorkerState::kAway;
  WorkerRecord drained = worker("db-2", 4);
  drained.drain = Drain{"user root", "new disk", {}, {}, false};
  waiting.add_worker(away, false);
  waiting.add_worker(drained, false);
  const Explanation reason = why(waiting, anywhere());
  EXPECT_EQ(reason.text, "no worker is ready: db-1 is away, db-2 is draining");
  EXPECT_FALSE(reason.never) << "they may come back";
  EXPECT_TRUE(why(waiting, with_cpus(99)).never);
}

TEST(Explain, NoneHasALabel) {
  Waiting waiting;
  WorkerRecord web = worker("web-1", 4);
  web.labels = {{"role", "web"}, {"zone", "a"}};
  WorkerRecord db = worker("db-1", 4);
  db.labels = {{"role", "db"}, {"zone", "b"}};
  waiting.add_worker(web);
  waiting.add_worker(db);
  Demand demand = anywhere();
  demand.constraints = {{"gpu", ConstraintOperator::kExists, {}},
                        {"role", ConstraintOperator::kIn, {"db", "web"}}};
  EXPECT_EQ(why(waiting, demand).text, "no ready worker has gpu");
  demand.constraints = {{"role", ConstraintOperator::kEqual, {"mail"}}};
  EXPECT_EQ(why(waiting, demand).text, "no ready worker has role=mail");
  EXPECT_TRUE(why(waiting, demand).never);
  demand.constraints = {{"role", ConstraintOperator::kEqual, {"db"}},
                        {"zone", ConstraintOperator::kNotEqual, {"b"}}};
  EXPECT_EQ(why(waiting, demand).text, "no ready worker has role=db and zone!=b together");
  demand.constraints.clear();
  demand.launcher = Launcher::kScope;
  EXPECT_THAT(why(waiting, demand).text, HasSubstr("the launcher that it asks for"));
}

TEST(Explain, OneThatWouldFitIsNamedWithItsState) {
  Waiting waiting;
  waiting.add_worker(worker("small", 4, 2));
  WorkerRecord large = worker("large", 4, 16);
  large.state = WorkerState::kUnreachable;
  waiting.add_worker(large, false);
  const Explanation reason = why(waiting, with_cpus(8));
  EXPECT_EQ(reason.text,
            "needs 8 CPUs; the largest ready worker that fits otherwise (small) has 2; large is "
            "unreachable, and would fit");
  EXPECT_FALSE(reason.never);
}

TEST(Explain, LargerThanAnyWorker) {
  Waiting waiting;
  waiting.add_worker(worker("db-1", 4, 2));
  waiting.add_worker(worker("db-2", 4, 4));
  Demand demand = with_cpus(1);
  demand.amounts.memory_bytes = 64LL << 30;
  const Explanation reason = why(waiting, demand);
  EXPECT_EQ(reason.text,
            "needs 64G of memory; the largest ready worker that fits otherwise (db-1) has 8.0G");
  EXPECT_EQ(reason.advice, "Ask for less memory, or add a worker with at least 64G of memory.");
  EXPECT_TRUE(reason.never);
  demand.amounts.memory_bytes = 0;
  demand.amounts.counted = {{"gpu", 2}};
  EXPECT_THAT(why(waiting, demand).text, HasSubstr("needs 2 of gpu; "));
}

TEST(Explain, NoWorkerHasItAllTogether) {
  Waiting waiting;
  WorkerRecord wide = worker("wide", 4, 16);
  wide.capacity.memory_bytes = 1LL << 30;
  waiting.add_worker(wide);
  waiting.add_worker(worker("deep", 4, 2));
  Demand demand = with_cpus(8);
  demand.amounts.memory_bytes = 4LL << 30;
  EXPECT_EQ(why(waiting, demand).text,
            "needs 8 CPUs and 4.0G of memory; no ready worker has that together");
  EXPECT_TRUE(why(waiting, demand).never);
}

TEST(Explain, AllSlotsAreTaken) {
  Waiting waiting;
  waiting.add_worker(worker("one", 2));
  waiting.add_worker(worker("two", 1));
  waiting.add(anywhere(), 3);
  waiting.pass();
  EXPECT_EQ(why(waiting, anywhere()).text, "all 3 slots of the 2 ready workers that fit are taken");
  EXPECT_EQ(why(waiting, only_on("two")).text,
            "the slot of two, the only ready worker that fits, is taken");
  EXPECT_FALSE(why(waiting, anywhere()).never);
  EXPECT_EQ(why(waiting, anywhere()).advice, "");
}

TEST(Explain, TooLittleIsFree) {
  Waiting waiting;
  waiting.add_worker(worker("one", 8));
  waiting.add_worker(worker("two", 8));
  waiting.add(with_cpus(3));
  waiting.add(with_cpus(2));
  waiting.pass();
  const std::string text = why(waiting, with_cpus(4)).text;
  EXPECT_THAT(text, HasSubstr("needs 4 CPUs; the most that is free on a ready worker that fits ("));
  EXPECT_THAT(text, HasSubstr(") is 2"));
}

TEST(Explain, AWorkerIsKeptForIt) {
  Waiting waiting;
  waiting.add_worker(worker("one", 8));
  waiting.add(with_cpus(2));
  waiting.pass();
  waiting.add(with_cpus(4));
  waiting.pass();
  EXPECT_EQ(explain(waiting.placer(), with_cpus(4), waiting.rank(1)).text,
            "needs 4 CPUs; one is kept free for it, until what runs there now leaves room");
  EXPECT_EQ(why(waiting, with_cpus(2)).text,
            "one has room, which is kept for a larger job that came before");
}

TEST(Explain, AWorkerHasRefusedIt) {
  Waiting waiting;
  waiting.add_worker(worker("one", 8));
  EXPECT_THAT(why(waiting, anywhere()).text, HasSubstr("one has room, but refused a start"));
}

TEST(NeedsInWords, SayWhatIsAskedFor) {
  EXPECT_EQ(needs_in_words({1, 1500, 1LL << 30, 20, {{"gpu", 1}}}),
            (std::vector<std::string>{"1.5 CPUs", "1.0G of memory", "20 tasks", "1 of gpu"}));
  EXPECT_TRUE(needs_in_words({1, 0, 0, 0, {}}).empty());
}

}  // namespace
}  // namespace takt
