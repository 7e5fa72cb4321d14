// SPDX-License-Identifier: Apache-2.0
// Whether this host can start jobs. Guarantees: after limits::kFaultsMax starts in a row that the
// host failed, no jobs are taken until the next one is tried, alone, after a pause that doubles
// with each that fails; one that runs opens the host again. Pure: the time is passed in. One
// thread.
#pragma once

#include <optional>
#include <string>

#include "base/clock.h"
#include "base/limits.h"
#include "base/result.h"

namespace takt::worker {

// The step in which the record of a start is made durable.
inline constexpr const char* kRecordStep = "record";

// Whether a start that failed at this step did so by the host's own fault, and not by what the job
// asks for: no delegation, no space, no memory, no processes, a user database out of reach.
bool is_host_fault(const std::string& step, const Error& error);

class StartHealth {
 public:
  enum class State {
    kOpen,     // takes jobs
    kClosed,   // takes none
    kProbing,  // takes one, to see whether it can be started
  };

  // A start failed by the host's fault; `why` is for people. Returns whether the state is new.
  bool failed(const std::string& why, BootTime now);
  // A command runs. Returns whether the state is new.
  bool worked();
  // The pause is over: kClosed becomes kProbing.
  void probe() { state_ = State::kProbing; }

  [[nodiscard]] State state() const { return state_; }
  // Why no jobs are taken; empty unless kClosed.
  [[nodiscard]] std::string fault() const;
  // When to probe, if kClosed.
  [[nodiscard]] BootTime probe_time() const { return probe_time_; }

 private:
  State state_ = State::kOpen;
  std::size_t in_a_row_ = 0;
  std::string why_;
  nanoseconds pause_{};
  BootTime probe_time_;
};

}  // namespace takt::worker
