// SPDX-License-Identifier: Apache-2.0
// takt drain and takt undrain: a worker takes no new jobs, before its host is worked on.
#include "base/units.h"
#include "cli/invocation.h"
#include "cli/json.h"
#include "cli/reason.h"
#include "cli/text.h"
#include "cli/verb.h"
#include "rpc/convert.h"

namespace takt::cli {
namespace {

constexpr auto kLookPause = seconds(1);

Result<v1::DrainWorkerRequest> make_request(const std::string& worker, const std::string& reason,
                                            const std::string& deadline, bool requeue) {
  v1::DrainWorkerRequest request;
  request.set_worker_id(worker);
  if (auto good = check_reason(reason); !good) return good.error();
  request.set_reason(reason);
  request.set_requeue(requeue);
  if (deadline.empty() && requeue)
    return invalid("--requeue", "is given without --deadline; say when jobs are stopped");
  if (deadline.empty()) return request;
  const auto span = parse_duration(deadline, "--deadline");
  if (!span) return span.error();
  if (*span > limits::kRunTimeLimitMax)
    return invalid("--deadline", in_quotes(deadline) + " is too long; up to 365 days is accepted");
  *request.mutable_deadline() = rpc::duration_to_proto(*span);
  return request;
}

// Waits until no job is on the worker; says for how many it waits, each time that changes.
int wait_until_empty(Invocation& call, Client& client, const v1::Worker& drained) {
  int told = -1;
  while (true) {
    const auto all = client.list_workers();
    if (!all) return call.fail("can't see how the drain goes", all.error());
    int running = 0;
    for (const v1::Worker& worker : all->workers())
      if (worker.worker_id() == drained.worker_id()) running = worker.running();
    if (running == 0) return 0;
    if (running != told)
      call.console().note("waits for " + std::to_string(running) +
                          (running == 1 ? " job on " : " jobs on ") + printable(drained.name()) +
                          " (takt list --worker " + printable(drained.name()) + ")");
    told = running;
    if (client.interrupts().wait(kLookPause, 0)) {
      call.console().note(printable(drained.name()) + " goes on draining; takt undrain ends that");
      return kExitInterrupted;
    }
  }
}

int run_drain(Invocation& call) {
  std::vector<std::string> workers;
  std::string reason, deadline;
  bool no_wait = false;
  bool requeue = false;
  call.operands(workers, 1);
  call.option("--reason", "TEXT", reason, "Why, in your words; takt workers shows it.");
  call.option("--deadline", "TIME", deadline,
              "Stop the jobs that are still there after so long, such as 30min.");
  call.flag("--requeue", requeue,
            "Put the jobs that are stopped then back into the queue, as if they had not run.");
  call.flag("--no-wait", no_wait, "Return at once; jobs that are there run on.");
  if (const auto end = call.parse()) return *end;
  const auto request = make_request(workers.front(), reason, deadline, requeue);
  if (!request) return call.usage(request.error());
  const std::string action = "can't drain worker " + in_quotes(workers.front());
  auto client = call.connect();
  if (!client) return call.fail(action, client.error());
  const auto response = (*client)->call(&v1::OperatorService::Stub::DrainWorker, *request);
  if (!response) return call.fail(action, response.error());
  if (call.json())
    if (const int failed = call.answer(to_json(*response) + "\n")) return failed;
  return no_wait ? 0 : wait_until_empty(call, **client, response->worker());
}

int run_undrain(Invocation& call) {
  std::vector<std::string> workers;
  call.operands(workers, 1);
  if (const auto end = call.parse()) return *end;
  const std::string action = "can't undrain worker " + in_quotes(workers.front());
  auto client = call.connect();
  if (!client) return call.fail(action, client.error());
  v1::UndrainWorkerRequest request;
  request.set_worker_id(workers.front());
  const auto response = (*client)->call(&v1::OperatorService::Stub::UndrainWorker, request);
  if (!response) return call.fail(action, response.error());
  return call.json() ? call.answer(to_json(*response) + "\n") : 0;
}

}  // namespace

constinit const Verb kDrainVerb = {
    .name = "drain",
    .group = "Workers",
    .operands = "WORKER",
    .summary = "let a worker take no new jobs, and wait until it has none",
    .examples =
        "  takt drain db-2 --reason \"new disk\" && ssh db-2 systemctl poweroff\n"
        "  takt drain db-2 --deadline 30min\n"
        "  takt drain db-2 --deadline 30min --requeue    # they run elsewhere, from the start\n"
        "  takt drain db-2 --no-wait    # cordon it: what runs, runs on\n",
    .details =
        "The worker stays drained, over restarts too, until takt undrain. Ctrl-C ends the "
        "waiting,\n"
        "not the drain. Jobs that are stopped at the deadline end as stopped, by who drained, "
        "unless\n"
        "they are put back into the queue; then they keep their age, and it is no attempt.\n"
        "For operators. With --json: a DrainWorkerResponse.\n",
    .run = run_drain,
};

constinit const Verb kUndrainVerb = {
    .name = "undrain",
    .group = "Workers",
    .operands = "WORKER",
    .summary = "let a drained worker take jobs again",
    .examples = "  takt undrain db-2\n",
    .details = "For operators. With --json: an UndrainWorkerResponse.\n",
    .run = run_undrain,
};

}  // namespace takt::cli
