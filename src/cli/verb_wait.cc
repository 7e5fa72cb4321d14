// SPDX-License-Identifier: Apache-2.0
// takt wait: until jobs have ended; tells how.
#include <map>

#include "cli/invocation.h"
#include "cli/json.h"
#include "cli/text.h"
#include "cli/verb.h"
#include "cli/watch.h"

namespace takt::cli {
namespace {

class Waiter {
 public:
  explicit Waiter(Invocation& call) : call_(call) {}

  int run(Client& client, const std::vector<std::string>& names) {
    EndWatcher watcher(client, call_.console(), [this](const v1::Job& job) { tell(job); });
    for (const std::string& name : names) {
      const auto job = client.get_job(name);
      if (!job) return call_.fail("can't wait for job " + in_quotes(name), job.error());
      ids_.push_back(job->job_id());
      if (!codes_.contains(job->job_id())) watcher.add(*job);
      show_progress();
    }
    const auto done = watcher.run();
    call_.console().progress("");
    if (!done) return call_.fail("can't wait any longer", done.error());
    if (closed_) return kExitPipe;
    for (const std::string& id : ids_)
      if (codes_[id] != 0) return codes_[id];
    return 0;
  }

 private:
  void tell(const v1::Job& job) {
    codes_[job.job_id()] = exit_code_of(job.end());
    if (!plain_exit(job.end()))
      call_.console().note("job " + short_id(job.job_id()) + ": " + end_text(job.end()) + ".");
    if (call_.json()) {
      v1::GetJobResponse response;
      *response.mutable_job() = job;
      closed_ = !call_.console().out(to_json(response) + "\n") || closed_;
    }
    show_progress();
  }

  void show_progress() {
    if (ids_.size() < 2) return;
    call_.console().progress("takt: " + std::to_string(codes_.size()) + " of " +
                             std::to_string(ids_.size()) + " jobs have ended");
  }

  Invocation& call_;
  std::vector<std::string> ids_;      // in the order given
  std::map<std::string, int> codes_;  // of those that have ended
  bool closed_ = false;
};

int run_wait(Invocation& call) {
  std::vector<std::string> jobs;
  call.operands(jobs, limits::kClientJobsMax);
  if (const auto end = call.parse()) return *end;
  auto client = call.connect();
  if (!client) return call.fail("can't wait for jobs", client.error());
  return Waiter(call).run(**client, jobs);
}

}  // namespace

constinit const Verb kWaitVerb = {
    .name = "wait",
    .group = "Jobs",
    .operands = "JOB...",
    .summary = "wait until jobs have ended, and exit as they did",
    .examples =
        "  takt wait 6f0b; echo $?\n"
        "  takt wait $(takt list --json | jq -r '.jobs[].job_id')\n",
    .details =
        "Waits for all of them. Exits with the code of the first, in the order given, that is "
        "not 0;\ncodes as of takt run. The reason of an end that is no plain exit is on "
        "standard error.\nWith --json: a GetJobResponse a line, as they end.\n",
    .failure = kExitTakt,
    .usage = kExitTakt,
    .run = run_wait,
};

}  // namespace takt::cli
