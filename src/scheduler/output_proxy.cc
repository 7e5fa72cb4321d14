// SPDX-License-Identifier: Apache-2.0
#include "scheduler/output_proxy.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/limits.h"
#include "rpc/convert.h"
#include "rpc/status.h"

namespace takt::scheduler {

OutputProxy::OutputProxy(Core& core, Principal principal, v1::ReadOutputRequest request,
                         rpc::StreamShare share)
    : core_(core),
      principal_(std::move(principal)),
      request_(std::move(request)),
      share_(std::move(share)),
      backoff_(limits::kReconnectMin) {}

grpc::ServerWriteReactor<v1::ReadOutputResponse>* OutputProxy::start(Core& core,
                                                                     const Principal& principal,
                                                                     v1::ReadOutputRequest request,
                                                                     rpc::StreamShare share) {
  std::shared_ptr<OutputProxy> proxy(
      new OutputProxy(core, principal, std::move(request), std::move(share)));
  if (auto added = core.outputs().add(proxy); !added)
    return rpc::refuse_stream<v1::ReadOutputResponse>(added.error());
  // The writer holds the proxy until the stream is over.
  proxy->writer_ = Writer::create({[proxy] { proxy->on_wanted(); },
                                   [proxy] { proxy->on_client_gone(); }, proxy->share_.on_denied});
  Writer* const reactor = proxy->writer_.get();
  reactor->start();
  return reactor;
}

void OutputProxy::on_wanted() {
  if (complete_) return writer_->finish();
  std::shared_ptr<WorkerOutput> upstream;
  {
    const std::lock_guard lock(mutex_);
    upstream = upstream_;
  }
  if (upstream != nullptr) {
    upstream->read();
  } else {
    look_up();
  }
}

void OutputProxy::on_client_gone() {
  core_.outputs().remove(this);
  std::shared_ptr<WorkerOutput> upstream;
  std::uint64_t ticket = 0;
  {
    const std::lock_guard lock(mutex_);
    gone_ = true;
    upstream = std::exchange(upstream_, nullptr);
    ticket = ticket_;
    alarm_.Cancel();
  }
  if (upstream != nullptr) upstream->cancel();
  if (ticket != 0) {
    core_.mailbox().post([&locator = core_.locator(), ticket] { locator.cancel(ticket); });
  }
}

void OutputProxy::advance(const v1::OutputChunk& chunk) {
  const std::int64_t next = chunk.offset() + static_cast<std::int64_t>(chunk.data().size());
  if (chunk.stream() == v1::OUTPUT_STREAM_STDERR) {
    request_.set_stderr_offset(next);
  } else {
    request_.set_stdout_offset(next);
  }
}

void OutputProxy::open(const Endpoint& worker, int attempt) {
  request_.set_attempt(attempt);
  auto channel = core_.credentials().channel(
      worker.address, {rpc::Role::kWorker, worker.name},
      {.wait_for_ready = false, .retry = false, .credentials = {}, .small_window = true});
  if (!channel) return writer_->fail(channel.error());
  v1::WorkerServiceReadOutputRequest request;
  request.set_job_id(request_.job_id());
  request.set_attempt(attempt);
  request.set_stream(request_.stream());
  request.set_stdout_offset(request_.stdout_offset());
  request.set_stderr_offset(request_.stderr_offset());
  request.set_follow(request_.follow());
  request.set_batch(request_.batch());
  if (request_.has_tail_lines()) request.set_tail_lines(request_.tail_lines());
  if (request_.has_since_time()) *request.mutable_since_time() = request_.since_time();
  const auto self = shared_from_this();
  auto upstream = WorkerOutput::start(
      *channel, std::move(request),
      {[self](const WorkerOutput::Message& message) { self->on_message(message); },
       [self](const grpc::Status& status) { self->on_upstream_end(status); }});
  bool gone = false;
  {
    const std::lock_guard lock(mutex_);
    gone = gone_;
    if (!gone) upstream_ = upstream;
  }
  if (gone) return upstream->cancel();
  upstream->read();
}

void OutputProxy::on_message(const WorkerOutput::Message& message) {
  backoff_ = limits::kReconnectMin;
  if (message.has_start()) begin_at(message.start());
  if (message.has_chunk()) advance(message.chunk());
  for (const v1::OutputChunk& chunk : message.more_chunks()) advance(chunk);
  complete_ = complete_ || message.complete();
  v1::ReadOutputResponse response;
  response.set_attempt(message.attempt() != 0 ? message.attempt() : request_.attempt());
  response.set_complete(message.complete());
  if (message.has_start()) *response.mutable_start() = message.start();
  if (message.has_chunk()) *response.mutable_chunk() = message.chunk();
  *response.mutable_more_chunks() = message.more_chunks();
  if (message.has_end_time()) *response.mutable_end_time() = message.end_time();
  writer_->give(std::move(response));
}

// From here on offsets say where to read on.
void OutputProxy::begin_at(const v1::OutputPosition& start) {
  request_.set_stdout_offset(start.stdout_offset());
  request_.set_stderr_offset(start.stderr_offset());
  request_.clear_tail_lines();
  request_.clear_since_time();
}

void OutputProxy::on_upstream_end(const grpc::Status& status) {
  {
    const std::lock_guard lock(mutex_);
    upstream_ = nullptr;
    if (gone_) return;
  }
  const bool broken = status.error_code() == grpc::StatusCode::UNAVAILABLE ||
                      status.error_code() == grpc::StatusCode::CANCELLED;
  if (broken || (status.ok() && request_.follow())) return try_again_later(status);
  if (status.ok()) return writer_->finish();
  writer_->fail(rpc::from_status(status).in("the job's worker"));
}

void OutputProxy::try_again_later(const grpc::Status& why) {
  if (!request_.follow() || ended_) {
    return writer_->fail(make_error(ErrorCode::kUnavailable,
                                    "the job's worker is out of reach (" + why.error_message() +
                                        "); take it up again at the last offset"));
  }
  const auto when = std::chrono::system_clock::now() +
                    std::chrono::duration_cast<std::chrono::milliseconds>(backoff_);
  backoff_ = std::min<nanoseconds>(backoff_ * 2, limits::kReconnectMax);
  const std::lock_guard lock(mutex_);
  if (gone_) return;
  // Weak: an alarm keeps its callback after it has fired. The stream keeps us meanwhile.
  alarm_.Set(when, [weak = weak_from_this()](bool fired) {
    const auto self = weak.lock();
    if (fired && self != nullptr) self->look_up();
  });
}

void OutputProxy::complete(int attempt, const std::optional<WallTime>& when) {
  complete_ = true;
  v1::ReadOutputResponse response;
  response.set_complete(true);
  response.set_attempt(attempt);
  if (when) *response.mutable_end_time() = rpc::time_to_proto(*when);
  writer_->give(std::move(response));
}

}  // namespace takt::scheduler
