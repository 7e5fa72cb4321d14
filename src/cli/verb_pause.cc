// SPDX-License-Identifier: Apache-2.0
// takt pause and takt resume: freeze jobs as they are, and let them run on.
#include "cli/invocation.h"
#include "cli/json.h"
#include "cli/text.h"
#include "cli/verb.h"

namespace takt::cli {
namespace {

template <class Request, class Method>
int for_each_job(Invocation& call, const std::string& action, Method method) {
  std::vector<std::string> jobs;
  call.operands(jobs, limits::kClientJobsMax);
  if (const auto end = call.parse()) return *end;
  auto client = call.connect();
  if (!client) return call.fail("can't " + action + " jobs", client.error());
  int code = 0;
  for (const std::string& name : jobs) {
    Request request;
    request.set_job_id(name);
    const auto response = (*client)->call(method, request);
    if (!response) {
      code = call.fail("can't " + action + " job " + in_quotes(name), response.error());
      if (out_of_reach(response.error())) return code;
    } else if (call.json()) {
      if (const int failed = call.answer(to_json(*response) + "\n")) return failed;
    }
  }
  return code;
}

int run_pause(Invocation& call) {
  return for_each_job<v1::PauseJobRequest>(call, "pause", &v1::JobService::Stub::PauseJob);
}

int run_resume(Invocation& call) {
  return for_each_job<v1::ResumeJobRequest>(call, "resume", &v1::JobService::Stub::ResumeJob);
}

}  // namespace

constinit const Verb kPauseVerb = {
    .name = "pause",
    .group = "Jobs",
    .operands = "JOB...",
    .summary = "freeze running jobs as they are",
    .examples =
        "  takt pause 6f0b\n"
        "  takt pause 6f0b 71aa && takt list --state paused\n",
    .details =
        "Returns once every process of the job is frozen. A paused job keeps its memory and its\n"
        "slot of the worker; its time limit stands still, unless it was submitted with\n"
        "--count-paused; it can be stopped. Pausing a paused job is no error.\n"
        "With --json: a PauseJobResponse a line.\n",
    .run = run_pause,
};

constinit const Verb kResumeVerb = {
    .name = "resume",
    .group = "Jobs",
    .operands = "JOB...",
    .summary = "let paused jobs run on",
    .examples = "  takt resume 6f0b\n",
    .details =
        "Returns once the job runs again. Resuming a running job is no error.\n"
        "With --json: a ResumeJobResponse a line.\n",
    .run = run_resume,
};

}  // namespace takt::cli
