// SPDX-License-Identifier: Apache-2.0
// takt stop: asks jobs to stop; the end comes later.
#include "base/units.h"
#include "cli/each_job.h"
#include "cli/reason.h"
#include "cli/verb.h"
#include "rpc/convert.h"

namespace takt::cli {
namespace {

Result<v1::StopJobRequest> make_request(const std::string& reason, const std::string& grace) {
  v1::StopJobRequest request;
  if (auto good = check_reason(reason); !good) return good.error();
  request.set_reason(reason);
  if (grace.empty()) return request;
  const auto span = parse_duration(grace, "--grace");
  if (!span) return span.error();
  if (*span > limits::kStopGraceMax)
    return invalid("--grace", in_quotes(grace) + " is too long; up to 24h is accepted");
  *request.mutable_grace() = rpc::duration_to_proto(*span);
  return request;
}

int run_stop(Invocation& call) {
  Selection selection;
  std::string reason, grace;
  selection.declare(call);
  call.option("--reason", "TEXT", reason, "Why, in your words; kept with the job's end.");
  call.option("--grace", "TIME", grace,
              "Time between the stop signal and SIGKILL, instead of the job's own.");
  if (const auto end = call.parse()) return *end;
  const auto request = make_request(reason, grace);
  if (!request) return call.usage(request.error());
  return for_each_job(call, "stop", &v1::JobService::Stub::StopJob, *request, selection);
}

}  // namespace

constinit const Verb kStopVerb = {
    .name = "stop",
    .group = "Jobs",
    .operands = "JOB...",
    .summary = "stop jobs, with all their processes",
    .examples =
        "  takt stop 6f0b --reason \"wrong table\"\n"
        "  takt stop 6f0b --grace 0 && takt wait 6f0b\n"
        "  takt stop --label batch=42\n",
    .details =
        "Returns once the request is on the scheduler's disk; takt wait waits for the end.\n"
        "Stopping a job that has ended changes nothing and is no error. Of a job with parts all "
        "parts "
        "are\nstopped.\n"
        "With --json: a StopJobResponse a line.\n",
    .run = run_stop,
};

}  // namespace takt::cli
