// SPDX-License-Identifier: Apache-2.0
#include "scheduler/list_filter.h"

#include "base/limits.h"
#include "rpc/convert.h"
#include "rpc/page_token.h"

namespace takt::scheduler {

Result<store::JobFilter> filter_from_proto(const v1::ListJobsRequest& request) {
  store::JobFilter filter;
  const auto size = rpc::page_size(request.page_size());
  if (!size) return size.error();
  const auto before = rpc::read_job_token(request.page_token());
  if (!before) return before.error();
  filter.page_size = *size;
  filter.before = *before;
  filter.name = request.name();
  filter.user = request.user();
  filter.worker = request.worker();
  filter.part_of = request.part_of();
  filter.labels.insert(request.labels().begin(), request.labels().end());
  if (filter.labels.size() > limits::kLabelsMax)
    return invalid("labels", "has " + std::to_string(filter.labels.size()) + " entries; at most " +
                                 std::to_string(limits::kLabelsMax) + " are accepted");
  if (request.has_since_time()) filter.since = rpc::time_from_proto(request.since_time());
  if (request.has_until_time()) filter.until = rpc::time_from_proto(request.until_time());
  if (request.states_size() > static_cast<int>(limits::kPageSizeMax))
    return invalid("states", "has too many entries");
  for (const int number : request.states()) {
    const auto state = rpc::state_from_proto(static_cast<v1::JobState>(number), "states");
    if (!state) return state.error();
    filter.states.push_back(*state);
  }
  return filter;
}

}  // namespace takt::scheduler
