// SPDX-License-Identifier: Apache-2.0
// takt orphans: what workers run of this scheduler that is not on its record, and how that is ended
// or taken into it.
#include "cli/each_job.h"
#include "cli/reason.h"
#include "cli/status_block.h"
#include "cli/table.h"
#include "cli/verb.h"

namespace takt::cli {
namespace {

int print_orphans(Invocation& call) {
  auto client = call.connect();
  if (!client) return call.fail("can't list orphans", client.error());
  Layout layout;
  layout.screen = call.console().screen();
  layout.now = wall_now();
  Table table({"JOB", "ATTEMPT", "STATE", "WORKER", "USER", "AGE", "UNIT"}, layout.screen);
  v1::ListOrphansRequest request;
  do {
    const auto page = (*client)->call(&v1::OperatorService::Stub::ListOrphans, request);
    if (!page) return call.fail("can't list orphans", page.error());
    if (call.json())
      if (const int failed = call.answer(to_json(*page) + "\n")) return failed;
    for (const v1::Attempt& orphan : page->orphans())
      table.add({orphan.job_id(), std::to_string(orphan.number()), state_text(orphan.state()),
                 printable(orphan.worker_name()), printable(orphan.user()),
                 orphan.has_start_time() ? when_text(orphan.start_time(), layout) : "",
                 printable(orphan.unit())});
    request.set_page_token(page->next_page_token());
  } while (!request.page_token().empty());
  return call.json() ? 0 : call.answer(table.take());
}

template <class Request, class Method>
int for_each_orphan(Invocation& call, const std::string& action, Method method, Request request,
                    const std::vector<std::string>& jobs) {
  return for_each_named(call, action, "orphan", jobs,
                        [&](Client& client, const std::string& name) -> Result<std::string> {
                          request.set_job_id(name);
                          const auto response = client.call(method, request);
                          if (!response) return response.error();
                          return call.json() ? to_json(*response) + "\n" : std::string();
                        });
}

int run_orphans(Invocation& call) {
  std::vector<std::string> stop;
  std::vector<std::string> adopt;
  std::string reason;
  call.repeated("--stop", "JOB", stop, "Stop the orphan of this job. May be repeated.");
  call.repeated("--adopt", "JOB", adopt,
                "Take the orphan of this job into the record. May be repeated.");
  call.option("--reason", "TEXT", reason, "Why it is stopped, in your words.");
  if (const auto end = call.parse()) return *end;
  if (auto good = check_reason(reason); !good) return call.usage(good.error());
  if (!reason.empty() && stop.empty()) return call.usage("--reason is given without --stop");
  if (!stop.empty() && !adopt.empty())
    return call.usage("--stop and --adopt: one of them at a time");
  if (!adopt.empty())
    return for_each_orphan(call, "adopt", &v1::OperatorService::Stub::AdoptOrphan,
                           v1::AdoptOrphanRequest(), adopt);
  if (stop.empty()) return print_orphans(call);
  v1::StopOrphanRequest request;
  request.set_reason(reason);
  return for_each_orphan(call, "stop", &v1::OperatorService::Stub::StopOrphan, request, stop);
}

}  // namespace

constinit const Verb kOrphansVerb = {
    .name = "orphans",
    .group = "Workers",
    .operands = "",
    .summary = "list what workers run that is not on the scheduler's record",
    .examples =
        "  takt orphans\n"
        "  takt orphans --adopt 6f0b2c1e-8d3f-4f0e-9a57-0c1f7f7f2b61\n"
        "  takt orphans --stop 6f0b2c1e-8d3f-4f0e-9a57-0c1f7f7f2b61\n",
    .details =
        "There are some after an older backup was put back: jobs that were submitted after it. "
        "They run\n"
        "on, and their ends are not kept, until they are adopted: then the job is on record again, "
        "with\n"
        "its id, what it runs and who submitted it. It is one job, whatever it was a part of, for "
        "the\n"
        "worker that has it, and not tried again. A job that is on record and waits takes up what "
        "a\n"
        "worker has of it by itself.\n"
        "For operators. With --json: a ListOrphansResponse a page, or a StopOrphanResponse or\n"
        "AdoptOrphanResponse a line.\n",
    .run = run_orphans,
};

}  // namespace takt::cli
