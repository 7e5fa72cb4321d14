// SPDX-License-Identifier: Apache-2.0
#include "compat/worker_client.h"

#include <csignal>
#include <utility>

#include "base/uuid.h"
#include "compat/old_spec.h"
#include "rpc/convert.h"
#include "rpc/status.h"

namespace takt::compat {
namespace {

constexpr milliseconds kDeadline = limits::kRpcDeadline;

Error worker_busy() {
  return make_error(ErrorCode::kResourceExhausted, "too many calls wait for the worker; try again");
}

// The words of the original design.
Error not_found() { return make_error(ErrorCode::kNotFound, "job not found"); }

Error error_of(const grpc::Status& status) {
  if (status.error_code() == grpc::StatusCode::NOT_FOUND) return not_found();
  return rpc::from_status(status);
}

// The id of a job that the worker started; an error if it could not.
Result<std::string> started(const v1::Attempt& attempt) {
  if (!attempt.has_end() || attempt.end().cause() != v1::END_CAUSE_START_FAILED)
    return attempt.job_id();
  return make_error(ErrorCode::kFailedPrecondition, attempt.end().message());
}

Result<std::optional<JobEnd>> end_of(const v1::Attempt& attempt) {
  if (!attempt.has_end()) return std::optional<JobEnd>();
  auto end = rpc::end_from_proto(attempt.end());
  if (!end) return end.error();
  return std::optional<JobEnd>(std::move(*end));
}

}  // namespace

void WorkerClient::start(const std::string& command, const std::string& path,
                         const std::string& folder,
                         const std::function<void(Result<std::string>)>& done) {
  v1::WorkerServiceStartJobRequest request;
  request.set_request_id(Uuid::random().str());
  v1::JobSpec& spec = *request.mutable_spec();
  spec.add_argv(command);
  spec.add_argv(path);
  spec.set_working_directory(folder);
  (*spec.mutable_labels())[kCompatLabel] = kCompatValue;
  spec.mutable_stop()->set_signal(SIGKILL);
  spec.mutable_stop()->mutable_grace();  // 0 s
  const bool begun = calls_.start<v1::WorkerServiceStartJobResponse>(
      kDeadline, std::move(request),
      [this](auto... call) { stub_->async()->StartJob(std::move(call)...); },
      [done](const grpc::Status& status, const v1::WorkerServiceStartJobResponse& response) {
        done(status.ok() ? started(response.attempt()) : error_of(status));
      });
  if (!begun) done(worker_busy());
}

void WorkerClient::stop(const std::string& job, const std::function<void(Result<void>)>& done) {
  if (!Uuid::parse(job)) return done(not_found());
  v1::WorkerServiceStopJobRequest request;
  request.set_job_id(job);
  request.mutable_grace();  // 0 s
  const bool begun = calls_.start<v1::WorkerServiceStopJobResponse>(
      kDeadline, std::move(request),
      [this](auto... call) { stub_->async()->StopJob(std::move(call)...); },
      [done](const grpc::Status& status, const v1::WorkerServiceStopJobResponse&) {
        done(status.ok() ? Result<void>() : error_of(status));
      });
  if (!begun) done(worker_busy());
}

void WorkerClient::query(const std::string& job,
                         const std::function<void(Result<std::optional<JobEnd>>)>& done) {
  if (!Uuid::parse(job)) return done(not_found());
  v1::QueryJobRequest request;
  request.set_job_id(job);
  const bool begun = calls_.start<v1::QueryJobResponse>(
      kDeadline, std::move(request),
      [this](auto... call) { stub_->async()->QueryJob(std::move(call)...); },
      [done](const grpc::Status& status, const v1::QueryJobResponse& response) {
        done(status.ok() ? end_of(response.attempt()) : error_of(status));
      });
  if (!begun) done(worker_busy());
}

}  // namespace takt::compat
