// SPDX-License-Identifier: Apache-2.0
#include "sd/bus.h"

#include <errno.h>
#include <systemd/sd-bus.h>

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "sd/unit_jobs.h"
#include "unit/sd/fake_systemd.h"
#include "unit/sd/loop_thread.h"
#include "unit/sd/private_bus.h"

namespace takt::sd {
namespace {

using namespace std::chrono_literals;

const Bus::Method kGetId = {"org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus",
                            "GetId"};

int fill_nothing(sd_bus_message*) { return 0; }

class BusTest : public testing::Test {
 protected:
  ~BusTest() override {
    thread_.run([this] { bus_.reset(); });
  }

  // `then` runs before the loop can have seen the connection come up.
  void connect(
      Bus::Options options, const std::function<void()>& then = [] {}) {
    if (options.address.empty()) options.address = daemon_.address();
    options.reconnect_min = 5ms;
    options.reconnect_max = 20ms;
    thread_.run([&] {
      bus_ = std::make_unique<Bus>(thread_.loop(), options);
      then();
    });
  }
  void connect() { connect({}); }

  // "ok" or the error's code for each call that was answered, in order.
  void call(const Bus::Method& method, const Bus::Fill& fill, nanoseconds timeout = 20s) {
    thread_.run([&] {
      inside_ = true;
      bus_->call(method, timeout, fill, [this](Result<sd_bus_message*> reply) {
        EXPECT_FALSE(inside_) << "called inside call()";
        results_.push_back(reply ? -1 : static_cast<int>(reply.error().code));
        errors_.push_back(reply ? "" : reply.error().message);
      });
      inside_ = false;
    });
  }
  void start_unit() {
    call(manager_method("StartUnit"),
         [](sd_bus_message* m) { return sd_bus_message_append(m, "ss", "x.service", "replace"); });
  }
  [[nodiscard]] bool wait_results(std::size_t count) {
    return thread_.wait([this, count] { return results_.size() >= count; });
  }
  static int code(ErrorCode code) { return static_cast<int>(code); }

  PrivateBus daemon_;
  LoopThread thread_;
  std::unique_ptr<Bus> bus_;
  bool inside_ = false;
  std::vector<int> results_;
  std::vector<std::string> errors_;
};

TEST_F(BusTest, CallsMadeBeforeTheConnectionIsUpAreAnswered) {
  connect();
  for (int i = 0; i < 20; ++i) call(kGetId, fill_nothing);
  ASSERT_TRUE(wait_results(20));
  EXPECT_EQ(results_, std::vector<int>(20, -1));
}

TEST_F(BusTest, InFlightAndWaitingCallsAreBounded) {
  FakeSystemd fake(thread_, daemon_.address());
  fake.script({.hold = true});
  Bus::Options options;
  options.in_flight_max = 4;
  options.waiting_max = 6;
  connect(options);
  ASSERT_TRUE(thread_.wait([this] { return bus_->connected(); }));
  for (int i = 0; i < 11; ++i) start_unit();
  ASSERT_TRUE(wait_results(1));
  EXPECT_EQ(results_, std::vector<int>{code(ErrorCode::kResourceExhausted)});
  ASSERT_TRUE(fake.wait_calls("StartUnit", 4));
  thread_.run([this] {
    EXPECT_EQ(bus_->in_flight(), 4U);
    EXPECT_EQ(bus_->waiting(), 6U);
  });
  EXPECT_EQ(fake.held(), 4U);
  fake.script({.ending = FakeSystemd::Ending::kNever});
  fake.release_held();
  ASSERT_TRUE(wait_results(11));
  EXPECT_EQ(std::vector<int>(results_.begin() + 1, results_.end()), std::vector<int>(10, -1));
  EXPECT_EQ(fake.calls("StartUnit"), 10U);
}

TEST_F(BusTest, ACallWithoutReplyEndsInTimeAndItsLateReplyIsNobodys) {
  FakeSystemd fake(thread_, daemon_.address());
  fake.script({.hold = true});
  connect();
  call(
      manager_method("StartUnit"),
      [](sd_bus_message* m) { return sd_bus_message_append(m, "ss", "x.service", "replace"); },
      300ms);
  ASSERT_TRUE(fake.wait_calls("StartUnit", 1));
  ASSERT_TRUE(wait_results(1));
  fake.script({.ending = FakeSystemd::Ending::kNever});
  fake.release_held();
  start_unit();
  ASSERT_TRUE(wait_results(2));
  EXPECT_EQ(results_, (std::vector<int>{code(ErrorCode::kDeadlineExceeded), -1}));
  EXPECT_NE(errors_[0].find("no reply in time"), std::string::npos) << errors_[0];
}

TEST_F(BusTest, WithoutAConnectionACallEndsInTime) {
  Bus::Options options;
  options.address = "unix:path=/nowhere/bus";
  connect(options);
  call(kGetId, fill_nothing, 50ms);
  ASSERT_TRUE(wait_results(1));
  EXPECT_EQ(results_, std::vector<int>{code(ErrorCode::kDeadlineExceeded)});
  EXPECT_NE(errors_[0].find("no connection"), std::string::npos) << errors_[0];
}

TEST_F(BusTest, ALostConnectionFailsWhatWasSentAndKeepsWhatWaits) {
  FakeSystemd fake(thread_, daemon_.address());
  fake.script({.hold = true});
  Bus::Options options;
  options.in_flight_max = 3;
  connect(options);
  for (int i = 0; i < 3; ++i) start_unit();
  ASSERT_TRUE(fake.wait_calls("StartUnit", 3));
  call(kGetId, fill_nothing);
  call(kGetId, fill_nothing);
  daemon_.stop();
  ASSERT_TRUE(wait_results(3));
  thread_.run([this] {
    EXPECT_EQ(results_, std::vector<int>(3, code(ErrorCode::kUnavailable)));
    EXPECT_FALSE(bus_->connected());
    EXPECT_EQ(bus_->waiting(), 2U);
  });
  daemon_.start();
  ASSERT_TRUE(wait_results(5));
  EXPECT_EQ(results_[3], -1);
  EXPECT_EQ(results_[4], -1);
}

TEST_F(BusTest, MatchesAndHooksServeEveryConnection) {
  const auto signals = std::make_shared<int>(0);  // they outlive this function
  const auto order = std::make_shared<std::vector<std::string>>();
  connect({}, [&] {
    bus_->add_match("type='signal',member='NameOwnerChanged',arg0='org.freedesktop.systemd1'",
                    [signals](sd_bus_message*) { ++*signals; });
    bus_->on_connected([this, order] {
      bus_->call(kGetId, 20s, fill_nothing,
                 [order](Result<sd_bus_message*>) { order->push_back("hook"); });
    });
    bus_->call(kGetId, 20s, fill_nothing,
               [order](Result<sd_bus_message*>) { order->push_back("waited"); });
  });
  ASSERT_TRUE(thread_.wait([&] { return order->size() == 2; }));
  EXPECT_EQ(*order, (std::vector<std::string>{"hook", "waited"}));
  FakeSystemd fake(thread_, daemon_.address());
  ASSERT_TRUE(thread_.wait([&] { return *signals == 1; }));
  daemon_.stop();
  fake.leave();
  daemon_.start();
  ASSERT_TRUE(thread_.wait([&] { return order->size() == 3; }));
  fake.join();
  ASSERT_TRUE(thread_.wait([&] { return *signals == 2; }));
}

TEST_F(BusTest, WhatCannotBeSentFailsByItself) {
  connect();
  ASSERT_TRUE(thread_.wait([this] { return bus_->connected(); }));
  call(kGetId, [](sd_bus_message*) { return -EINVAL; });
  call({"org.freedesktop.DBus", "no path", "org.freedesktop.DBus", "GetId"}, fill_nothing);
  call({"org.example.Nobody", "/", "org.example.Nobody", "Answer"}, fill_nothing);
  call(kGetId, fill_nothing);
  ASSERT_TRUE(wait_results(4));
  std::sort(results_.begin(), results_.end());
  EXPECT_EQ(results_, (std::vector<int>{-1, code(ErrorCode::kInvalid), code(ErrorCode::kInvalid),
                                        code(ErrorCode::kUnavailable)}));
}

TEST_F(BusTest, DestroyingItDropsCallbacks) {
  FakeSystemd fake(thread_, daemon_.address());
  fake.script({.hold = true});
  Bus::Options options;
  options.in_flight_max = 1;
  connect(options);
  start_unit();
  start_unit();
  ASSERT_TRUE(fake.wait_calls("StartUnit", 1));
  thread_.run([this] { bus_.reset(); });
  fake.script({});
  fake.release_held();
  thread_.run([] {});
  EXPECT_TRUE(results_.empty());
}

TEST(BusErrorTest, NamesBecomeCodes) {
  const auto code = [](const char* name) { return Bus::error_from_name(name, "why").code; };
  EXPECT_EQ(code("org.freedesktop.systemd1.UnitExists"), ErrorCode::kExists);
  EXPECT_EQ(code("org.freedesktop.systemd1.NoSuchUnit"), ErrorCode::kNotFound);
  EXPECT_EQ(code("org.freedesktop.DBus.Error.UnixProcessIdUnknown"), ErrorCode::kNotFound);
  EXPECT_EQ(code("org.freedesktop.DBus.Error.AccessDenied"), ErrorCode::kPermissionDenied);
  EXPECT_EQ(code("org.freedesktop.DBus.Error.PropertyReadOnly"), ErrorCode::kInvalid);
  EXPECT_EQ(code("org.freedesktop.DBus.Error.LimitsExceeded"), ErrorCode::kResourceExhausted);
  EXPECT_EQ(code("org.freedesktop.DBus.Error.NoReply"), ErrorCode::kUnavailable);
  EXPECT_EQ(code("org.freedesktop.DBus.Error.Spawn.ChildExited"), ErrorCode::kUnavailable);
  EXPECT_EQ(code("org.example.Unheard"), ErrorCode::kInternal);
  EXPECT_EQ(Bus::error_from_name("org.example.Unheard", "why").message,
            "why (org.example.Unheard)");
}

}  // namespace
}  // namespace takt::sd
