// SPDX-License-Identifier: Apache-2.0
// ListJobs: pages from the store, newest first, cut to what fits an answer. A page token is the
// number of the last job sent.
#include <utility>

#include "rpc/page.h"
#include "rpc/page_token.h"
#include "scheduler/list_filter.h"
#include "scheduler/verbs.h"

namespace takt::scheduler {
namespace {

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
  if (next > 0) response.set_next_page_token(rpc::job_token(next));
  return response;
}

}  // namespace

void list_jobs(Core& core, const Principal& principal, const v1::ListJobsRequest& request,
               const rpc::UnaryReply<v1::ListJobsResponse>& reply) {
  auto filter = filter_from_proto(request);
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
