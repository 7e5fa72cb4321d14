// SPDX-License-Identifier: Apache-2.0
// One audit line for each request that was refused because of who asked. Guarantees: the guard and
// the calls that it lets in (Guard::take_call, take_stream) write it, so that a handler only has to
// fail with kPermissionDenied; one account causes at most limits::kRefusalLinesOfAccount lines a
// minute, all together at most limits::kRefusalLinesPerMinute, and memory stays bounded, however
// many accounts ask.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/limits.h"
#include "base/result.h"
#include "job/principal.h"

namespace takt::rpc {

// Never change it: catalogs and scripts know it.
inline constexpr std::string_view kActionRefusedId = "7a1c40e5d2f64d0bb0f3a1f2c9d83e43";

// Counts lines in the current minute. Thread-safe.
class RefusalLines {
 public:
  explicit RefusalLines(std::function<BootTime()> now = BootClock::now) : now_(std::move(now)) {}

  // Whether one more line about this account may be written; counts it.
  [[nodiscard]] bool admit(const std::string& account);

 private:
  const std::function<BootTime()> now_;
  std::mutex mutex_;
  BootTime since_;
  std::size_t lines_ = 0;
  std::map<std::string, std::size_t> accounts_;  // those with lines in this minute
};

// Writes the line of a call that ends with this error, kPermissionDenied. Any thread.
using OnDenied = std::function<void(const Error&)>;

// The audit of what a daemon refuses. Thread-safe.
class RefusalAudit {
 public:
  // Writes "refused JobService.StopJob to alice: job … was submitted by …" to the log, unless there
  // were too many. `call` is the RPC's name; `peer` is where it came from, empty on the unix
  // socket.
  void note(const Principal& principal, const char* call, std::string_view peer,
            const Error& error) const;

 private:
  mutable RefusalLines lines_;
};

}  // namespace takt::rpc
