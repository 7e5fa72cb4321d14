// SPDX-License-Identifier: Apache-2.0
// RetryJob: the spec of an ended job, with other resources if asked for, as a new job.
#include <utility>

#include "base/limits.h"
#include "rpc/convert_spec.h"
#include "scheduler/verbs.h"

namespace takt::scheduler {
namespace {

// What is asked for takes the place of what was.
void override_resources(v1::Resources& own, const v1::Resources& asked) {
  if (asked.cpu_millicores() != 0) own.set_cpu_millicores(asked.cpu_millicores());
  if (asked.memory_bytes() != 0) own.set_memory_bytes(asked.memory_bytes());
  if (asked.has_swap_bytes()) own.set_swap_bytes(asked.swap_bytes());
  if (asked.tasks() != 0) own.set_tasks(asked.tasks());
  for (const auto& [name, count] : asked.counted()) (*own.mutable_counted())[name] = count;
}

// Only the parts that did not succeed.
Result<void> only_unsuccessful(const Job& job, const std::vector<Part>& parts,
                               v1::JobSpec& message) {
  if (parts.empty())
    return make_error(
        ErrorCode::kFailedPrecondition,
        "all parts of job " + job.id.str() + " succeeded; submit it anew to run them once more");
  if (message.has_array()) {
    message.mutable_array()->clear_indexes();
    for (const Part& part : parts) message.mutable_array()->add_indexes(part.index);
    return {};
  }
  v1::Constraint* workers = message.add_constraints();
  workers->set_key("worker");
  workers->set_operator_(v1::CONSTRAINT_OPERATOR_IN);
  for (const Part& part : parts) workers->add_values(part.worker);
  return {};
}

// The spec to submit, or why there is none.
Result<JobSpec> spec_again(const Principal& principal, const Job& job,
                           const std::vector<Part>& unsuccessful, const v1::Resources& resources) {
  if (!has_ended(job.state))
    return make_error(ErrorCode::kFailedPrecondition, "job " + job.id.str() +
                                                          " has not ended (it is " +
                                                          std::string(state_name(job.state)) +
                                                          "); stop it first, or submit another");
  v1::JobSpec message = rpc::spec_to_proto(*job.spec);
  if (resources.ByteSizeLong() > 0) override_resources(*message.mutable_resources(), resources);
  message.clear_not_before_time();
  message.clear_hold();
  message.clear_dependencies();
  if (job.parts > 0 || job.part)
    if (auto parts = only_unsuccessful(job, unsuccessful, message); !parts) return parts.error();
  return checked_spec(principal, message, "");
}

Error input_removed(const Job& job) {
  return make_error(ErrorCode::kFailedPrecondition,
                    "the script and the input of job " + job.id.str() +
                        " were removed, since the scheduler's store was near store_max "
                        "(scheduler.conf); submit it again with them");
}

void submit_again(Core& core, const Principal& principal, const v1::RetryJobRequest& request,
                  Submission submission, const Job& job, const std::vector<Part>& unsuccessful,
                  const rpc::UnaryReply<v1::RetryJobResponse>& reply) {
  auto spec = spec_again(principal, job, unsuccessful, request.resources());
  if (!spec) return (void)reply.fail(spec.error());
  submission.specs.push_back(std::move(*spec));
  submission.retry_of = job.id;
  submission.has_gone = [reply] { return reply.over(); };
  submit(core, std::move(submission), [reply](const Result<Submitted>& submitted) {
    if (!submitted) return (void)reply.fail(submitted.error());
    v1::RetryJobResponse response;
    response.set_job_id(submitted->job_ids.front().str());
    reply.finish(std::move(response));
  });
}

}  // namespace

void retry_job(Core& core, const Principal& principal, const v1::RetryJobRequest& request,
               const rpc::UnaryReply<v1::RetryJobResponse>& reply) {
  const auto submission = new_submission(principal, request.request_id());
  if (!submission) {
    reply.fail(submission.error());
    return;
  }
  const auto again = [&core, principal, request, reply, submission = *submission](
                         const Job& job, const std::vector<Part>& unsuccessful) {
    submit_again(core, principal, request, submission, job, unsuccessful, reply);
  };
  const Asking who = ask_as(principal, rpc::Action::kRetryJob, reply);
  core.reads().job(who, request.job_id(), true,
                   [&core, who, reply, again](const Result<store::JobView>& view) {
                     if (!view) return (void)reply.fail(view.error());
                     const Job& job = view->job;
                     if (view->input_removed) return (void)reply.fail(input_removed(job));
                     if (job.part) return again(job, {*job.part});
                     if (job.parts == 0 || !has_ended(job.state)) return again(job, {});
                     core.reads().unsuccessful(
                         who, job.id, [reply, again, job](const Result<std::vector<Part>>& parts) {
                           if (!parts) return (void)reply.fail(parts.error());
                           again(job, *parts);
                         });
                   });
}

}  // namespace takt::scheduler
