// SPDX-License-Identifier: Apache-2.0
#include "simulation/clients.h"

#include <algorithm>
#include <utility>

#include "rpc/convert.h"
#include "scheduler/verbs.h"
#include "simulation/caller.h"

namespace takt::sim {
namespace {

using namespace std::chrono_literals;

bool is_worth_another_try(const grpc::Status& status) {
  return status.error_code() == grpc::StatusCode::UNAVAILABLE ||
         status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED ||
         status.error_code() == grpc::StatusCode::RESOURCE_EXHAUSTED;
}

// What an account has used up may not become free before it gives up.
bool is_full(const grpc::Status& status) {
  return status.error_code() == grpc::StatusCode::RESOURCE_EXHAUSTED;
}

}  // namespace

template <class Response, class Verb>
void Clients::ask(Verb verb, std::function<void(const Response&)> done) {
  ++unanswered_;
  call<Response>(scheduler_, path_, calls_, verb,
                 [this, verb, done](const grpc::Status& status, const Response& response) {
                   --unanswered_;
                   if (status.ok()) return done(response);
                   World& world = World::the();
                   const bool gives_up = calm_ ? is_full(status) : world.chance(0.1);
                   if (!is_worth_another_try(status) || gives_up) return;
                   ++unanswered_;
                   world.after(world.between(50ms, 4s), [this, verb, done] {
                     --unanswered_;
                     ask<Response>(verb, done);
                   });
                 });
}

void Clients::act() {
  World& world = World::the();
  const auto what = world.between(0, 99);
  if (what < 62 || jobs_.empty()) {
    submit(random_request(), any_account());
  } else if (what < 72) {
    stop(random_job(), world.chance(0.3));
  } else if (what < 82) {
    change_waiting();
  } else if (what < 87) {
    retry();
  } else if (what < 92) {
    freeze(random_job(), world.chance(0.6));
  } else {
    // Sometimes in the midst of starts.
    for (int more = world.chance(0.3) ? 4 : 0; more > 0; --more)
      submit(random_request(), any_account());
    change_worker();
  }
}

std::shared_ptr<const v1::SubmitJobRequest> Clients::random_request() {
  auto request = std::make_shared<v1::SubmitJobRequest>();
  *request->mutable_spec() = random_spec();
  request->set_request_id(next_request());
  return request;
}

void Clients::calm_down() {
  calm_ = true;
  if (unanswered_ > 0) return;
  for (const auto& worker : workers_) undrain(worker->id().str());
  for (const Uuid& job : checks_.live_jobs()) {
    release(job.str());
    freeze(job.str(), false);
    if (checks_.may_last_for_ever(job)) stop(job.str(), false);
  }
}

rpc::Caller Clients::any_account() const { return World::the().chance(0.5) ? root() : alice(); }

rpc::Caller Clients::caller_for(const std::string& job) const {
  const auto owner = owners_.find(job);
  if (calm_ || owner == owners_.end() || World::the().chance(0.5)) return root();
  return owner->second;
}

void Clients::add_job(const std::string& job, const rpc::Caller& owner) {
  if (owners_.emplace(job, owner).second) jobs_.push_back(job);
}

void Clients::note_change(const std::string& job, Checks::Change change) {
  checks_.on_change_asked(*Uuid::parse(job), change);
}

void Clients::submit(const std::shared_ptr<const v1::SubmitJobRequest>& request,
                     const rpc::Caller& caller) {
  ask<v1::SubmitJobResponse>(
      [request, caller](scheduler::Core& core, const auto& reply) {
        scheduler::submit_job(core, caller, *request, reply);
      },
      [this, request, caller](const v1::SubmitJobResponse& response) {
        World& world = World::the();
        world.note("submitted " + response.job_id() + ": " + request->spec().ShortDebugString());
        checks_.on_submitted(caller.user_name + " " + request->request_id(),
                             *Uuid::parse(response.job_id()));
        add_job(response.job_id(), caller);
        if (!calm_ && world.chance(0.05))
          world.after(world.between(1s, 60s), [this, request, caller] { submit(request, caller); });
      });
}

void Clients::retry() {
  v1::RetryJobRequest request;
  request.set_job_id(random_job());
  request.set_request_id(next_request());
  const rpc::Caller caller = caller_for(request.job_id());
  ask<v1::RetryJobResponse>(
      [request, caller](scheduler::Core& core, const auto& reply) {
        scheduler::retry_job(core, caller, request, reply);
      },
      [this, request, caller](const v1::RetryJobResponse& response) {
        World::the().note("submitted " + response.job_id() + " again");
        checks_.on_submitted(caller.user_name + " " + request.request_id(),
                             *Uuid::parse(response.job_id()));
        add_job(response.job_id(), caller);
      });
}

void Clients::stop(const std::string& job, bool with_grace) {
  checks_.on_stop_asked(*Uuid::parse(job));
  v1::StopJobRequest request;
  request.set_job_id(job);
  request.set_reason("enough");
  if (with_grace)
    *request.mutable_grace() = rpc::duration_to_proto(
        std::chrono::duration_cast<microseconds>(World::the().between(0s, 40s)));
  ask<v1::StopJobResponse>(
      [request, caller = caller_for(job)](scheduler::Core& core, const auto& reply) {
        scheduler::stop_job(core, caller, request, reply);
      },
      [this, job](const v1::StopJobResponse&) {
        World::the().note("stop of " + job + " is told");
        checks_.on_stop_told(*Uuid::parse(job));
      });
}

void Clients::change_waiting() {
  World& world = World::the();
  const std::string job = random_job();
  if (world.chance(0.3)) {
    note_change(job, Checks::Change::kHold);
    v1::HoldJobRequest request;
    request.set_job_id(job);
    return ask<v1::HoldJobResponse>(
        [request, caller = caller_for(job)](scheduler::Core& core, const auto& reply) {
          scheduler::hold_job(core, caller, request, reply);
        },
        [](const v1::HoldJobResponse&) {});
  }
  if (world.chance(0.5)) return release(job);
  note_change(job, Checks::Change::kPriority);
  v1::UpdateJobRequest request;
  request.set_job_id(job);
  request.set_priority(static_cast<int>(world.between(-3, 3)));
  ask<v1::UpdateJobResponse>(
      [request, caller = caller_for(job)](scheduler::Core& core, const auto& reply) {
        scheduler::update_job(core, caller, request, reply);
      },
      [](const v1::UpdateJobResponse&) {});
}

void Clients::release(const std::string& job) {
  note_change(job, Checks::Change::kRelease);
  v1::ReleaseJobRequest request;
  request.set_job_id(job);
  ask<v1::ReleaseJobResponse>(
      [request, caller = caller_for(job)](scheduler::Core& core, const auto& reply) {
        scheduler::release_job(core, caller, request, reply);
      },
      [](const v1::ReleaseJobResponse&) {});
}

void Clients::freeze(const std::string& job, bool frozen) {
  note_change(job, Checks::Change::kFreeze);
  v1::PauseJobRequest pause;
  pause.set_job_id(job);
  v1::ResumeJobRequest resume;
  resume.set_job_id(job);
  if (frozen)
    return ask<v1::PauseJobResponse>(
        [pause, caller = caller_for(job)](scheduler::Core& core, const auto& reply) {
          scheduler::pause_job(core, caller, pause, reply);
        },
        [](const v1::PauseJobResponse&) {});
  ask<v1::ResumeJobResponse>(
      [resume, caller = caller_for(job)](scheduler::Core& core, const auto& reply) {
        scheduler::resume_job(core, caller, resume, reply);
      },
      [](const v1::ResumeJobResponse&) {});
}

void Clients::change_worker() {
  World& world = World::the();
  const Worker& worker = *world.any_of(workers_);
  const std::string id = worker.id().str();
  if (world.chance(0.3)) return undrain(id);
  if (world.chance(0.4)) {
    world.note("an operator has " + worker.shape().name + " forgotten");
    checks_.on_forget_asked(worker.id());
    v1::ForgetWorkerRequest request;
    request.set_worker_id(id);
    return ask<v1::ForgetWorkerResponse>(
        [request](scheduler::Core& core, const auto& reply) {
          scheduler::forget_worker(core, root(), request, reply);
        },
        [](const v1::ForgetWorkerResponse&) {});
  }
  v1::DrainWorkerRequest request;
  request.set_worker_id(id);
  if (world.chance(0.7)) {
    *request.mutable_deadline() = rpc::duration_to_proto(std::chrono::duration_cast<microseconds>(
        world.chance(0.5) ? world.between(0s, 20s) : world.between(0ms, 500ms)));
    request.set_requeue(world.chance(0.6));
    if (request.requeue()) request.set_reason(kQueueAgain);
  }
  ask<v1::DrainWorkerResponse>(
      [request](scheduler::Core& core, const auto& reply) {
        scheduler::drain_worker(core, root(), request, reply);
      },
      [](const v1::DrainWorkerResponse&) {});
}

void Clients::undrain(const std::string& worker) {
  v1::UndrainWorkerRequest request;
  request.set_worker_id(worker);
  ask<v1::UndrainWorkerResponse>(
      [request](scheduler::Core& core, const auto& reply) {
        scheduler::undrain_worker(core, root(), request, reply);
      },
      [](const v1::UndrainWorkerResponse&) {});
}

std::string Clients::random_job() const {
  // Of what came last, most of which still lives.
  const auto count = static_cast<std::int64_t>(jobs_.size());
  const auto back = World::the().between(1, std::min<std::int64_t>(count, 30));
  return jobs_[static_cast<std::size_t>(count - back)];
}

}  // namespace takt::sim
