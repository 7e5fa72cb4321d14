// SPDX-License-Identifier: Apache-2.0
// takt hold and takt release: keep queued jobs from starting, and let them start.
#include "cli/each_job.h"
#include "cli/verb.h"

namespace takt::cli {
namespace {

int run_hold(Invocation& call) {
  return run_for_each_job<v1::HoldJobRequest>(call, "hold", &v1::JobService::Stub::HoldJob);
}

int run_release(Invocation& call) {
  return run_for_each_job<v1::ReleaseJobRequest>(call, "release",
                                                 &v1::JobService::Stub::ReleaseJob);
}

}  // namespace

constinit const Verb kHoldVerb = {
    .name = "hold",
    .group = "Jobs",
    .operands = "JOB...",
    .summary = "keep queued jobs from starting",
    .examples =
        "  takt hold 71aa\n"
        "  takt submit --hold -- ./migrate.sh    # from the beginning\n",
    .details =
        "A held job waits beside its line until takt release; what an operator holds only\n"
        "operators release. A job that has started cannot be held: see takt pause.\n"
        "With --json: a HoldJobResponse a line.\n",
    .run = run_hold,
};

constinit const Verb kReleaseVerb = {
    .name = "release",
    .group = "Jobs",
    .operands = "JOB...",
    .summary = "let held jobs start",
    .examples = "  takt release 71aa\n",
    .details =
        "The job gets the place in its line that its age gives it. Releasing a job that is not\n"
        "held is no error.\n"
        "With --json: a ReleaseJobResponse a line.\n",
    .run = run_release,
};

}  // namespace takt::cli
