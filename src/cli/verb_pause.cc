// SPDX-License-Identifier: Apache-2.0
// takt pause and takt resume: freeze jobs as they are, and let them run on.
#include "cli/each_job.h"
#include "cli/verb.h"

namespace takt::cli {
namespace {

int run_pause(Invocation& call) {
  return run_for_each_job<v1::PauseJobRequest>(call, "pause", &v1::JobService::Stub::PauseJob);
}

int run_resume(Invocation& call) {
  return run_for_each_job<v1::ResumeJobRequest>(call, "resume", &v1::JobService::Stub::ResumeJob);
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
