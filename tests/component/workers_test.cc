// SPDX-License-Identifier: Apache-2.0
// Several workers: which one a job goes to, and what it does when that one will not have it.
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "component/fleet.h"

namespace takt::component {
namespace {

using Workers = Fleet;

v1::JobSpec on(v1::JobSpec spec, const std::string& key, const std::string& value) {
  v1::Constraint* constraint = spec.add_constraints();
  constraint->set_key(key);
  constraint->set_operator_(v1::CONSTRAINT_OPERATOR_EQUAL);
  constraint->add_values(value);
  return spec;
}

TEST_F(Workers, AJobGoesWhereItsConstraintsSay) {
  add_worker("one", {.labels = "role=db"});
  add_worker("two", {.labels = "role=web"});
  for (int i = 0; i < 3; ++i) {
    for (const char* name : {"one", "two"}) {
      const std::string job = submit(on(sh("echo $TAKT_WORKER"), "worker", name));
      EXPECT_EQ(follow(job).out, std::string(name) + "\n");
      EXPECT_EQ(ended(job).attempts(0).worker_name(), name);
    }
  }
  EXPECT_EQ(follow(submit(on(sh("echo $TAKT_WORKER"), "role", "web"))).out, "two\n");
}

TEST_F(Workers, LoadIsSpread) {
  add_worker("one");
  add_worker("two");
  Gate gate(shared("gate"));
  const std::vector<std::string> ids =
      submit_all(std::vector<v1::JobSpec>(10, sh(": < " + gate.path())));
  for (const std::string& id : ids) EXPECT_TRUE(wait_state(id, v1::JOB_STATE_RUNNING));
  std::map<std::string, int> placed;
  for (const std::string& id : ids) ++placed[get(id).attempts(0).worker_name()];
  EXPECT_EQ(placed["one"], 5);
  EXPECT_EQ(placed["two"], 5);
  gate.open();
  for (const std::string& id : ids) EXPECT_EQ(ended(id).state(), v1::JOB_STATE_SUCCEEDED);
}

TEST_F(Workers, NoMoreJobsThanSlots) {
  add_worker("one", {.labels = "", .slots = 2});
  Gate gate(shared("gate"));
  const std::vector<std::string> ids = submit_all(
      std::vector<v1::JobSpec>(5, sh("echo up >> " + shared("up") + "; : < " + gate.path())));
  ASSERT_TRUE(wait_state(ids[1], v1::JOB_STATE_RUNNING));
  for (std::size_t i = 2; i < ids.size(); ++i)
    EXPECT_EQ(get(ids[i]).state(), v1::JOB_STATE_QUEUED) << i;
  gate.open();
  for (const std::string& id : ids) EXPECT_EQ(ended(id).state(), v1::JOB_STATE_SUCCEEDED);
}

// Most of the starts are still waiting for their turn when the worker is asked to go.
TEST_F(Workers, StartsThatAWorkerGivesUpWhenItGoesRunElsewhere) {
  constexpr int kCount = 120;
  WorkerProcess& one = add_worker("one", {.labels = "", .slots = 300, .starts_at_once = 1});
  std::vector<v1::JobSpec> specs;
  for (int i = 0; i < kCount; ++i)
    specs.push_back(sh("echo $TAKT_WORKER >> " + shared("w" + std::to_string(i))));
  const std::vector<std::string> ids = submit_all(specs);
  const auto ran = [&](int i) { return read_shared("w" + std::to_string(i)); };
  ASSERT_TRUE(eventually([&] {
    for (int i = 0; i < kCount; ++i)
      if (!ran(i).empty()) return true;
    return false;
  }));
  one.stop();
  ASSERT_TRUE(wait_worker("one", v1::WORKER_STATE_AWAY));
  add_worker("two");
  ASSERT_TRUE(eventually([&] {
    for (int i = 0; i < kCount; ++i)
      if (ran(i).empty()) return false;
    return true;
  }));
  one.start();  // with the ends of those that it had begun
  ASSERT_TRUE(wait_worker("one", v1::WORKER_STATE_READY));
  int elsewhere = 0;
  int refused = 0;
  for (int i = 0; i < kCount; ++i) {
    const v1::Job found = ended(ids[static_cast<std::size_t>(i)]);
    EXPECT_EQ(found.state(), v1::JOB_STATE_SUCCEEDED) << found.end().message();
    EXPECT_EQ(ran(i), found.attempts(found.attempts_size() - 1).worker_name() + "\n") << "once";
    elsewhere += ran(i) == "two\n" ? 1 : 0;
    refused += found.attempts_size() > 1 ? 1 : 0;
  }
  EXPECT_GT(elsewhere, 0);
  EXPECT_LT(elsewhere, kCount) << "what had begun stayed";
  EXPECT_GT(refused, 0);
}

TEST_F(Workers, TheListTellsWhoTheyAre) {
  WorkerProcess& one = add_worker("one", {.labels = "role=db, zone=a", .slots = 7});
  v1::ListWorkersResponse response;
  ASSERT_TRUE(operator_->ListWorkers(context().get(), {}, &response).ok());
  ASSERT_EQ(response.workers_size(), 1);
  const v1::Worker& worker = response.workers(0);
  EXPECT_EQ(worker.worker_id(), one.id());
  EXPECT_EQ(worker.labels().at("role"), "db");
  EXPECT_EQ(worker.labels().at("zone"), "a");
  EXPECT_EQ(worker.capacity().slots(), 7);
  EXPECT_EQ(worker.address(), one.socket());
}

}  // namespace
}  // namespace takt::component
