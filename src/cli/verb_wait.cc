// SPDX-License-Identifier: Apache-2.0
// takt wait: until jobs have ended; tells how.
#include <algorithm>
#include <map>

#include "cli/invocation.h"
#include "cli/json.h"
#include "cli/selection.h"
#include "cli/text.h"
#include "cli/verb.h"
#include "cli/watch.h"

namespace takt::cli {
namespace {

class Waiter {
 public:
  explicit Waiter(Invocation& call) : call_(call) {}

  // As many at once as one watch takes.
  int run(Client& client, const std::vector<std::string>& names) {
    total_ = names.size();
    for (std::size_t at = 0; at < names.size() && !closed_; at += limits::kWatchedJobsMax) {
      EndWatcher watcher(client, call_.console(), [this](const v1::Job& job) { tell(job); });
      for (std::size_t i = at; i < std::min(names.size(), at + limits::kWatchedJobsMax); ++i) {
        const auto job = client.get_job(names[i]);
        if (!job) return call_.fail("can't wait for job " + in_quotes(names[i]), job.error());
        ids_.push_back(job->job_id());
        if (!codes_.contains(job->job_id())) watcher.add(*job);
        show_progress();
      }
      const auto done = watcher.run();
      call_.console().progress("");
      if (!done) return call_.fail("can't wait any longer", done.error());
    }
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
    if (total_ < 2) return;
    call_.console().progress("takt: " + std::to_string(codes_.size()) + " of " +
                             std::to_string(total_) + " jobs have ended");
  }

  Invocation& call_;
  std::vector<std::string> ids_;      // in the order given
  std::map<std::string, int> codes_;  // of those that have ended
  std::size_t total_ = 0;
  bool closed_ = false;
};

int run_wait(Invocation& call) {
  Selection selection;
  selection.declare(call);
  if (const auto end = call.parse()) return *end;
  if (auto good = selection.check(); !good) return call.usage(good.error());
  auto client = call.connect();
  if (!client) return call.fail("can't wait for jobs", client.error());
  const auto jobs = selection.resolve(**client);
  if (!jobs) return call.fail("can't wait for jobs", jobs.error());
  return Waiter(call).run(**client, *jobs);
}

}  // namespace

constinit const Verb kWaitVerb = {
    .name = "wait",
    .group = "Jobs",
    .operands = "JOB...",
    .summary = "wait until jobs have ended, and exit as they did",
    .examples =
        "  takt wait 6f0b; echo $?\n"
        "  takt wait --label batch=42\n"
        "  takt wait $(takt list --json | jq -r '.jobs[].job_id')\n",
    .details =
        "Waits for all of them. Exits with the code of the first, in the order given, that is "
        "not 0;\ncodes as of takt run; of a job with parts 0, or 1 if not all succeeded. The "
        "reason of an end\nthat is no plain exit is on standard error.\n"
        "With --json: a GetJobResponse a line, as they end.\n",
    .failure = kExitTakt,
    .usage = kExitTakt,
    .run = run_wait,
};

}  // namespace takt::cli
