// SPDX-License-Identifier: Apache-2.0
#include "cli/submission.h"

#include "base/uuid.h"
#include "cli/input.h"
#include "cli/text.h"
#include "rpc/convert_spec.h"

namespace takt::cli {

Result<v1::SubmitJobRequest> make_submission(Invocation& call, const SpecOptions& options,
                                             const std::string& request_id) {
  auto spec = options.build(call.command(), call.io());
  if (!spec) return spec.error();
  if (!options.no_stdin()) {
    auto input = read_input(call.io(), call.console());
    if (!input) return input.error();
    spec->stdin_data = std::move(*input);
    if (auto good = validate_spec(*spec); !good) return good.error().in("with standard input");
  }
  v1::SubmitJobRequest request;
  *request.mutable_spec() = rpc::spec_to_proto(*spec);
  request.set_request_id(request_id.empty() ? Uuid::random().str() : request_id);
  return request;
}

Result<void> find_dependencies(Client& client, const SpecOptions& options,
                               v1::SubmitJobRequest& request) {
  for (const JobCondition& asked : options.parts().conditions()) {
    const auto job = client.get_job(asked.job);
    if (!job) return job.error().in(asked.option + " " + in_quotes(asked.job));
    v1::Dependency* dependency = request.mutable_spec()->add_dependencies();
    dependency->set_job_id(job->job_id());
    dependency->set_condition(asked.condition);
  }
  return {};
}

}  // namespace takt::cli
