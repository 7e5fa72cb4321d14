// SPDX-License-Identifier: Apache-2.0
#include "scheduler/services.h"

#include <memory>
#include <utility>

#include "rpc/authorize.h"
#include "rpc/status.h"
#include "rpc/stream_writer.h"
#include "rpc/unary.h"
#include "scheduler/verbs.h"

namespace takt::scheduler {
namespace {

using grpc::CallbackServerContext;
using grpc::ServerUnaryReactor;
using grpc::ServerWriteReactor;
using rpc::Action;

// Lets `verb(principal, reply)` answer, if the principal may and the request is well formed.
template <class Response, class Verb>
ServerUnaryReactor* admit(const rpc::Guard& guard, CallbackServerContext* context, Action action,
                          const google::protobuf::Message& request, Response* response, Verb verb) {
  const auto principal = guard.admit(*context, action, request);
  if (!principal) return rpc::refuse(context, principal.error());
  auto share = guard.take_call(*context, *principal, action, request);
  if (!share) return rpc::refuse(context, share.error());
  const rpc::UnaryReply<Response> reply(response, {}, std::move(*share));
  ServerUnaryReactor* const reactor = reply.reactor();
  verb(*principal, reply);
  return reactor;
}

class JobService final : public v1::JobService::CallbackService {
 public:
  JobService(Core& core, rpc::Guard guard) : core_(core), guard_(std::move(guard)) {}

  ServerUnaryReactor* SubmitJob(CallbackServerContext* context, const v1::SubmitJobRequest* request,
                                v1::SubmitJobResponse* response) override {
    return admit(guard_, context, Action::kSubmitJob, *request, response,
                 [&](const auto& principal, const auto& reply) {
                   submit_job(core_, principal, *request, reply);
                 });
  }
  ServerUnaryReactor* SubmitJobs(CallbackServerContext* context,
                                 const v1::SubmitJobsRequest* request,
                                 v1::SubmitJobsResponse* response) override {
    return admit(guard_, context, Action::kSubmitJobs, *request, response,
                 [&](const auto& principal, const auto& reply) {
                   submit_jobs(core_, principal, *request, reply);
                 });
  }
  ServerUnaryReactor* GetJob(CallbackServerContext* context, const v1::GetJobRequest* request,
                             v1::GetJobResponse* response) override {
    return admit(guard_, context, Action::kGetJob, *request, response,
                 [&](const auto& principal, const auto& reply) {
                   get_job(core_, principal, *request, reply);
                 });
  }
  ServerUnaryReactor* ListJobs(CallbackServerContext* context, const v1::ListJobsRequest* request,
                               v1::ListJobsResponse* response) override {
    return admit(guard_, context, Action::kListJobs, *request, response,
                 [&](const auto& principal, const auto& reply) {
                   list_jobs(core_, principal, *request, reply);
                 });
  }
  ServerUnaryReactor* CountJobs(CallbackServerContext* context, const v1::CountJobsRequest* request,
                                v1::CountJobsResponse* response) override {
    return admit(guard_, context, Action::kCountJobs, *request, response,
                 [&](const auto&, const auto& reply) { count_jobs(core_, reply); });
  }
  ServerUnaryReactor* GetLimits(CallbackServerContext* context, const v1::GetLimitsRequest* request,
                                v1::GetLimitsResponse* response) override {
    return admit(guard_, context, Action::kGetLimits, *request, response,
                 [&](const auto& principal, const auto& reply) {
                   const auto uses = [&](const auto& holder) { return guard_.uses(holder); };
                   get_limits(core_, principal, *request, uses, reply);
                 });
  }
  ServerUnaryReactor* StopJob(CallbackServerContext* context, const v1::StopJobRequest* request,
                              v1::StopJobResponse* response) override {
    return admit(guard_, context, Action::kStopJob, *request, response,
                 [&](const auto& principal, const auto& reply) {
                   stop_job(core_, principal, *request, reply);
                 });
  }
  ServerUnaryReactor* PauseJob(CallbackServerContext* context, const v1::PauseJobRequest* request,
                               v1::PauseJobResponse* response) override {
    return admit(guard_, context, Action::kPauseJob, *request, response,
                 [&](const auto& principal, const auto& reply) {
                   pause_job(core_, principal, *request, reply);
                 });
  }
  ServerUnaryReactor* ResumeJob(CallbackServerContext* context, const v1::ResumeJobRequest* request,
                                v1::ResumeJobResponse* response) override {
    return admit(guard_, context, Action::kResumeJob, *request, response,
                 [&](const auto& principal, const auto& reply) {
                   resume_job(core_, principal, *request, reply);
                 });
  }
  ServerUnaryReactor* RetryJob(CallbackServerContext* context, const v1::RetryJobRequest* request,
                               v1::RetryJobResponse* response) override {
    return admit(guard_, context, Action::kRetryJob, *request, response,
                 [&](const auto& principal, const auto& reply) {
                   retry_job(core_, principal, *request, reply);
                 });
  }
  ServerUnaryReactor* HoldJob(CallbackServerContext* context, const v1::HoldJobRequest* request,
                              v1::HoldJobResponse* response) override {
    return admit(guard_, context, Action::kHoldJob, *request, response,
                 [&](const auto& principal, const auto& reply) {
                   hold_job(core_, principal, *request, reply);
                 });
  }
  ServerUnaryReactor* ReleaseJob(CallbackServerContext* context,
                                 const v1::ReleaseJobRequest* request,
                                 v1::ReleaseJobResponse* response) override {
    return admit(guard_, context, Action::kReleaseJob, *request, response,
                 [&](const auto& principal, const auto& reply) {
                   release_job(core_, principal, *request, reply);
                 });
  }
  ServerUnaryReactor* UpdateJob(CallbackServerContext* context, const v1::UpdateJobRequest* request,
                                v1::UpdateJobResponse* response) override {
    return admit(guard_, context, Action::kUpdateJob, *request, response,
                 [&](const auto& principal, const auto& reply) {
                   update_job(core_, principal, *request, reply);
                 });
  }
  ServerUnaryReactor* ExplainJob(CallbackServerContext* context,
                                 const v1::ExplainJobRequest* request,
                                 v1::ExplainJobResponse* response) override {
    return admit(guard_, context, Action::kExplainJob, *request, response,
                 [&](const auto& principal, const auto& reply) {
                   explain_job(core_, principal, *request, reply);
                 });
  }
  ServerUnaryReactor* PlanJob(CallbackServerContext* context, const v1::PlanJobRequest* request,
                              v1::PlanJobResponse* response) override {
    return admit(guard_, context, Action::kPlanJob, *request, response,
                 [&](const auto& principal, const auto& reply) {
                   plan_job(core_, principal, *request, reply);
                 });
  }
  ServerWriteReactor<v1::WatchJobsResponse>* WatchJobs(
      CallbackServerContext* context, const v1::WatchJobsRequest* request) override {
    const auto principal = guard_.admit(*context, Action::kWatchJobs, *request);
    if (!principal) return rpc::refuse_stream<v1::WatchJobsResponse>(principal.error());
    auto share = guard_.take(rpc::Share::kWatchers, *principal);
    if (!share) return rpc::refuse_stream<v1::WatchJobsResponse>(share.error());
    return watch_jobs(core_, *principal, *request, std::move(*share));
  }
  ServerWriteReactor<v1::ReadOutputResponse>* ReadOutput(
      CallbackServerContext* context, const v1::ReadOutputRequest* request) override {
    const auto principal = guard_.admit(*context, Action::kReadOutput, *request);
    if (!principal) return rpc::refuse_stream<v1::ReadOutputResponse>(principal.error());
    auto share =
        guard_.take_stream(*context, rpc::Share::kReaders, *principal, Action::kReadOutput);
    if (!share) return rpc::refuse_stream<v1::ReadOutputResponse>(share.error());
    return read_output(core_, *principal, *request, std::move(*share));
  }

 private:
  Core& core_;
  const rpc::Guard guard_;
};

class OperatorService final : public v1::OperatorService::CallbackService {
 public:
  OperatorService(Core& core, rpc::Guard guard) : core_(core), guard_(std::move(guard)) {}

  ServerUnaryReactor* ListWorkers(CallbackServerContext* context,
                                  const v1::ListWorkersRequest* request,
                                  v1::ListWorkersResponse* response) override {
    return admit(guard_, context, Action::kListWorkers, *request, response,
                 [&](const auto& principal, const auto& reply) {
                   list_workers(core_, principal, *request, reply);
                 });
  }
  ServerUnaryReactor* DrainWorker(CallbackServerContext* context,
                                  const v1::DrainWorkerRequest* request,
                                  v1::DrainWorkerResponse* response) override {
    return admit(guard_, context, Action::kDrainWorker, *request, response,
                 [&](const auto& principal, const auto& reply) {
                   drain_worker(core_, principal, *request, reply);
                 });
  }
  ServerUnaryReactor* UndrainWorker(CallbackServerContext* context,
                                    const v1::UndrainWorkerRequest* request,
                                    v1::UndrainWorkerResponse* response) override {
    return admit(guard_, context, Action::kUndrainWorker, *request, response,
                 [&](const auto& principal, const auto& reply) {
                   undrain_worker(core_, principal, *request, reply);
                 });
  }
  ServerUnaryReactor* ForgetWorker(CallbackServerContext* context,
                                   const v1::ForgetWorkerRequest* request,
                                   v1::ForgetWorkerResponse* response) override {
    return admit(guard_, context, Action::kForgetWorker, *request, response,
                 [&](const auto& principal, const auto& reply) {
                   forget_worker(core_, principal, *request, reply);
                 });
  }
  ServerUnaryReactor* ListOrphans(CallbackServerContext* context,
                                  const v1::ListOrphansRequest* request,
                                  v1::ListOrphansResponse* response) override {
    return admit(guard_, context, Action::kListOrphans, *request, response,
                 [&](const auto&, const auto& reply) { list_orphans(core_, *request, reply); });
  }
  ServerUnaryReactor* StopOrphan(CallbackServerContext* context,
                                 const v1::StopOrphanRequest* request,
                                 v1::StopOrphanResponse* response) override {
    return admit(guard_, context, Action::kStopOrphan, *request, response,
                 [&](const auto& principal, const auto& reply) {
                   stop_orphan(core_, principal, *request, reply);
                 });
  }
  ServerUnaryReactor* AdoptOrphan(CallbackServerContext* context,
                                  const v1::AdoptOrphanRequest* request,
                                  v1::AdoptOrphanResponse* response) override {
    return admit(guard_, context, Action::kAdoptOrphan, *request, response,
                 [&](const auto& principal, const auto& reply) {
                   adopt_orphan(core_, principal, *request, reply);
                 });
  }

 private:
  Core& core_;
  const rpc::Guard guard_;
};

class RegistryService final : public v1::RegistryService::CallbackService {
 public:
  RegistryService(Core& core, rpc::Guard guard) : core_(core), guard_(std::move(guard)) {}

  ServerUnaryReactor* RegisterWorker(CallbackServerContext* context,
                                     const v1::RegisterWorkerRequest* request,
                                     v1::RegisterWorkerResponse* response) override {
    return admit(guard_, context, Action::kRegisterWorker, *request, response,
                 [&](const auto& principal, const auto& reply) {
                   register_worker(core_, principal, *request, reply);
                 });
  }
  ServerUnaryReactor* DeregisterWorker(CallbackServerContext* context,
                                       const v1::DeregisterWorkerRequest* request,
                                       v1::DeregisterWorkerResponse* response) override {
    return admit(guard_, context, Action::kDeregisterWorker, *request, response,
                 [&](const auto& principal, const auto& reply) {
                   deregister_worker(core_, principal, *request, reply);
                 });
  }

 private:
  Core& core_;
  const rpc::Guard guard_;
};

}  // namespace

rpc::ServiceFactory make_services(Core& core, const std::shared_ptr<rpc::Shares>& shares,
                                  rpc::UserNames& names) {
  return [&core, shares, &names](const Principal& principal) {
    const rpc::Guard guard(principal, shares, names);
    std::vector<std::unique_ptr<grpc::Service>> services;
    services.push_back(std::make_unique<JobService>(core, guard));
    services.push_back(std::make_unique<OperatorService>(core, guard));
    services.push_back(std::make_unique<RegistryService>(core, guard));
    return services;
  };
}

std::vector<std::string> service_names() {
  return {v1::JobService::service_full_name(), v1::OperatorService::service_full_name(),
          v1::RegistryService::service_full_name()};
}

}  // namespace takt::scheduler
