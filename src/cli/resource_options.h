// SPDX-License-Identifier: Apache-2.0
// The options of `run` and `submit` that say what a job may use: limits, weights, time. Part of
// SpecOptions.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "job/spec.h"

namespace takt::cli {

class Invocation;

class ResourceOptions {
 public:
  void declare(Invocation& call);

  // Fills in what was given; kInvalid names the option and what is accepted.
  Result<void> read(JobSpec& spec) const;

  // The same of what a job may use alone: memory, processors, tasks, counted things.
  void declare_limits(Invocation& call);
  Result<void> read_limits(Resources& resources) const;

 private:
  std::string memory_, swap_, cpus_, tasks_, oom_, time_, lease_, cpu_weight_, io_weight_, nice_,
      umask_;
  std::vector<std::string> counted_;
  bool count_paused_ = false;
  bool allow_new_privileges_ = false;
};

}  // namespace takt::cli
