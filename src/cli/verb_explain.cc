// SPDX-License-Identifier: Apache-2.0
// takt explain: why jobs wait.
#include "cli/each_job.h"
#include "cli/verb.h"

namespace takt::cli {
namespace {

int run_explain(Invocation& call) {
  std::vector<std::string> jobs;
  call.operands(jobs, limits::kClientJobsMax);
  if (const auto end = call.parse()) return *end;
  return for_each_named(call, "explain", "job", jobs,
                        [&](Client& client, const std::string& name) -> Result<std::string> {
                          v1::ExplainJobRequest request;
                          request.set_job_id(name);
                          const auto response =
                              client.call(&v1::JobService::Stub::ExplainJob, request);
                          if (!response) return response.error();
                          if (call.json()) return to_json(*response) + "\n";
                          const std::string title = jobs.size() == 1 ? "" : printable(name) + ": ";
                          return title + explanation_text(*response);
                        });
}

}  // namespace

constinit const Verb kExplainVerb = {
    .name = "explain",
    .group = "Jobs",
    .operands = "JOB...",
    .summary = "say why jobs wait",
    .examples =
        "  takt explain 71aa\n"
        "  takt submit --dry-run --memory 64G -- ./train.sh    # before it is submitted\n",
    .details =
        "Says in numbers what a queued job needs and what there is, how many jobs are before it,\n"
        "who holds it, and, if it would never start as things are, what could be done.\n"
        "With --json: an ExplainJobResponse a line.\n",
    .run = run_explain,
};

}  // namespace takt::cli
