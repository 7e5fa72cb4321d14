// SPDX-License-Identifier: Apache-2.0
// Direct starts on a worker that has a scheduler: both share its slots, and a drain stops both.
// both.
#include <gtest/gtest.h>

#include <string>

#include "component/fleet.h"

namespace takt::component {
namespace {

class DirectStarts : public Fleet {
 protected:
  void SetUp() override {
    Fleet::SetUp();
    worker_ = &add_worker("one", {.labels = "", .slots = 2});
  }
  grpc::Status start(const std::string& request_id, const std::string& text) {
    v1::WorkerServiceStartJobRequest request;
    request.set_request_id(request_id);
    *request.mutable_spec() = sh(text);
    v1::WorkerServiceStartJobResponse response;
    return worker_->stub().StartJob(context().get(), request, &response);
  }

  WorkerProcess* worker_ = nullptr;
};

TEST_F(DirectStarts, TakeASlotEachAndNoMoreThanThereAre) {
  Gate gate(shared("gate"));
  const std::string queued = submit(sh(": < " + gate.path()));
  ASSERT_TRUE(wait_state(queued, v1::JOB_STATE_RUNNING));
  ASSERT_TRUE(start("a", ": < " + gate.path()).ok());
  const grpc::Status full = start("b", "true");
  EXPECT_EQ(full.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_NE(full.error_message().find("all 2 slots"), std::string::npos) << full.error_message();
  EXPECT_TRUE(start("a", ": < " + gate.path()).ok()) << "the first call again, which runs nothing";
  gate.open();
  EXPECT_EQ(ended(queued).state(), v1::JOB_STATE_SUCCEEDED);
  EXPECT_TRUE(eventually([&] { return start("b", "true").ok(); }));
}

TEST_F(DirectStarts, AreRefusedWhileTheWorkerIsDrained) {
  v1::DrainWorkerRequest drain;
  drain.set_worker_id("one");
  drain.set_reason("new disk");
  v1::DrainWorkerResponse drained;
  ASSERT_TRUE(operator_->DrainWorker(context().get(), drain, &drained).ok());
  grpc::Status refused;
  ASSERT_TRUE(eventually([&] { return !(refused = start("", "true")).ok(); }));
  EXPECT_EQ(refused.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_NE(refused.error_message().find("new disk"), std::string::npos) << refused.error_message();
  worker_->kill();
  worker_->start();
  ASSERT_TRUE(eventually([&] {
    return (refused = start("", "true")).error_code() == grpc::StatusCode::FAILED_PRECONDITION;
  })) << refused.error_message();
  v1::UndrainWorkerRequest undrain;
  undrain.set_worker_id("one");
  v1::UndrainWorkerResponse undrained;
  ASSERT_TRUE(operator_->UndrainWorker(context().get(), undrain, &undrained).ok());
  EXPECT_TRUE(eventually([&] { return start("", "true").ok(); }));
}

}  // namespace
}  // namespace takt::component
