// SPDX-License-Identifier: Apache-2.0
// Several workers: which one a job goes to, and what it does when that one will not have it.
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "base/fs.h"
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

// No cgroup can be made for jobs, for a while.
class HostFault : public Workers {
 protected:
  void SetUp() override {
    Workers::SetUp();
    WorkerProcess& worker = add_worker("one");
    EXPECT_EQ(ended(submit(sh("true"))).state(), v1::JOB_STATE_SUCCEEDED) << "the cgroup is there";
    let_cgroups(worker, "0");
  }
  static void let_cgroups(const WorkerProcess& worker, const std::string& count) {
    auto cgroup = worker.cgroup();
    ASSERT_TRUE(cgroup.ok()) << cgroup.error().message;
    ASSERT_TRUE(write_file(cgroup->fd(), "cgroup.max.descendants", count, 0).ok());
  }
  v1::Worker worker() {
    v1::ListWorkersResponse response;
    EXPECT_TRUE(operator_->ListWorkers(context().get(), {}, &response).ok());
    return response.workers_size() > 0 ? response.workers(0) : v1::Worker();
  }
};

TEST_F(HostFault, JobsWaitUntilTheHostCanStartThem) {
  std::vector<std::string> jobs;
  for (int i = 0; i < 8; ++i) jobs.push_back(submit(sh("echo ran >> " + shared("witness"))));
  ASSERT_TRUE(wait_worker("one", v1::WORKER_STATE_DRAINING));
  EXPECT_EQ(worker().drain().requested_by(), "takt-worker");
  EXPECT_NE(worker().drain().reason().find("jobs in a row: cgroup: "), std::string::npos)
      << worker().drain().reason();
  const auto waits = [&](const std::string& job) {
    return get(job).state() == v1::JOB_STATE_QUEUED;
  };
  for (const std::string& job : jobs)
    EXPECT_TRUE(eventually([&] { return waits(job); })) << get(job).end().message();
  const v1::Attempt given_back = get(jobs[0]).attempts(0);
  EXPECT_EQ(given_back.end().cause(), v1::END_CAUSE_REJECTED);
  EXPECT_EQ(given_back.end().failed_step(), "cgroup");
  EXPECT_TRUE(workers_[0]->active().empty()) << "nothing of them is left";
  let_cgroups(*workers_[0], "max");
  for (const std::string& job : jobs)
    EXPECT_EQ(ended(job).state(), v1::JOB_STATE_SUCCEEDED) << ended(job).end().message();
  EXPECT_TRUE(wait_worker("one", v1::WORKER_STATE_READY));
  std::string once;
  for (std::size_t i = 0; i < jobs.size(); ++i) once += "ran\n";
  EXPECT_EQ(read_shared("witness"), once);
}

TEST_F(HostFault, AnOperatorsDrainIsNotTheWorkersToEnd) {
  std::vector<std::string> jobs;
  for (int i = 0; i < 8; ++i) jobs.push_back(submit(sh("true")));
  ASSERT_TRUE(wait_worker("one", v1::WORKER_STATE_DRAINING));
  v1::DrainWorkerRequest request;
  request.set_worker_id("one");
  request.set_reason("new disk");
  v1::DrainWorkerResponse drained;
  ASSERT_TRUE(operator_->DrainWorker(context().get(), request, &drained).ok());
  let_cgroups(*workers_[0], "max");
  workers_[0]->stop();
  workers_[0]->start();
  ASSERT_TRUE(wait_worker("one", v1::WORKER_STATE_DRAINING));
  EXPECT_EQ(worker().drain().reason(), "new disk");
  v1::UndrainWorkerRequest undrain;
  undrain.set_worker_id("one");
  v1::UndrainWorkerResponse undrained;
  ASSERT_TRUE(operator_->UndrainWorker(context().get(), undrain, &undrained).ok());
  EXPECT_TRUE(wait_worker("one", v1::WORKER_STATE_READY));
  for (const std::string& job : jobs) EXPECT_EQ(ended(job).state(), v1::JOB_STATE_SUCCEEDED);
}

TEST_F(HostFault, ADirectStartFailsAtOnceAndSaysWhy) {
  v1::WorkerServiceStartJobRequest request;
  *request.mutable_spec() = sh("true");
  v1::WorkerServiceStartJobResponse response;
  ASSERT_TRUE(workers_[0]->stub().StartJob(context().get(), request, &response).ok());
  EXPECT_EQ(response.attempt().end().cause(), v1::END_CAUSE_START_FAILED);
  EXPECT_EQ(response.attempt().end().failed_step(), "cgroup");
  let_cgroups(*workers_[0], "max");
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
