// SPDX-License-Identifier: Apache-2.0
// How long an iteration of the event loop takes, and which handler took most of it. Guarantees: one
// that takes longer than limits::kIterationSlow is counted, one longer than
// limits::kIterationLogged is logged with that handler's name; costs one look at the clock a
// handler. Part of EventLoop; loop thread only.
#pragma once

#include <cstdint>
#include <functional>
#include <typeinfo>

#include "base/clock.h"

namespace takt::sd {

class IterationClock {
 public:
  // Calls `fn`, and counts the time as its own; within another's call that one is not charged with
  // it. `name` is what it goes by in the log, where `fn` is only a wrapper.
  template <class... Arguments>
  void run(const std::function<void(Arguments...)>& fn, const std::type_info& name,
           Arguments... arguments) {
    begin();
    fn(arguments...);
    ran(name);
  }
  void run(const std::function<void()>& fn) { run(fn, fn.target_type()); }

  // The iteration is over.
  void end();

  [[nodiscard]] std::uint64_t slow() const { return slow_; }

 private:
  void begin();
  void ran(const std::type_info& name);

  bool running_ = false;
  BootTime begin_;  // of the iteration
  BootTime last_;   // up to which time is accounted for
  nanoseconds most_{0};
  const std::type_info* busiest_ = nullptr;
  std::uint64_t slow_ = 0;
};

}  // namespace takt::sd
