// SPDX-License-Identifier: Apache-2.0
// takt retry: an ended job once more, as a new job.
#include "cli/each_job.h"
#include "cli/resource_options.h"
#include "cli/verb.h"
#include "rpc/convert_spec.h"

namespace takt::cli {
namespace {

int run_retry(Invocation& call) {
  std::vector<std::string> jobs;
  ResourceOptions options;
  call.operands(jobs, limits::kClientJobsMax);
  options.declare_limits(call);
  if (const auto end = call.parse()) return *end;
  v1::RetryJobRequest request;
  JobSpec asked;
  if (auto read = options.read_limits(asked.resources); !read) return call.usage(read.error());
  if (const v1::JobSpec message = rpc::spec_to_proto(asked); message.has_resources())
    *request.mutable_resources() = message.resources();
  return for_each_named(
      call, "retry", "job", jobs,
      [&](Client& client, const std::string& name) -> Result<std::string> {
        request.set_job_id(name);
        request.set_request_id(Uuid::random().str());  // a call that is repeated makes one job
        const auto response = client.call(&v1::JobService::Stub::RetryJob, request);
        if (!response) return response.error();
        return (call.json() ? to_json(*response) : response->job_id()) + "\n";
      });
}

}  // namespace

constinit const Verb kRetryVerb = {
    .name = "retry",
    .group = "Jobs",
    .operands = "JOB...",
    .summary = "submit ended jobs once more",
    .examples =
        "  takt retry 6f0b\n"
        "  takt retry 6f0b --memory 3G    # the last one was killed for memory\n",
    .details =
        "Prints the id of the new job; the old one stays as it is, and takt status of the new one\n"
        "says of which it is another try. To have failures tried again without being asked, see\n"
        "--attempts of takt submit.\n"
        "With --json: a RetryJobResponse a line.\n",
    .run = run_retry,
};

}  // namespace takt::cli
