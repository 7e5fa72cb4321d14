// SPDX-License-Identifier: Apache-2.0
// Where the output of a job is: the store knows the job, the loop knows where its worker is and
// when it begins to run.
#include <algorithm>
#include <string>
#include <utility>

#include "scheduler/output_proxy.h"
#include "scheduler/verbs.h"

namespace takt::scheduler {
namespace {

const Attempt* find_attempt(const Job& job, int number) {
  if (number == 0) return job.current_attempt();
  const auto found =
      std::find_if(job.attempts.begin(), job.attempts.end(),
                   [number](const Attempt& attempt) { return attempt.id.number == number; });
  return found == job.attempts.end() ? nullptr : &*found;
}

// No command ran, so there is nothing to ask the worker for.
bool never_ran(const Attempt& attempt) {
  if (!attempt.end || attempt.start_time) return false;
  switch (attempt.end->cause) {
    case EndCause::kStartFailed:
    case EndCause::kStopped:
    case EndCause::kRejected:
    case EndCause::kQueueTimedOut:
    case EndCause::kDependencyFailed:
    case EndCause::kPartsEnded:
      return true;
    case EndCause::kExited:
    case EndCause::kSignaled:
    case EndCause::kOomKilled:
    case EndCause::kTimedOut:
    case EndCause::kHostShutdown:
    case EndCause::kWorkerLost:
    case EndCause::kSupervisorLost:
      return false;
  }
  return false;
}

Error no_attempt(const Job& job, int number) {
  return Error{ErrorCode::kNotFound,
               "job " + job.id.str() + " has no attempt " + std::to_string(number), "attempt", 0};
}

}  // namespace

void OutputProxy::look_up() {
  // Once the client is gone the core may go too.
  const std::lock_guard lock(mutex_);
  if (gone_) return;
  core_.reads().job(
      {principal_, rpc::Action::kReadOutput, {}}, request_.job_id(), false,
      [self = shared_from_this()](const Result<store::JobView>& view) { self->on_job(view); });
}

void OutputProxy::on_job(const Result<store::JobView>& view) {
  if (!view) return writer_->fail(view.error());
  if (auto one = is_no_whole(view->job, "read the output of"); !one)
    return writer_->fail(one.error());
  request_.set_job_id(view->job.id.str());  // a name may get a second meaning meanwhile
  ended_ = has_ended(view->job.state);
  if (ended_) {
    on_ended_job(*view);
  } else {
    on_live_job(*view);
  }
}

void OutputProxy::on_ended_job(const store::JobView& view) {
  const Job& job = view.job;
  const Attempt* attempt = find_attempt(job, request_.attempt());
  if (attempt == nullptr) {
    if (request_.attempt() != 0) return writer_->fail(no_attempt(job, request_.attempt()));
    return complete(0, job.end_time);
  }
  if (never_ran(*attempt)) return complete(attempt->id.number, attempt->end_time);
  ask_worker(*attempt);
}

void OutputProxy::on_live_job(const store::JobView& view) {
  const Job& job = view.job;
  const int newest = job.attempts.empty() ? 0 : job.attempts.back().id.number;
  if (request_.attempt() > std::max(newest, 1))
    return writer_->fail(no_attempt(job, request_.attempt()));
  const Attempt* attempt = find_attempt(job, request_.attempt());
  const bool over = attempt != nullptr && has_ended(attempt->state) && request_.attempt() != 0;
  if (!over) return locate(job.id);
  if (never_ran(*attempt)) return complete(attempt->id.number, attempt->end_time);
  ask_worker(*attempt);
}

void OutputProxy::locate(const Uuid& job) {
  const auto self = shared_from_this();
  core_.run(
      [self, job] {
        const std::uint64_t ticket = self->core_.locator().locate(
            job, self->request_.follow(),
            [self](const Result<Location>& location) { self->on_location(location); });
        const std::lock_guard lock(self->mutex_);
        self->ticket_ = ticket;
        if (self->gone_) self->core_.locator().cancel(ticket);
      },
      [self](const Error& error) { self->writer_->fail(error); });
}

void OutputProxy::on_location(const Result<Location>& location) {
  if (!location) return writer_->fail(location.error());
  if (location->ended) return look_up();
  if (location->attempt == 0) return writer_->finish();  // it does not run yet, and nobody waits
  if (request_.attempt() != 0 && request_.attempt() != location->attempt) return look_up();
  if (location->worker.address.empty()) {
    return writer_->fail(
        make_error(ErrorCode::kNotFound, "the job's worker is not known any more"));
  }
  open(location->worker, location->attempt);
}

void OutputProxy::ask_worker(const Attempt& attempt) {
  const auto self = shared_from_this();
  core_.run(
      [self, worker = attempt.worker_id, number = attempt.id.number] {
        const Endpoint endpoint = self->core_.locator().endpoint_of(worker);
        if (!endpoint.address.empty()) return self->open(endpoint, number);
        self->writer_->fail(make_error(ErrorCode::kNotFound,
                                       "the worker that has this output is not known any more"));
      },
      [self](const Error& error) { self->writer_->fail(error); });
}

}  // namespace takt::scheduler
