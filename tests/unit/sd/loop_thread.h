// SPDX-License-Identifier: Apache-2.0
// An event loop in a thread of its own, driven step by step by the test's thread.
#pragma once

#include <chrono>
#include <functional>
#include <future>
#include <list>
#include <memory>
#include <thread>
#include <utility>

#include "base/check.h"
#include "sd/event_loop.h"

namespace takt::sd {

class LoopThread {
 public:
  LoopThread() {
    std::promise<void> ready;
    thread_ = std::thread([this, &ready] {
      auto made = EventLoop::create();
      TAKT_CHECK(made.ok(), "%s", made.error().message.c_str());
      loop_ = std::move(*made);
      loop_->on_turn_end([this] { check_waits(); });
      ready.set_value();
      const auto code = loop_->run();
      TAKT_CHECK(code.ok(), "%s", code.error().message.c_str());
    });
    ready.get_future().wait();
  }
  ~LoopThread() {
    loop_->exit(0);
    thread_.join();
  }
  LoopThread(const LoopThread&) = delete;
  LoopThread& operator=(const LoopThread&) = delete;

  EventLoop& loop() { return *loop_; }

  // Runs `fn` on the loop and waits for it.
  void run(const std::function<void()>& fn) {
    std::promise<void> done;
    TAKT_CHECK(loop_->post([&] {
      fn();
      done.set_value();
    }),
               "the loop takes no tasks");
    done.get_future().wait();
  }

  // Waits until `condition` holds at the end of a turn of the loop; false after 20 s.
  [[nodiscard]] bool wait(const std::function<bool()>& condition) {
    const auto wait = std::make_shared<Wait>();
    wait->condition = condition;
    auto reached = wait->reached.get_future();
    run([&] { waits_.push_back(wait); });
    if (reached.wait_for(std::chrono::seconds(20)) == std::future_status::ready) return true;
    run([&] { waits_.remove(wait); });
    return false;
  }

 private:
  struct Wait {
    std::function<bool()> condition;
    std::promise<void> reached;
  };

  void check_waits() {
    waits_.remove_if([](const std::shared_ptr<Wait>& wait) {
      if (!wait->condition()) return false;
      wait->reached.set_value();
      return true;
    });
  }

  std::unique_ptr<EventLoop> loop_;
  std::list<std::shared_ptr<Wait>> waits_;  // of the loop's thread
  std::thread thread_;
};

}  // namespace takt::sd
