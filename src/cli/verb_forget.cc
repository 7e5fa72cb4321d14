// SPDX-License-Identifier: Apache-2.0
// takt forget: gives up a worker that will not return.
#include "cli/each_job.h"
#include "cli/verb.h"

namespace takt::cli {
namespace {

int run_forget(Invocation& call) {
  std::vector<std::string> workers;
  call.operands(workers, limits::kClientJobsMax);
  if (const auto end = call.parse()) return *end;
  return for_each_named(call, "forget", "worker", workers,
                        [&](Client& client, const std::string& name) -> Result<std::string> {
                          v1::ForgetWorkerRequest request;
                          request.set_worker_id(name);
                          const auto response =
                              client.call(&v1::OperatorService::Stub::ForgetWorker, request);
                          if (!response) return response.error();
                          return call.json() ? to_json(*response) + "\n" : std::string();
                        });
}

}  // namespace

constinit const Verb kForgetVerb = {
    .name = "forget",
    .group = "Workers",
    .operands = "WORKER...",
    .summary = "give up workers that will not return",
    .examples = "  takt forget db-3\n",
    .details =
        "The jobs that were on it end as lost. Use it for a host that is gone for good: of one "
        "that\n"
        "is only out of reach the jobs may still run; when it comes back, as a new worker, it is\n"
        "told to stop them.\n"
        "For operators. With --json: a ForgetWorkerResponse a line.\n",
    .run = run_forget,
};

}  // namespace takt::cli
