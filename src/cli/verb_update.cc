// SPDX-License-Identifier: Apache-2.0
// takt update: how queued jobs wait.
#include "base/units.h"
#include "cli/each_job.h"
#include "cli/verb.h"

namespace takt::cli {
namespace {

int run_update(Invocation& call) {
  Selection selection;
  std::string priority;
  selection.declare(call);
  call.option("--priority", "NUMBER", priority,
              "What is higher starts first, -1000 to 1000. To raise it above 0 is for operators, "
              "unless the scheduler's configuration says otherwise.");
  if (const auto end = call.parse()) return *end;
  if (priority.empty()) return call.usage("say what is to change: --priority NUMBER");
  const auto number =
      parse_integer(priority, "--priority", -limits::kPriorityMax, limits::kPriorityMax);
  if (!number) return call.usage(number.error());
  v1::UpdateJobRequest request;
  request.set_priority(static_cast<int>(*number));
  return for_each_job(call, "update", &v1::JobService::Stub::UpdateJob, std::move(request),
                      selection);
}

}  // namespace

constinit const Verb kUpdateVerb = {
    .name = "update",
    .group = "Jobs",
    .operands = "JOB...",
    .summary = "change how queued jobs wait",
    .examples =
        "  takt update 71aa --priority -10    # after all others\n"
        "  takt update 71aa --priority 100\n",
    .details =
        "Returns once the change is on the scheduler's disk. Only queued jobs can be changed.\n"
        "With --json: an UpdateJobResponse a line.\n",
    .run = run_update,
};

}  // namespace takt::cli
