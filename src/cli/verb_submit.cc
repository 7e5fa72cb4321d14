// SPDX-License-Identifier: Apache-2.0
// takt submit: a job is on disk once its id is printed; nobody waits for it.
#include "base/utf8.h"
#include "cli/invocation.h"
#include "cli/json.h"
#include "cli/spec_options.h"
#include "cli/submission.h"
#include "cli/text.h"
#include "cli/verb.h"
#include "rpc/status.h"

namespace takt::cli {
namespace {

// What would become of the job; 1 if it would wait for ever as things are.
int plan(Invocation& call, Client& client, const v1::JobSpec& spec) {
  v1::PlanJobRequest request;
  *request.mutable_spec() = spec;
  const auto response = client.call(&v1::JobService::Stub::PlanJob, request);
  if (!response) return call.fail("can't plan the job", response.error());
  const v1::ExplainJobResponse& waiting = response->waiting();
  const bool parts = spec.has_array() || spec.one_per_worker();
  const std::string text =
      std::string(parts ? "a part " : "") +
      (response->has_waiting() ? "would wait: " + explanation_text(waiting)
                               : "would go to " + printable(response->worker_name()) + "\n");
  if (const int failed = call.answer(call.json() ? to_json(*response) + "\n" : text)) return failed;
  return waiting.never() ? kExitRefused : 0;
}

int run_submit(Invocation& call) {
  SpecOptions options;
  std::string request_id;
  bool dry_run = false;
  options.declare(call);
  call.option(
      "--request-id", "ID", request_id,
      "A word of your choice: the same job with the same id is submitted only once, however "
      "often this is repeated.");
  call.flag("--dry-run", dry_run, "Say where it would go now, or why nowhere; submit nothing.");
  if (const auto end = call.parse()) return *end;
  if (request_id.size() > limits::kRequestIdMaxBytes || !is_utf8(request_id))
    return call.usage("--request-id: takes up to " + std::to_string(limits::kRequestIdMaxBytes) +
                      " bytes of UTF-8");
  auto request = make_submission(call, options, request_id);
  if (!request) return call.usage(request.error());
  auto client = call.connect();
  if (!client) return call.fail("can't submit the job", client.error());
  if (auto found = find_dependencies(**client, options, *request); !found)
    return call.fail("can't submit the job", found.error());
  if (dry_run) return plan(call, **client, request->spec());
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
        "  id=$(takt submit -- make test) && takt wait \"$id\"\n"
        "  takt submit --not-before 02:30 --queue-time 1h -- ./report\n"
        "  takt submit --array 100%5 --script render.sh     # 100 parts, 5 at once\n"
        "  takt submit --after-success \"$id\" -- make install\n"
        "  takt submit --dry-run --memory 64G -- ./train.sh    # where would it go?\n",
    .details =
        "Once the id is printed, the job is on the scheduler's disk.\n"
        "Standard input is sent along as with takt run; see takt run --help.\n"
        "With --json: a SubmitJobResponse; with --dry-run a PlanJobResponse. A dry run exits with "
        "1\n"
        "if the job would never start as things are.\n",
    .takes_command = true,
    .run = run_submit,
};

}  // namespace takt::cli
