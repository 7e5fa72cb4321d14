// SPDX-License-Identifier: Apache-2.0
// WatchJobs: checks the request; the hub does the rest.
#include <optional>
#include <utility>

#include "base/limits.h"
#include "scheduler/verbs.h"

namespace takt::scheduler {

grpc::ServerWriteReactor<v1::WatchJobsResponse>* watch_jobs(Core& core, const Principal& principal,
                                                            const v1::WatchJobsRequest& request,
                                                            rpc::ShareLease share) {
  using Response = v1::WatchJobsResponse;
  if (request.after_revision() < 0) {
    return rpc::refuse_stream<Response>(
        invalid("after_revision", std::to_string(request.after_revision()) +
                                      " is negative; give 0 for all that the history holds"));
  }
  if (request.job_ids_size() > static_cast<int>(limits::kWatchedJobsMax)) {
    return rpc::refuse_stream<Response>(
        invalid("job_ids", "has " + std::to_string(request.job_ids_size()) + " entries; at most " +
                               std::to_string(limits::kWatchedJobsMax) + " are accepted"));
  }
  std::unordered_set<Uuid> jobs;
  for (const std::string& text : request.job_ids()) {
    const auto id = Uuid::parse(text, "job_ids");
    if (!id) return rpc::refuse_stream<Response>(id.error());
    jobs.insert(*id);
  }
  std::optional<std::int64_t> after;
  if (!request.from_now()) after = request.after_revision();
  return core.watches().watch({[&core, principal](const store::JobChange& change) {
                                 return core.reads().as_seen(principal, change);
                               },
                               principal},
                              after, std::move(jobs), std::move(share));
}

}  // namespace takt::scheduler
