// SPDX-License-Identifier: Apache-2.0
// takt status: all about some jobs.
#include "cli/invocation.h"
#include "cli/json.h"
#include "cli/status_block.h"
#include "cli/text.h"
#include "cli/verb.h"

namespace takt::cli {
namespace {

int run_status(Invocation& call) {
  std::vector<std::string> jobs;
  Layout layout;
  call.operands(jobs, limits::kClientJobsMax);
  call.flag("--full", layout.full, "Absolute times.");
  call.flag("--bytes", layout.bytes, "Exact sizes, in bytes.");
  if (const auto end = call.parse()) return *end;
  auto client = call.connect();
  if (!client) return call.fail("can't show jobs", client.error());
  layout.screen = call.console().screen();
  layout.now = wall_now();
  int code = 0;
  for (const std::string& name : jobs) {
    auto job = (*client)->get_job(name);
    if (!job) {
      code = call.fail("can't show job " + in_quotes(name), job.error());
      if (out_of_reach(job.error())) return code;
      continue;
    }
    std::string text;
    if (call.json()) {
      v1::GetJobResponse response;
      response.mutable_job()->Swap(&*job);
      text = to_json(response) + "\n";
    } else {
      text = (&name == jobs.data() ? "" : "\n") + status_block(*job, layout);
    }
    if (const int failed = call.answer(text)) return failed;
  }
  return code;
}

}  // namespace

constinit const Verb kStatusVerb = {
    .name = "status",
    .group = "Jobs",
    .operands = "JOB...",
    .summary = "show all about some jobs",
    .examples =
        "  takt status 6f0b\n"
        "  takt status --full --bytes nightly\n"
        "  takt status --json 6f0b | jq -r .job.state\n",
    .details =
        "A unique prefix of an id (4 characters or more) is enough, and a name that only one "
        "job has.\nExits with 0, also for a job that failed; with 1 if a job could not be "
        "shown.\nWith --json: a GetJobResponse a line.\n",
    .run = run_status,
};

}  // namespace takt::cli
