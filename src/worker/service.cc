// SPDX-License-Identifier: Apache-2.0
#include "worker/service.h"

#include "base/limits.h"
#include "base/log.h"
#include "rpc/convert.h"
#include "rpc/convert_spec.h"
#include "worker/access.h"
#include "worker/policy.h"
#include "worker/usage.h"

namespace takt::worker {
namespace {

Result<Uuid> check_id(const std::string& job_id, int attempt) {
  if (attempt < 0) return invalid("attempt", std::to_string(attempt) + " is below 0");
  return Uuid::parse(job_id, "job_id");
}

// What a direct start asks for, all checks that need no state passed.
Result<StartRequest> read_start(const rpc::Caller& caller,
                                const v1::WorkerServiceStartJobRequest& request,
                                const Uuid& worker_id) {
  if (!request.job_id().empty())
    return invalid("job_id",
                   "the worker makes the id of a job; leave it out, and give a request_id so that "
                   "a repeated call runs nothing twice");
  if (request.request_id().size() > limits::kRequestIdMaxBytes)
    return invalid("request_id",
                   "is longer than " + std::to_string(limits::kRequestIdMaxBytes) + " bytes");
  auto spec = rpc::spec_from_proto(request.spec());
  if (!spec) return spec.error();
  if (auto at_once = rpc::refuse_waiting(request.spec()); !at_once) return at_once.error();
  Owner owner = Owner::direct(caller);
  const Uuid job_id = request.request_id().empty()
                          ? Uuid::random()
                          : owner.job_of_request(worker_id, request.request_id());
  return StartRequest{.key = {std::move(owner), {job_id, 1}},
                      .spec = std::move(*spec),
                      .submitted_by = caller.describe(),
                      .caller = caller};
}

}  // namespace

grpc::ServerUnaryReactor* WorkerServiceImpl::StartJob(
    grpc::CallbackServerContext* context, const v1::WorkerServiceStartJobRequest* request,
    v1::WorkerServiceStartJobResponse* response) {
  auto caller = guard_.admit(*context, rpc::Action::kWorkerStartJob, *request);
  if (!caller) return rpc::refuse(context, caller.error());
  auto share = guard_.take_call(*context, *caller, rpc::Action::kWorkerStartJob, *request);
  if (!share) return rpc::refuse(context, share.error());
  auto start = read_start(*caller, *request, parts_.core.state.worker_id());
  if (!start) return rpc::refuse(context, start.error());
  rpc::UnaryReply<v1::WorkerServiceStartJobResponse> reply(response, {}, std::move(*share));
  std::ignore = parts_.core.loop.post([parts = parts_, reply, start = std::move(*start)]() mutable {
    if (reply.over()) return;  // given up before anything was done
    if (auto may = may_start_directly(start.caller, parts.core.config); !may)
      return (void)reply.fail(may.error());
    const AttemptId id = start.key.id;
    const std::string by = start.submitted_by;
    auto taken = parts.starting.start(std::move(start), [reply](const Attempt& attempt) {
      v1::WorkerServiceStartJobResponse answer;
      *answer.mutable_attempt() = rpc::attempt_to_proto(attempt);
      reply.finish(std::move(answer));
    });
    if (!taken) return (void)reply.fail(taken.error());
    log_info("job " + id.str() + " was started directly by " + by,
             {{"TAKT_JOB_ID", id.job_id.str()}});
  });
  return reply.reactor();
}

grpc::ServerUnaryReactor* WorkerServiceImpl::StopJob(grpc::CallbackServerContext* context,
                                                     const v1::WorkerServiceStopJobRequest* request,
                                                     v1::WorkerServiceStopJobResponse* response) {
  auto caller = guard_.admit(*context, rpc::Action::kWorkerStopJob, *request);
  if (!caller) return rpc::refuse(context, caller.error());
  auto job_id = check_id(request->job_id(), request->attempt());
  if (!job_id) return rpc::refuse(context, job_id.error());
  if (request->reason().size() > limits::kReasonMaxBytes)
    return rpc::refuse(
        context,
        invalid("reason", "is longer than " + std::to_string(limits::kReasonMaxBytes) + " bytes"));
  attempt::StopRecord stop;
  stop.by = caller->describe();
  stop.reason = request->reason();
  if (request->has_grace()) {
    auto grace = rpc::duration_from_proto(request->grace(), "grace", limits::kStopGraceMax);
    if (!grace) return rpc::refuse(context, grace.error());
    stop.grace = *grace;
  }
  auto share = guard_.take_call(*context, *caller, rpc::Action::kWorkerStopJob, *request);
  if (!share) return rpc::refuse(context, share.error());
  rpc::UnaryReply<v1::WorkerServiceStopJobResponse> reply(response, {}, std::move(*share));
  std::ignore = parts_.core.loop.post(
      [parts = parts_, reply, stop, job_id = *job_id, number = request->attempt(), by = *caller] {
        const auto target = resolve(parts.core, by, rpc::Action::kWorkerStopJob, job_id, number);
        if (!target) return (void)reply.fail(target.error());
        auto found = find_attempt(parts.core, *target);
        if (!found) return (void)reply.fail(found.error());
        v1::WorkerServiceStopJobResponse answer;
        if (const LivePtr live = parts.core.attempts.find(target->key)) {
          if (auto stopped = parts.stopping.stop(live, stop); !stopped)
            return (void)reply.fail(stopped.error());
          found->state = live->record.state;
        }
        answer.set_state(rpc::state_to_proto(found->state));
        reply.finish(std::move(answer));
      });
  return reply.reactor();
}

template <class Request, class Response>
grpc::ServerUnaryReactor* WorkerServiceImpl::set_frozen(grpc::CallbackServerContext* context,
                                                        const Request* request, Response* response,
                                                        rpc::Action action, bool frozen) {
  auto caller = guard_.admit(*context, action, *request);
  if (!caller) return rpc::refuse(context, caller.error());
  auto job_id = check_id(request->job_id(), request->attempt());
  if (!job_id) return rpc::refuse(context, job_id.error());
  auto share = guard_.take_call(*context, *caller, action, *request);
  if (!share) return rpc::refuse(context, share.error());
  rpc::UnaryReply<Response> reply(response, {}, std::move(*share));
  std::ignore = parts_.core.loop.post([parts = parts_, reply, job_id = *job_id, frozen,
                                       number = request->attempt(), by = *caller, action] {
    const auto target = resolve(parts.core, by, action, job_id, number);
    if (!target) return (void)reply.fail(target.error());
    const LivePtr live = parts.core.attempts.find(target->key);
    if (!live)
      return (void)reply.fail(
          make_error(ErrorCode::kFailedPrecondition, "job " + job_id.str() + " has ended"));
    parts.pausing.set_frozen(live, frozen, [reply](const Result<void>& done) {
      if (!done) return (void)reply.fail(done.error());
      reply.finish(Response());
    });
  });
  return reply.reactor();
}

grpc::ServerUnaryReactor* WorkerServiceImpl::PauseJob(
    grpc::CallbackServerContext* context, const v1::WorkerServicePauseJobRequest* request,
    v1::WorkerServicePauseJobResponse* response) {
  return set_frozen(context, request, response, rpc::Action::kWorkerPauseJob, true);
}

grpc::ServerUnaryReactor* WorkerServiceImpl::ResumeJob(
    grpc::CallbackServerContext* context, const v1::WorkerServiceResumeJobRequest* request,
    v1::WorkerServiceResumeJobResponse* response) {
  return set_frozen(context, request, response, rpc::Action::kWorkerResumeJob, false);
}

grpc::ServerUnaryReactor* WorkerServiceImpl::QueryJob(grpc::CallbackServerContext* context,
                                                      const v1::QueryJobRequest* request,
                                                      v1::QueryJobResponse* response) {
  auto caller = guard_.admit(*context, rpc::Action::kWorkerQueryJob, *request);
  if (!caller) return rpc::refuse(context, caller.error());
  auto job_id = check_id(request->job_id(), request->attempt());
  if (!job_id) return rpc::refuse(context, job_id.error());
  auto share = guard_.take_call(*context, *caller, rpc::Action::kWorkerQueryJob, *request);
  if (!share) return rpc::refuse(context, share.error());
  rpc::UnaryReply<v1::QueryJobResponse> reply(response, {}, std::move(*share));
  std::ignore = parts_.core.loop.post(
      [parts = parts_, reply, job_id = *job_id, number = request->attempt(), by = *caller] {
        if (reply.over()) return;
        const auto target = resolve(parts.core, by, rpc::Action::kWorkerQueryJob, job_id, number);
        if (!target) return (void)reply.fail(target.error());
        if (const LivePtr live = parts.core.attempts.find(target->key)) refresh_usage(*live);
        const auto found = find_attempt(parts.core, *target);
        if (!found) return (void)reply.fail(found.error());
        v1::QueryJobResponse answer;
        *answer.mutable_attempt() = rpc::attempt_to_proto(*found);
        reply.finish(std::move(answer));
      });
  return reply.reactor();
}

grpc::ServerWriteReactor<v1::WorkerServiceReadOutputResponse>* WorkerServiceImpl::ReadOutput(
    grpc::CallbackServerContext* context, const v1::WorkerServiceReadOutputRequest* request) {
  auto caller = guard_.admit(*context, rpc::Action::kWorkerReadOutput, *request);
  if (!caller) return rpc::refuse_stream<OutputMessage>(caller.error());
  auto share =
      guard_.take_stream(*context, rpc::Share::kReaders, *caller, rpc::Action::kWorkerReadOutput);
  if (!share) return rpc::refuse_stream<OutputMessage>(share.error());
  return parts_.outputs.read(*caller, *request, std::move(*share));
}

grpc::ServerBidiReactor<v1::SessionRequest, v1::SessionResponse>* WorkerServiceImpl::Session(
    grpc::CallbackServerContext* context) {
  auto caller = guard_.admit_stream(*context, rpc::Action::kWorkerSession);
  if (!caller) return rpc::refuse_bidi<v1::SessionRequest, v1::SessionResponse>(caller.error());
  return parts_.sessions.accept(*caller);
}

}  // namespace takt::worker
