// SPDX-License-Identifier: Apache-2.0
// The options of `run` and `submit` that say how a job waits, and when it is tried again. Part of
// SpecOptions.
#pragma once

#include <string>

#include "base/result.h"
#include "job/spec.h"

namespace takt::cli {

class Invocation;

class WaitingOptions {
 public:
  void declare(Invocation& call);

  // Fills in what was given; kInvalid names the option and what is accepted.
  Result<void> read(JobSpec& spec, WallTime now) const;

 private:
  Result<void> read_retry(JobSpec& spec) const;

  std::string priority_, not_before_, queue_time_, attempts_, retry_on_, backoff_;
  bool hold_ = false;
};

// "in 10min", "10min", "2026-11-22 09:28", "09:28": a time, which a length alone puts ahead.
Result<WallTime> parse_start_time(const std::string& text, const std::string& field, WallTime now);

}  // namespace takt::cli
