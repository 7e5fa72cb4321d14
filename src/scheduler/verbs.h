// SPDX-License-Identifier: Apache-2.0
// What each RPC does, one file a verb. Each is called on a gRPC thread, for a principal that may
// call it, answers later, and checks all of its request before anything happens.
#pragma once

#include "job/principal.h"
#include "rpc/shares.h"
#include "rpc/unary.h"
#include "scheduler/core.h"
#include "scheduler/reads.h"
#include "takt/v1/job_service.grpc.pb.h"
#include "takt/v1/operator_service.grpc.pb.h"
#include "takt/v1/registry_service.grpc.pb.h"

namespace takt::scheduler {

void submit_job(Core& core, const Principal& principal, const v1::SubmitJobRequest& request,
                const rpc::UnaryReply<v1::SubmitJobResponse>& reply);
void submit_jobs(Core& core, const Principal& principal, const v1::SubmitJobsRequest& request,
                 const rpc::UnaryReply<v1::SubmitJobsResponse>& reply);
void get_job(Core& core, const Principal& principal, const v1::GetJobRequest& request,
             const rpc::UnaryReply<v1::GetJobResponse>& reply);
void list_jobs(Core& core, const Principal& principal, const v1::ListJobsRequest& request,
               const rpc::UnaryReply<v1::ListJobsResponse>& reply);
void count_jobs(Core& core, const rpc::UnaryReply<v1::CountJobsResponse>& reply);
// `uses`: what that holder holds, by rpc::Guard::uses().
void get_limits(Core& core, const Principal& principal, const v1::GetLimitsRequest& request,
                const std::function<std::vector<rpc::ShareUse>(const rpc::ShareHolder&)>& uses,
                const rpc::UnaryReply<v1::GetLimitsResponse>& reply);
void stop_job(Core& core, const Principal& principal, const v1::StopJobRequest& request,
              const rpc::UnaryReply<v1::StopJobResponse>& reply);
void pause_job(Core& core, const Principal& principal, const v1::PauseJobRequest& request,
               const rpc::UnaryReply<v1::PauseJobResponse>& reply);
void resume_job(Core& core, const Principal& principal, const v1::ResumeJobRequest& request,
                const rpc::UnaryReply<v1::ResumeJobResponse>& reply);
void hold_job(Core& core, const Principal& principal, const v1::HoldJobRequest& request,
              const rpc::UnaryReply<v1::HoldJobResponse>& reply);
void release_job(Core& core, const Principal& principal, const v1::ReleaseJobRequest& request,
                 const rpc::UnaryReply<v1::ReleaseJobResponse>& reply);
void update_job(Core& core, const Principal& principal, const v1::UpdateJobRequest& request,
                const rpc::UnaryReply<v1::UpdateJobResponse>& reply);
void retry_job(Core& core, const Principal& principal, const v1::RetryJobRequest& request,
               const rpc::UnaryReply<v1::RetryJobResponse>& reply);
void explain_job(Core& core, const Principal& principal, const v1::ExplainJobRequest& request,
                 const rpc::UnaryReply<v1::ExplainJobResponse>& reply);
void plan_job(Core& core, const Principal& principal, const v1::PlanJobRequest& request,
              const rpc::UnaryReply<v1::PlanJobResponse>& reply);
void drain_worker(Core& core, const Principal& principal, const v1::DrainWorkerRequest& request,
                  const rpc::UnaryReply<v1::DrainWorkerResponse>& reply);
void undrain_worker(Core& core, const Principal& principal, const v1::UndrainWorkerRequest& request,
                    const rpc::UnaryReply<v1::UndrainWorkerResponse>& reply);
void forget_worker(Core& core, const Principal& principal, const v1::ForgetWorkerRequest& request,
                   const rpc::UnaryReply<v1::ForgetWorkerResponse>& reply);
void list_orphans(Core& core, const v1::ListOrphansRequest& request,
                  const rpc::UnaryReply<v1::ListOrphansResponse>& reply);
void stop_orphan(Core& core, const Principal& principal, const v1::StopOrphanRequest& request,
                 const rpc::UnaryReply<v1::StopOrphanResponse>& reply);
void adopt_orphan(Core& core, const Principal& principal, const v1::AdoptOrphanRequest& request,
                  const rpc::UnaryReply<v1::AdoptOrphanResponse>& reply);
void list_workers(Core& core, const Principal& principal, const v1::ListWorkersRequest& request,
                  const rpc::UnaryReply<v1::ListWorkersResponse>& reply);
void register_worker(Core& core, const Principal& principal,
                     const v1::RegisterWorkerRequest& request,
                     const rpc::UnaryReply<v1::RegisterWorkerResponse>& reply);
void deregister_worker(Core& core, const Principal& principal,
                       const v1::DeregisterWorkerRequest& request,
                       const rpc::UnaryReply<v1::DeregisterWorkerResponse>& reply);

// `share` is held until the stream is over.
grpc::ServerWriteReactor<v1::WatchJobsResponse>* watch_jobs(Core& core, const Principal& principal,
                                                            const v1::WatchJobsRequest& request,
                                                            rpc::ShareLease share = {});
grpc::ServerWriteReactor<v1::ReadOutputResponse>* read_output(Core& core,
                                                              const Principal& principal,
                                                              const v1::ReadOutputRequest& request,
                                                              rpc::StreamShare share = {});

// Finds the job that `key` names, for a principal that may act on it by that RPC, and runs `act` on
// the loop with its id; else calls `fail`, once. One that has not ended is found in memory by its
// whole id (and index), and waits for no read.
void with_job(Core& core, const Asking& asking, const std::string& key,
              std::function<void(const Error&)> fail, std::function<void(const Uuid&)> act);

// As with_job(), for what changes the job with its parts: where it has parts, in its turn
// (ChangeDesk).
void change_job(Core& core, const Asking& asking, const std::string& key,
                std::function<void(const Error&)> fail, std::function<void(const Uuid&)> change);

// Answers with what the loop's state shows, once that is on disk. On the loop.
template <class Response>
void answer_committed(Core& core, const rpc::UnaryReply<Response>& reply,
                      Result<Response> response = Response()) {
  core.ledger().after_commit(
      [reply, response = std::move(response)](const Result<void>& committed) {
        if (!committed) {
          reply.fail(committed.error());
        } else {
          reply.finish(response);
        }
      });
}

// The job and those of its parts that have not ended. On the loop.
std::vector<Uuid> with_parts(Core& core, const Uuid& id);

// kFailedPrecondition if the job has parts: what is asked for can be done to one of them only.
Result<void> is_no_whole(const Job& job, const std::string& what);

// A spec as it may be taken from this principal; fields in errors begin with `prefix`.
Result<JobSpec> checked_spec(const Principal& principal, const v1::JobSpec& message,
                             const std::string& prefix);

// A submission of this principal, without specs. kInvalid for a bad request id.
Result<Submission> new_submission(const Principal& principal, const std::string& request_id);

// Takes it on the loop; calls `done` once.
void submit(Core& core, Submission submission, const SubmitDesk::Done& done);

// kInvalid if it is too long to be kept.
Result<void> check_reason(const std::string& reason);

// A job as it is sent, with the sign of an unreachable worker.
v1::Job view_to_proto(const store::JobView& view);

// Fills in what running jobs use now, which is in no store, then calls `done`: on the loop, or at
// once if nothing of it runs.
void with_live_usage(Core& core, std::vector<v1::Job> jobs,
                     std::function<void(std::vector<v1::Job>)> done);

}  // namespace takt::scheduler
