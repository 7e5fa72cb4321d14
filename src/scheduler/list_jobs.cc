// SPDX-License-Identifier: Apache-2.0
// ListJobs: pages from the store, newest first, cut to what fits an answer. A page token is the
// number of the last job sent.
#include <charconv>
#include <utility>

#include "base/limits.h"
#include "rpc/convert.h"
#include "rpc/page.h"
#include "scheduler/verbs.h"

namespace takt::scheduler {
namespace {

Result<std::int64_t> parse_job_token(const std::string& token) {
  if (token.empty()) return 0;
  std::int64_t number = 0;
  const char* const end = token.data() + token.size();
  const auto parsed = std::from_chars(token.data(), end, number);
  if (parsed.ec != std::errc() || parsed.ptr != end || number <= 0)
    return invalid("page_token", "is not one that an answer gave; leave it empty to begin anew");
  return number;
}

Result<store::JobFilter> parse_filter(const v1::ListJobsRequest& request) {
  store::JobFilter filter;
  const auto size = page_size(request.page_size());
  if (!size) return size.error();
  const auto before = parse_job_token(request.page_token());
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

// As many of the jobs as fit an answer; `next` is where the page after all of them begins.
v1::ListJobsResponse job_page(std::vector<v1::Job> jobs, const std::vector<std::int64_t>& numbers,
                              std::int64_t next) {
  v1::ListJobsResponse response;
  rpc::PageRoom room;
  for (std::size_t at = 0; at < jobs.size(); ++at) {
    if (!room.takes(jobs[at])) {
      next = numbers[at - 1];
      break;
    }
    *response.add_jobs() = std::move(jobs[at]);
  }
  if (next > 0) response.set_next_page_token(std::to_string(next));
  return response;
}

}  // namespace

void list_jobs(Core& core, const Principal& principal, const v1::ListJobsRequest& request,
               const rpc::UnaryReply<v1::ListJobsResponse>& reply) {
  auto filter = parse_filter(request);
  if (!filter) {
    reply.fail(filter.error());
    return;
  }
  const Asking who = ask_as(principal, rpc::Action::kListJobs, reply);
  core.reads().jobs(who, std::move(*filter), [&core, reply](const Result<store::JobPage>& page) {
    if (!page) {
      reply.fail(page.error());
      return;
    }
    std::vector<v1::Job> jobs;
    std::vector<std::int64_t> numbers;
    for (const store::JobView& view : page->jobs) {
      jobs.push_back(view_to_proto(view));
      numbers.push_back(view.number);
    }
    with_live_usage(core, std::move(jobs),
                    [reply, numbers, next = page->next_before](std::vector<v1::Job> filled) {
                      reply.finish(job_page(std::move(filled), numbers, next));
                    });
  });
}

}  // namespace takt::scheduler
