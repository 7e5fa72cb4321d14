// SPDX-License-Identifier: Apache-2.0
// Verbs that do one thing to each job that is named, one after another. Guarantees: one that is
// refused does not keep the others from it; nobody in reach ends it.
#pragma once

#include <string>
#include <vector>

#include "cli/invocation.h"
#include "cli/json.h"
#include "cli/text.h"

namespace takt::cli {

// The exit code. `action` as in "can't pause job 6f0b"; the request is complete but for the job.
template <class Request, class Method>
int for_each_job(Invocation& call, const std::string& action, Method method, Request request,
                 const std::vector<std::string>& jobs) {
  auto client = call.connect();
  if (!client) return call.fail("can't " + action + " jobs", client.error());
  int code = 0;
  for (const std::string& name : jobs) {
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

// The same of a verb that has no options of its own: with its operands.
template <class Request, class Method>
int run_for_each_job(Invocation& call, const std::string& action, Method method) {
  std::vector<std::string> jobs;
  call.operands(jobs, limits::kClientJobsMax);
  if (const auto end = call.parse()) return *end;
  return for_each_job(call, action, method, Request(), jobs);
}

}  // namespace takt::cli
