// SPDX-License-Identifier: Apache-2.0
#include "compat/old_client.h"

#include <utility>

#include "base/utf8.h"
#include "rpc/channel.h"
#include "rpc/status.h"

namespace takt::compat {
namespace {

// What gRPC itself makes of a connection that broke or a deadline that passed. A handler may say
// the same on purpose; then too nobody can tell how far it got.
bool is_silence(const grpc::Status& status) {
  switch (status.error_code()) {
    case grpc::StatusCode::UNAVAILABLE:
    case grpc::StatusCode::DEADLINE_EXCEEDED:
    case grpc::StatusCode::CANCELLED:
      return true;
    case grpc::StatusCode::INTERNAL:  // else it is a handler's
      return status.error_message().find("RST_STREAM") != std::string::npos;
    case grpc::StatusCode::UNKNOWN:
      return status.error_message() == "Stream removed";
    default:
      return false;
  }
}

// The text as the old worker gave it: from_status() would explain it in our own words.
Error verbatim_error(const grpc::Status& status) {
  Error error = rpc::from_status(status);
  error.message =
      clean_text(status.error_message().empty() ? error.message : status.error_message(),
                 limits::kOldTextMaxBytes);
  return error;
}

}  // namespace

Result<std::unique_ptr<OldClient>> OldClient::dial(const std::string& address, TaskThread& thread) {
  auto channel =
      rpc::make_channel(address, {.wait_for_ready = false, .retry = false, .credentials = {}});
  if (!channel) return channel.error();
  return std::unique_ptr<OldClient>(new OldClient(std::move(*channel), thread));
}

OldClient::OldClient(std::shared_ptr<grpc::Channel> channel, TaskThread& thread)
    : thread_(thread),
      channel_(std::move(channel)),
      stub_(jobscheduler::Worker::NewStub(channel_)) {}

bool OldClient::connected() const { return channel_->GetState(false) == GRPC_CHANNEL_READY; }

void OldClient::reset_backoff() {
  grpc::experimental::ChannelResetConnectionBackoff(channel_.get());
}

template <class T, class Response, class Request, class Begin, class Read>
void OldClient::call(Request request, Begin begin, Read read, Done<T> done) {
  const bool begun = calls_.start<Response>(
      limits::kOldCallDeadline, std::move(request), begin,
      [&thread = thread_, read, done](const grpc::Status& status, const Response& response) {
        Outcome<T> outcome{
            .answered = status.ok() || !is_silence(status),
            .result = status.ok() ? Result<T>(read(response)) : verbatim_error(status)};
        thread.post([done, outcome = std::move(outcome)] { done(outcome); });
      });
  if (begun) return;
  // As if it had not answered, though nothing was sent: that is the safe reading.
  thread_.post([done] {
    done({.answered = false,
          .result = make_error(ErrorCode::kResourceExhausted, "too many calls are under way")});
  });
}

void OldClient::start(const std::string& command, const std::string& path, Done<std::string> done) {
  jobscheduler::StartJobRequest request;
  request.set_command(command);
  request.set_path(path);
  call<std::string, jobscheduler::StartJobResponse>(
      std::move(request), [this](auto... rest) { stub_->async()->StartJob(std::move(rest)...); },
      [](const jobscheduler::StartJobResponse& response) { return response.jobid(); },
      std::move(done));
}

void OldClient::stop(const std::string& job, Done<bool> done) {
  jobscheduler::StopJobRequest request;
  request.set_jobid(job);
  call<bool, jobscheduler::StopJobResponse>(
      std::move(request), [this](auto... rest) { stub_->async()->StopJob(std::move(rest)...); },
      [](const jobscheduler::StopJobResponse&) { return true; }, std::move(done));
}

void OldClient::query(const std::string& job, Done<Status> done) {
  jobscheduler::QueryJobRequest request;
  request.set_jobid(job);
  call<Status, jobscheduler::QueryJobResponse>(
      std::move(request), [this](auto... rest) { stub_->async()->QueryJob(std::move(rest)...); },
      [](const jobscheduler::QueryJobResponse& response) {
        return Status{response.done(), response.error(), response.errortext()};
      },
      std::move(done));
}

}  // namespace takt::compat
