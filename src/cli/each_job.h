// SPDX-License-Identifier: Apache-2.0
// Verbs that do one thing to each job or worker that is named, one after another. Guarantees: one
// that is refused does not keep the others from it; nobody in reach ends it.
#pragma once

#include <string>
#include <vector>

#include "cli/invocation.h"
#include "cli/json.h"
#include "cli/selection.h"
#include "cli/text.h"

namespace takt::cli {

// Has `one(client, name)` act on each name and print the text that it gives; the exit code.
// `action` and `noun` as in "can't pause job 6f0b".
template <class One>
int for_each_named(Invocation& call, Client& client, const std::string& action,
                   const std::string& noun, const std::vector<std::string>& names, One one) {
  int code = 0;
  for (const std::string& name : names) {
    const Result<std::string> text = one(client, name);
    if (!text) {
      code = call.fail("can't " + action + " " + noun + " " + in_quotes(name), text.error());
      if (out_of_reach(text.error())) return code;
    } else if (const int failed = text->empty() ? 0 : call.answer(*text)) {
      return failed;
    }
  }
  return code;
}

// The same, connecting first.
template <class One>
int for_each_named(Invocation& call, const std::string& action, const std::string& noun,
                   const std::vector<std::string>& names, One one) {
  auto client = call.connect();
  if (!client) return call.fail("can't " + action + " " + noun + "s", client.error());
  return for_each_named(call, **client, action, noun, names, one);
}

// The same by one RPC, quiet but with --json, of jobs that are selected. The request is complete
// but for the job.
template <class Request, class Method>
int for_each_job(Invocation& call, const std::string& action, Method method, Request request,
                 const Selection& selection) {
  if (auto good = selection.check(); !good) return call.usage(good.error());
  auto client = call.connect();
  if (!client) return call.fail("can't " + action + " jobs", client.error());
  const auto jobs = selection.resolve(**client);
  if (!jobs) return call.fail("can't " + action + " jobs", jobs.error());
  if (jobs->empty()) call.console().note("no job that has not ended carries these labels.");
  return for_each_named(call, **client, action, "job", *jobs,
                        [&](Client& to, const std::string& name) -> Result<std::string> {
                          request.set_job_id(name);
                          const auto response = to.call(method, request);
                          if (!response) return response.error();
                          return call.json() ? to_json(*response) + "\n" : std::string();
                        });
}

// The same of a verb that has no options of its own.
template <class Request, class Method>
int run_for_each_job(Invocation& call, const std::string& action, Method method) {
  Selection selection;
  selection.declare(call);
  if (const auto end = call.parse()) return *end;
  return for_each_job(call, action, method, Request(), selection);
}

}  // namespace takt::cli
