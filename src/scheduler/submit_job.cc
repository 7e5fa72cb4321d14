// SPDX-License-Identifier: Apache-2.0
// SubmitJob and SubmitJobs: everything is checked here; the desk takes the jobs on the loop.
#include <algorithm>
#include <cstdint>
#include <utility>

#include "base/limits.h"
#include "rpc/caller.h"
#include "rpc/convert_spec.h"
#include "scheduler/verbs.h"

namespace takt::scheduler {
namespace {

// Whose user the job runs as. Left empty, the worker takes its default user: that is what root
// gets, since root is refused on workers unless they say otherwise.
Result<void> decide_user(const Principal& principal, JobSpec& spec, const std::string& field) {
  const std::string own = principal.is_local() ? principal.user_name : "";
  if (spec.user.empty()) {
    if (principal.is_local() && principal.uid != 0 && own.empty())
      return Error{ErrorCode::kPermissionDenied, field + ": " + rpc::no_name(principal.uid), field,
                   0};
    if (principal.uid != 0) spec.user = own;
    return {};
  }
  if (spec.user == own || principal.is_operator()) return {};
  return Error{ErrorCode::kPermissionDenied,
               field + ": " + principal.display_name() + " may not run jobs as \"" + spec.user +
                   "\"; leave it empty, or have an operator submit the job",
               field, 0};
}

// What one request may set in motion, counted from its specs before anything is made of them.
// A spec that fans out is counted where the workers are known (SubmitDesk).
Result<void> check_extent(const v1::SubmitJobsRequest& request) {
  const auto count = static_cast<std::size_t>(request.specs_size());
  if (count == 0 || count > limits::kSubmitJobsMax)
    return invalid("specs", "has " + std::to_string(count) + " entries; 1 to " +
                                std::to_string(limits::kSubmitJobsMax) + " are accepted");
  std::int64_t tasks = 0;
  std::size_t fan_outs = 0;
  std::size_t dependencies = 0;
  for (const v1::JobSpec& spec : request.specs()) {
    const v1::Array& array = spec.array();
    tasks += std::max(1, array.indexes_size() > 0 ? array.indexes_size() : array.count());
    fan_outs += spec.one_per_worker() ? 1U : 0U;
    dependencies += static_cast<std::size_t>(spec.dependencies_size());
  }
  if (tasks > limits::kTasksPerRequestMax) return too_many_tasks(tasks);
  if (fan_outs > limits::kFanOutsPerRequestMax)
    return invalid("specs", std::to_string(fan_outs) + " of them have one_per_worker; at most " +
                                std::to_string(limits::kFanOutsPerRequestMax) +
                                " in one request are accepted");
  if (dependencies > limits::kDependenciesPerRequestMax)
    return invalid("specs", "have " + std::to_string(dependencies) +
                                " dependencies together; at most " +
                                std::to_string(limits::kDependenciesPerRequestMax) +
                                " in one request are accepted");
  return {};
}

// Among whose requests a request_id is looked for.
std::string submitter_of(const Principal& principal) {
  if (principal.is_local()) return "uid " + std::to_string(principal.uid);
  return principal.is_tls() ? principal.certificate : "tcp";
}

}  // namespace

Result<Submission> new_submission(const Principal& principal, const std::string& request_id) {
  if (request_id.size() > limits::kRequestIdMaxBytes) {
    return invalid("request_id", "has " + std::to_string(request_id.size()) + " bytes; at most " +
                                     std::to_string(limits::kRequestIdMaxBytes) + " are accepted");
  }
  Submission submission;
  submission.principal = principal;
  submission.submitter = submitter_of(principal);
  submission.submitted_by = principal.display_name();
  submission.submit_user = principal.account();
  submission.by_operator = principal.is_operator();
  submission.request_id = request_id;
  return submission;
}

void submit(Core& core, Submission submission, const SubmitDesk::Done& done) {
  core.run(
      [&core, submission = std::move(submission), done] { core.desk().submit(submission, done); },
      [done](const Error& error) { done(error); });
}

Result<JobSpec> checked_spec(const Principal& principal, const v1::JobSpec& message,
                             const std::string& prefix) {
  if (message.ByteSizeLong() > limits::kSpecMaxBytes) {
    return invalid(prefix + "spec", "has " + std::to_string(message.ByteSizeLong()) +
                                        " bytes; at most " + std::to_string(limits::kSpecMaxBytes) +
                                        " are accepted");
  }
  auto spec = rpc::spec_from_proto(message);
  if (!spec) {
    Error error = spec.error();
    error.field = prefix + error.field;
    return error;
  }
  if (auto decided = decide_user(principal, *spec, prefix + "spec.user"); !decided)
    return decided.error();
  if (principal.is_operator()) return spec;
  if (auto may = check_for_user(*spec); !may) {
    Error error = may.error();
    error.field = prefix + error.field;
    return error;
  }
  return spec;
}

void submit_job(Core& core, const Principal& principal, const v1::SubmitJobRequest& request,
                const rpc::UnaryReply<v1::SubmitJobResponse>& reply) {
  auto submission = new_submission(principal, request.request_id());
  if (!submission) {
    reply.fail(submission.error());
    return;
  }
  auto spec = checked_spec(principal, request.spec(), "");
  if (!spec) {
    reply.fail(spec.error());
    return;
  }
  submission->specs.push_back(std::move(*spec));
  submission->has_gone = [reply] { return reply.over(); };
  submit(core, std::move(*submission), [reply](const Result<Submitted>& submitted) {
    if (!submitted) {
      reply.fail(submitted.error());
      return;
    }
    v1::SubmitJobResponse response;
    response.set_job_id(submitted->job_ids.front().str());
    response.set_revision(submitted->revision);
    reply.finish(std::move(response));
  });
}

void submit_jobs(Core& core, const Principal& principal, const v1::SubmitJobsRequest& request,
                 const rpc::UnaryReply<v1::SubmitJobsResponse>& reply) {
  auto submission = new_submission(principal, request.request_id());
  if (!submission) {
    reply.fail(submission.error());
    return;
  }
  if (auto good = check_extent(request); !good) {
    reply.fail(good.error());
    return;
  }
  for (int at = 0; at < request.specs_size(); ++at) {
    auto spec = checked_spec(principal, request.specs(at), "specs[" + std::to_string(at) + "].");
    if (!spec) {
      reply.fail(spec.error());
      return;
    }
    submission->specs.push_back(std::move(*spec));
  }
  submission->has_gone = [reply] { return reply.over(); };
  submit(core, std::move(*submission), [reply](const Result<Submitted>& submitted) {
    if (!submitted) {
      reply.fail(submitted.error());
      return;
    }
    v1::SubmitJobsResponse response;
    for (const Uuid& id : submitted->job_ids) response.add_job_ids(id.str());
    reply.finish(std::move(response));
  });
}

}  // namespace takt::scheduler
