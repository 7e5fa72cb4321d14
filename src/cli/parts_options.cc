// SPDX-License-Identifier: Apache-2.0
#include "cli/parts_options.h"

#include "base/limits.h"
#include "base/units.h"
#include "cli/invocation.h"
#include "cli/text.h"

namespace takt::cli {

void PartsOptions::declare(Invocation& call) {
  call.option("--array", "COUNT[%MOST]", array_,
              "So many parts, up to 10000, at most MOST of them at once; TAKT_ARRAY_INDEX says "
              "which one it is, from 0.");
  call.flag("--all", all_, "A part on each worker that matches --on.");
  call.repeated("--after-success", "JOB", after_success_,
                "Wait until this job has succeeded; if it fails, this one fails, too. May be "
                "repeated.");
  call.repeated("--after-end", "JOB", after_end_,
                "Wait until this job has ended, however. May be repeated.");
  call.repeated("--after-failure", "JOB", after_failure_,
                "Wait until this job has ended without success. May be repeated.");
}

Result<void> PartsOptions::read(JobSpec& spec) const {
  spec.one_per_worker = all_;
  if (array_.empty()) return {};
  if (all_) return invalid("--array", "is given beside --all; give one of them");
  const std::size_t percent = array_.find('%');
  auto count = parse_integer(array_.substr(0, percent), "--array", 1, limits::kPartsMax);
  if (!count) return count.error();
  spec.array = ArraySpec{.count = static_cast<int>(*count)};
  if (percent == std::string::npos) return {};
  auto most = parse_integer(array_.substr(percent + 1), "--array", 1, limits::kPartsMax);
  if (!most) return most.error();
  spec.array->max_running = static_cast<int>(*most);
  return {};
}

std::vector<JobCondition> PartsOptions::conditions() const {
  std::vector<JobCondition> all;
  for (const std::string& job : after_success_)
    all.push_back({"--after-success", job, v1::DEPENDENCY_CONDITION_SUCCESS});
  for (const std::string& job : after_end_)
    all.push_back({"--after-end", job, v1::DEPENDENCY_CONDITION_END});
  for (const std::string& job : after_failure_)
    all.push_back({"--after-failure", job, v1::DEPENDENCY_CONDITION_FAILURE});
  return all;
}

}  // namespace takt::cli
