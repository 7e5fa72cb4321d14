// SPDX-License-Identifier: Apache-2.0
// The options of `run` and `submit` that make a job of many parts, or let it wait for others. Part
// of SpecOptions.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "job/spec.h"
#include "takt/v1/job.pb.h"

namespace takt::cli {

class Invocation;

// A job waited for, by id, prefix or name.
struct JobCondition {
  std::string option;  // "--after-success"
  std::string job;
  v1::DependencyCondition condition = v1::DEPENDENCY_CONDITION_SUCCESS;
};

class PartsOptions {
 public:
  void declare(Invocation& call);

  // Fills in what was given, but for conditions; kInvalid names the option and what is accepted.
  Result<void> read(JobSpec& spec) const;

  [[nodiscard]] std::vector<JobCondition> conditions() const;

 private:
  std::string array_;
  std::vector<std::string> after_success_, after_end_, after_failure_;
  bool all_ = false;
};

}  // namespace takt::cli
