// SPDX-License-Identifier: Apache-2.0
#include "cli/selection.h"

#include "base/limits.h"
#include "cli/spec_options.h"

namespace takt::cli {

void Selection::declare(Invocation& call) {
  call.operands(names_, limits::kClientJobsMax, Operands::kOptional);
  call.repeated("-l,--label", "KEY=VALUE", labels_,
                "In place of names: all jobs with this label that have not ended. May be repeated: "
                "all must be there.");
}

Result<void> Selection::check() const {
  if (names_.empty() && labels_.empty())
    return make_error(ErrorCode::kInvalid, "name at least one JOB, or give --label");
  if (!names_.empty() && !labels_.empty())
    return invalid("--label", "is given beside names of jobs; give one of them");
  if (auto labels = parse_labels(labels_); !labels) return labels.error();
  return {};
}

Result<std::vector<std::string>> Selection::resolve(Client& client) const {
  if (labels_.empty()) return names_;
  v1::ListJobsRequest request;
  const auto labels = parse_labels(labels_);
  request.mutable_labels()->insert(labels->begin(), labels->end());
  request.set_page_size(static_cast<int>(limits::kPageSizeMax));
  for (const v1::JobState state :
       {v1::JOB_STATE_QUEUED, v1::JOB_STATE_STARTING, v1::JOB_STATE_RUNNING, v1::JOB_STATE_PAUSED,
        v1::JOB_STATE_ENDING})
    request.add_states(state);
  std::vector<std::string> ids;
  do {
    const auto page = client.call(&v1::JobService::Stub::ListJobs, request);
    if (!page) return page.error();
    for (const v1::Job& job : page->jobs()) ids.push_back(job.job_id());
    request.set_page_token(page->next_page_token());
  } while (!request.page_token().empty());
  return ids;
}

}  // namespace takt::cli
