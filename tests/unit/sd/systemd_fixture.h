// SPDX-License-Identifier: Apache-2.0
// A SystemdManager on a private bus with a fake systemd.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "sd/systemd_manager.h"
#include "unit/sd/fake_systemd.h"
#include "unit/sd/loop_thread.h"
#include "unit/sd/private_bus.h"

namespace takt::sd {

inline constexpr const char* kScope = "takt-job-x.1.scope";

class SystemdManagerTest : public testing::Test {
 protected:
  SystemdManagerTest() {
    thread_.run([this] {
      Bus::Options options;
      options.address = daemon_.address();
      options.reconnect_min = std::chrono::milliseconds(5);
      options.reconnect_max = std::chrono::milliseconds(20);
      bus_ = std::make_unique<Bus>(thread_.loop(), options);
      manager_ = std::make_unique<SystemdManager>(*bus_, thread_.loop());
    });
  }
  ~SystemdManagerTest() override {
    thread_.run([this] {
      manager_.reset();
      bus_.reset();
    });
  }

  static ScopeRequest request() {
    ScopeRequest scope;
    scope.unit = kScope;
    scope.slice = "takt-jobs-00.slice";
    scope.description = "takt job x, attempt 1";
    scope.pid = 4711;
    return scope;
  }

  SystemdManager::OnDone note() {
    return [this](Result<void> result) {
      EXPECT_TRUE(thread_.loop().in_loop());
      results_.push_back(result ? "ok" : code_name(result.error().code));
    };
  }
  void start(const ScopeRequest& scope) {
    thread_.run([&] {
      const std::size_t before = results_.size();
      manager_->start_scope(scope, note());
      EXPECT_EQ(results_.size(), before) << "called inside start_scope()";
    });
  }
  void stop(const std::string& unit, nanoseconds patience = std::chrono::seconds(20)) {
    thread_.run([&] { manager_->stop_unit(unit, patience, note()); });
  }
  // The one result so far, once there is one.
  std::string result() {
    if (!thread_.wait([this] { return !results_.empty(); })) return "nothing";
    EXPECT_EQ(results_.size(), 1U);
    return results_[0];
  }
  // All that the fake has sent so far has been seen here: its replies and signals come in order.
  void settle() {
    bool answered = false;
    thread_.run([&] {
      manager_->get_system_state([&](Result<std::string> state) {
        answered = true;
        EXPECT_TRUE(state.ok() && *state == "running");
      });
    });
    EXPECT_TRUE(thread_.wait([&] { return answered; }));
  }
  bool is_pending() {
    settle();
    bool pending = false;
    thread_.run([&] { pending = results_.empty() && manager_->pending() == 1; });
    return pending;
  }

  static std::string code_name(ErrorCode code) {
    switch (code) {
      case ErrorCode::kExists:
        return "exists";
      case ErrorCode::kNotFound:
        return "not found";
      case ErrorCode::kFailedPrecondition:
        return "failed";
      case ErrorCode::kCancelled:
        return "cancelled";
      case ErrorCode::kDeadlineExceeded:
        return "too late";
      case ErrorCode::kUnavailable:
        return "unavailable";
      case ErrorCode::kInvalid:
      case ErrorCode::kPermissionDenied:
      case ErrorCode::kResourceExhausted:
      case ErrorCode::kUnimplemented:
      case ErrorCode::kDataLoss:
      case ErrorCode::kInternal:
      case ErrorCode::kSystem:
        return "code " + std::to_string(static_cast<int>(code));
    }
    return "";
  }

  PrivateBus daemon_;
  LoopThread thread_;
  FakeSystemd fake_{thread_, daemon_.address()};
  std::unique_ptr<Bus> bus_;
  std::unique_ptr<SystemdManager> manager_;
  std::vector<std::string> results_;
};

}  // namespace takt::sd
