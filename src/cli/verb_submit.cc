// SPDX-License-Identifier: Apache-2.0
// takt submit: a job is on disk once its id is printed; nobody waits for it.
#include "cli/invocation.h"
#include "cli/json.h"
#include "cli/spec_options.h"
#include "cli/submission.h"
#include "cli/text.h"
#include "cli/verb.h"
#include "rpc/status.h"

namespace takt::cli {
namespace {

int run_submit(Invocation& call) {
  SpecOptions options;
  std::string request_id;
  options.declare(call);
  call.option(
      "--request-id", "ID", request_id,
      "A word of your choice: the same job with the same id is submitted only once, however "
      "often this is repeated.");
  if (const auto end = call.parse()) return *end;
  if (request_id.size() > limits::kRequestIdMaxBytes ||
      rpc::clean_text(request_id, request_id.size()) != request_id)
    return call.usage("--request-id: takes up to " + std::to_string(limits::kRequestIdMaxBytes) +
                      " bytes of UTF-8");
  const auto request = make_submission(call, options, request_id);
  if (!request) return call.usage(request.error().message);
  auto client = call.connect();
  if (!client) return call.fail("can't submit the job", client.error());
  const auto response = (*client)->call(&v1::JobService::Stub::SubmitJob, *request);
  if (!response) return call.fail("can't submit the job", response.error());
  return call.answer((call.json() ? to_json(*response) : response->job_id()) + "\n");
}

}  // namespace

constinit const Verb kSubmitVerb = {
    .name = "submit",
    .group = "Jobs",
    .operands = "[--] COMMAND [ARGUMENT...]",
    .summary = "submit a job and print its id",
    .examples =
        "  takt submit --name nightly --on role=db -- /usr/local/bin/backup --full\n"
        "  takt submit --script report.sh -- --year 2026\n"
        "  pg_dump -s shop | takt submit -- psql copy\n"
        "  id=$(takt submit -- make test) && takt wait \"$id\"\n",
    .details =
        "Once the id is printed, the job is on the scheduler's disk.\n"
        "Standard input is sent along as with takt run; see takt run --help.\n"
        "With --json: a SubmitJobResponse.\n",
    .takes_command = true,
    .run = run_submit,
};

}  // namespace takt::cli
