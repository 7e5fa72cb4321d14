// SPDX-License-Identifier: Apache-2.0
// takt forget: gives up a worker that will not return.
#include "cli/invocation.h"
#include "cli/json.h"
#include "cli/text.h"
#include "cli/verb.h"

namespace takt::cli {
namespace {

int run_forget(Invocation& call) {
  std::vector<std::string> workers;
  call.operands(workers, limits::kClientJobsMax);
  if (const auto end = call.parse()) return *end;
  auto client = call.connect();
  if (!client) return call.fail("can't forget workers", client.error());
  int code = 0;
  for (const std::string& name : workers) {
    v1::ForgetWorkerRequest request;
    request.set_worker_id(name);
    const auto response = (*client)->call(&v1::OperatorService::Stub::ForgetWorker, request);
    if (!response) {
      code = call.fail("can't forget worker " + in_quotes(name), response.error());
      if (out_of_reach(response.error())) return code;
    } else if (call.json()) {
      if (const int failed = call.answer(to_json(*response) + "\n")) return failed;
    }
  }
  return code;
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
        "is only out of reach the jobs may still run, and it would register again as a new "
        "worker.\n"
        "For operators. With --json: a ForgetWorkerResponse a line.\n",
    .run = run_forget,
};

}  // namespace takt::cli
