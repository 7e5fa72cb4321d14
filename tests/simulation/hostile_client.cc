// SPDX-License-Identifier: Apache-2.0
#include "simulation/hostile_client.h"

#include <utility>

#include "base/limits.h"
#include "scheduler/verbs.h"

namespace takt::sim {
namespace {

using rpc::Action;

// As the daemon knows the caller; where nothing asks who calls about jobs, as root.
rpc::Caller caller_of(rpc::Action action) {
  rpc::Caller caller = mallory();
  if (is_planted(Plant::kEveryAccountIsRoot) && action <= Action::kReadOutput)
    caller.every_role = true;
  return caller;
}

}  // namespace

template <class Request, class Response>
void HostileClient::send(rpc::Action action, const Request& request,
                         void (*verb)(scheduler::Core&, const Principal&, const Request&,
                                      const rpc::UnaryReply<Response>&),
                         std::function<void(const grpc::Status&, const Response&)> done) {
  const rpc::Caller caller = caller_of(action);
  const auto shared = std::make_shared<const Request>(request);
  call<Response>(
      scheduler_, path_, calls_,
      [caller, shared, verb](scheduler::Core& core, const auto& reply) {
        verb(core, caller, *shared, reply);
      },
      std::move(done), admission(caller, action, shared));
}

template <class Request, class Response>
void HostileClient::try_out(rpc::Action action, const Request& request, bool must_fail,
                            void (*verb)(scheduler::Core&, const Principal&, const Request&,
                                         const rpc::UnaryReply<Response>&)) {
  send<Request, Response>(
      action, request, verb, [action, must_fail](const grpc::Status& status, const Response&) {
        World::the().note("hostile " + std::string(rpc::action_name(action)) + ": " +
                          (status.ok() ? "granted" : status.error_message()));
        if (status.ok() && must_fail)
          World::the().broken("an account is granted what it must not have: " +
                              std::string(rpc::action_name(action)));
      });
}

void HostileClient::act() {
  World& world = World::the();
  for (std::int64_t more = world.chance(0.05) ? 40 : 1; more > 0; --more) {
    const auto what = world.between(0, 99);
    if (what < 30) {
      submit();
    } else if (what < 35) {
      submit_many();
    } else if (what < 55) {
      read();
    } else if (what < 88) {
      change();
    } else if (what < 95) {
      pose_as_operator();
    } else {
      pose_as_worker();
    }
  }
}

std::string HostileClient::job_of_another() const {
  const std::vector<std::string>& all = clients_.jobs();
  return all.empty() ? "" : World::the().any_of(all);
}

std::string HostileClient::any_worker() const {
  const Worker& worker = *World::the().any_of(workers_);
  return World::the().chance(0.5) ? worker.id().str() : worker.shape().name;
}

HostileClient::Target HostileClient::any_target() const {
  World& world = World::the();
  const std::string other = job_of_another();
  const auto what = world.between(0, 9);
  if (what < 6 && !other.empty()) return {other, true};
  if (what < 7 && !other.empty()) return {other.substr(0, 8), false};
  if (what < 9 && !mine_.empty()) return {world.any_of(mine_), false};
  return {world.chance(0.5) ? Uuid::random().str() : any_text(), false};
}

// Often one that others use, too: theirs count from 1.
std::string HostileClient::any_request_id() {
  World& world = World::the();
  if (world.chance(0.4)) return "request-" + std::to_string(world.between(1, 200));
  if (world.chance(0.1)) return any_text();
  return "hostile-" + std::to_string(++requests_);
}

void HostileClient::submit() {
  v1::SubmitJobRequest request;
  *request.mutable_spec() = any_spec(job_of_another());
  request.set_request_id(any_request_id());
  send<v1::SubmitJobRequest, v1::SubmitJobResponse>(
      Action::kSubmitJob, request, scheduler::submit_job,
      [this, id = request.request_id()](const grpc::Status& status,
                                        const v1::SubmitJobResponse& response) {
        if (!status.ok()) return World::the().note("hostile submission: " + status.error_message());
        World::the().note("hostile submission: " + response.job_id());
        mine_.push_back(response.job_id());
        checks_.on_taken_from(mallory(), *Uuid::parse(response.job_id()));
        if (!id.empty()) checks_.on_submitted("mallory " + id, *Uuid::parse(response.job_id()));
      });
}

void HostileClient::submit_many() {
  World& world = World::the();
  v1::SubmitJobsRequest request;
  const auto count = world.chance(0.2) ? world.between(900, 1100) : world.between(0, 4);
  const v1::JobSpec spec = any_spec(job_of_another());
  for (std::int64_t more = count; more > 0; --more)
    *request.add_specs() = count > 4 ? spec : any_spec(job_of_another());
  if (world.chance(0.5)) request.set_request_id(any_request_id());
  send<v1::SubmitJobsRequest, v1::SubmitJobsResponse>(
      Action::kSubmitJobs, request, scheduler::submit_jobs,
      [this](const grpc::Status& status, const v1::SubmitJobsResponse& response) {
        if (!status.ok())
          return World::the().note("hostile submissions: " + status.error_message());
        for (const std::string& job : response.job_ids()) {
          mine_.push_back(job);
          checks_.on_taken_from(mallory(), *Uuid::parse(job));
        }
      });
}

// Of others only that it is there.
void HostileClient::check_shown(const v1::Job& job) {
  if (job.submitted_by() == mallory().display_name()) return;
  const v1::JobSpec& spec = job.spec();
  const bool hidden = job.is_summary() && spec.argv().empty() && spec.script().empty() &&
                      spec.environment().empty() && spec.labels().empty() && !spec.has_stdin_data();
  if (!hidden) World::the().broken("an account is shown the job of another: " + job.job_id());
}

void HostileClient::read() {
  World& world = World::the();
  const Target target = any_target();
  if (world.chance(0.3)) {
    v1::GetJobRequest request;
    request.set_job_id(target.key);
    return send<v1::GetJobRequest, v1::GetJobResponse>(
        Action::kGetJob, request, scheduler::get_job,
        [](const grpc::Status& status, const v1::GetJobResponse& response) {
          if (status.ok()) check_shown(response.job());
        });
  }
  if (world.chance(0.6))
    return send<v1::ListJobsRequest, v1::ListJobsResponse>(
        Action::kListJobs, any_list(job_of_another()), scheduler::list_jobs,
        [](const grpc::Status& status, const v1::ListJobsResponse& response) {
          if (!status.ok()) return World::the().note("hostile list: " + status.error_message());
          for (const v1::Job& job : response.jobs()) check_shown(job);
          if (response.ByteSizeLong() > limits::kMessageMaxBytes)
            World::the().broken("a list has more bytes than a message may have");
        });
  if (world.chance(0.5)) {
    v1::ExplainJobRequest request;
    request.set_job_id(target.key);
    return try_out<v1::ExplainJobRequest, v1::ExplainJobResponse>(
        Action::kExplainJob, request, target.is_anothers, scheduler::explain_job);
  }
  v1::PlanJobRequest request;
  *request.mutable_spec() = any_spec(job_of_another());
  try_out<v1::PlanJobRequest, v1::PlanJobResponse>(Action::kPlanJob, request, false,
                                                   scheduler::plan_job);
}

void HostileClient::change() {
  World& world = World::the();
  const Target target = any_target();
  const auto to = [&target](auto request) {
    request.set_job_id(target.key);
    return request;
  };
  switch (world.between(0, 6)) {
    case 0: {
      auto request = to(v1::StopJobRequest());
      if (world.chance(0.3)) request.set_reason(any_text());
      if (world.chance(0.3)) *request.mutable_grace() = any_duration();
      return try_out<v1::StopJobRequest, v1::StopJobResponse>(
          Action::kStopJob, request, target.is_anothers, scheduler::stop_job);
    }
    case 1:
      return try_out<v1::HoldJobRequest, v1::HoldJobResponse>(
          Action::kHoldJob, to(v1::HoldJobRequest()), target.is_anothers, scheduler::hold_job);
    case 2:
      return try_out<v1::ReleaseJobRequest, v1::ReleaseJobResponse>(
          Action::kReleaseJob, to(v1::ReleaseJobRequest()), target.is_anothers,
          scheduler::release_job);
    case 3:
      return try_out<v1::PauseJobRequest, v1::PauseJobResponse>(
          Action::kPauseJob, to(v1::PauseJobRequest()), target.is_anothers, scheduler::pause_job);
    case 4:
      return try_out<v1::ResumeJobRequest, v1::ResumeJobResponse>(
          Action::kResumeJob, to(v1::ResumeJobRequest()), target.is_anothers,
          scheduler::resume_job);
    case 5: {
      auto request = to(v1::UpdateJobRequest());
      request.set_priority(static_cast<int>(any_number()));
      return try_out<v1::UpdateJobRequest, v1::UpdateJobResponse>(
          Action::kUpdateJob, request, target.is_anothers, scheduler::update_job);
    }
    default: {
      auto request = to(v1::RetryJobRequest());
      request.set_request_id(any_request_id());
      request.mutable_resources()->set_memory_bytes(world.chance(0.8) ? 0 : any_number());
      return try_out<v1::RetryJobRequest, v1::RetryJobResponse>(
          Action::kRetryJob, request, target.is_anothers, scheduler::retry_job);
    }
  }
}

void HostileClient::pose_as_operator() {
  World& world = World::the();
  if (world.chance(0.3)) {
    v1::DrainWorkerRequest request;
    request.set_worker_id(any_worker());
    request.set_requeue(world.chance(0.5));
    *request.mutable_deadline() = any_duration();
    return try_out<v1::DrainWorkerRequest, v1::DrainWorkerResponse>(Action::kDrainWorker, request,
                                                                    true, scheduler::drain_worker);
  }
  if (world.chance(0.3)) {
    v1::UndrainWorkerRequest request;
    request.set_worker_id(any_worker());
    return try_out<v1::UndrainWorkerRequest, v1::UndrainWorkerResponse>(
        Action::kUndrainWorker, request, true, scheduler::undrain_worker);
  }
  if (world.chance(0.5)) {
    v1::ForgetWorkerRequest request;
    request.set_worker_id(any_worker());
    return try_out<v1::ForgetWorkerRequest, v1::ForgetWorkerResponse>(
        Action::kForgetWorker, request, true, scheduler::forget_worker);
  }
  v1::AdoptOrphanRequest request;
  request.set_job_id(any_target().key);
  try_out<v1::AdoptOrphanRequest, v1::AdoptOrphanResponse>(Action::kAdoptOrphan, request, true,
                                                           scheduler::adopt_orphan);
}

void HostileClient::pose_as_worker() {
  World& world = World::the();
  const Worker& worker = *world.any_of(workers_);
  if (world.chance(0.5)) {
    v1::DeregisterWorkerRequest request;
    request.set_worker_id(worker.id().str());
    return try_out<v1::DeregisterWorkerRequest, v1::DeregisterWorkerResponse>(
        Action::kDeregisterWorker, request, true, scheduler::deregister_worker);
  }
  v1::RegisterWorkerRequest request;
  request.set_worker_id(world.chance(0.5) ? worker.id().str() : Uuid::random().str());
  request.set_name(worker.shape().name);
  request.set_address("unix:/elsewhere");
  request.set_boot_id("a boot");
  try_out<v1::RegisterWorkerRequest, v1::RegisterWorkerResponse>(Action::kRegisterWorker, request,
                                                                 true, scheduler::register_worker);
}

}  // namespace takt::sim
