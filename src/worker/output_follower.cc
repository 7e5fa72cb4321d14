// SPDX-License-Identifier: Apache-2.0
#include "worker/output_follower.h"

#include <algorithm>
#include <utility>

#include "base/limits.h"
#include "rpc/convert.h"

namespace takt::worker {
namespace {

OutputWish wish_of(const v1::WorkerServiceReadOutputRequest& request) {
  OutputWish wish;
  wish.streams = {request.stream() != v1::OUTPUT_STREAM_STDERR,
                  request.stream() != v1::OUTPUT_STREAM_STDOUT};
  wish.from = {static_cast<std::uint64_t>(request.stdout_offset()),
               static_cast<std::uint64_t>(request.stderr_offset())};
  if (request.has_since_time()) wish.since = rpc::time_from_proto(request.since_time());
  if (request.has_tail_lines()) wish.tail_lines = request.tail_lines();
  wish.follow = request.follow();
  return wish;
}

void to_proto(OutputPiece&& piece, v1::OutputChunk& chunk) {
  chunk.set_stream(piece.stream == attempt::Stream::kStderr ? v1::OUTPUT_STREAM_STDERR
                                                            : v1::OUTPUT_STREAM_STDOUT);
  chunk.set_offset(static_cast<std::int64_t>(piece.offset));
  chunk.set_skipped_bytes(static_cast<std::int64_t>(piece.skipped));
  chunk.set_data(std::move(piece.data));
  if (piece.time) *chunk.mutable_arrival_time() = rpc::time_to_proto(*piece.time);
}

}  // namespace

OutputFollower::OutputFollower(Outputs& outputs, Principal principal, const Uuid& job_id,
                               const v1::WorkerServiceReadOutputRequest& request,
                               rpc::StreamShare share)
    : outputs_(outputs),
      principal_(std::move(principal)),
      job_id_(job_id),
      attempt_(request.attempt()),
      wish_(wish_of(request)),
      batch_(request.batch()),
      share_(std::move(share)) {}

grpc::ServerWriteReactor<OutputMessage>* OutputFollower::open_stream() {
  const auto self = shared_from_this();
  writer_ = Writer::create({.on_wanted = [self] { self->wanted(); },
                            .on_end = [self] { self->over(); },
                            .on_denied = share_.on_denied});
  return writer_.get();
}

void OutputFollower::wanted() {
  if (reader_ != nullptr) return pump();
  const bool posted =
      outputs_.core_.loop.post([self = shared_from_this()] { self->find_source(); });
  if (!posted) end(gone_down());
}

void OutputFollower::find_source() {
  auto source = outputs_.open(principal_, job_id_, attempt_, wish_.follow);
  if (!source) return end(source.error());
  key_ = std::move(source->attempt);
  attempt_ = key_->id.number;
  gate_ = std::move(source->gate);
  reader_ = std::make_unique<OutputReader>(std::move(source->folder), wish_);
  if (wish_.follow) {
    const std::lock_guard lock(mutex_);
    counted_ = !over_;
    if (counted_) outputs_.followed(*key_, +1);
  }
  pump_on_thread();
}

// From where a disk must not be waited for.
void OutputFollower::pump_on_thread() {
  outputs_.thread_.push([weak = weak_from_this()] {
    const auto self = weak.lock();
    if (self && !self->writer_->over()) self->pump();
  });
}

// Gives what there is, or waits. The gate is looked at before the files, so that what comes between
// is not missed.
void OutputFollower::pump() {
  const OutputGate::Look look = gate_->look();
  OutputMessage message;
  message.set_attempt(attempt_);
  auto some = begin(look, message);
  if (some && !*some) some = fill(message);
  if (some && !*some) some = finish(look, message);
  if (!some) return end(some.error());
  if (*some) return static_cast<void>(writer_->give(std::move(message)));
  if (said_complete_ || !wish_.follow) return writer_->finish();
  wait_for_more(look.turn);
}

// True if there is a begin to be told of.
Result<bool> OutputFollower::begin(const OutputGate::Look& look, OutputMessage& message) {
  if (begun_) return false;
  may_complete_ = wish_.follow || look.ended;
  auto begun = reader_->begin();
  if (!begun) return begun.error();
  begun_ = true;
  if (!wish_.since && !wish_.tail_lines) return false;
  const attempt::Offsets& position = reader_->position();
  message.mutable_start()->set_stdout_offset(static_cast<std::int64_t>(position[0]));
  message.mutable_start()->set_stderr_offset(static_cast<std::int64_t>(position[1]));
  return true;
}

// True if there was something.
Result<bool> OutputFollower::fill(OutputMessage& message) {
  const std::size_t pieces_max = batch_ ? limits::kChunksPerMessage : 1;
  std::size_t bytes = 0;
  for (std::size_t pieces = 0; pieces < pieces_max && bytes < limits::kChunkBytes; ++pieces) {
    auto piece = reader_->next(limits::kChunkBytes - bytes);
    if (!piece) return piece.error();
    if (!*piece) return pieces > 0;
    bytes += (*piece)->data.size();
    to_proto(std::move(**piece),
             pieces == 0 ? *message.mutable_chunk() : *message.add_more_chunks());
  }
  return true;
}

// Once all is given: what is missing at the end, then that it is complete. True if there is
// something to say.
Result<bool> OutputFollower::finish(const OutputGate::Look& look, OutputMessage& message) {
  if (!look.ended || !may_complete_ || said_complete_) return false;
  if (!record_) {
    auto record = attempt::read_exit_record(reader_->folder());
    if (!record) return record.error();
    record_ = std::move(*record);
  }
  if (auto missing = reader_->next_missing(*record_)) {
    to_proto(std::move(*missing), *message.mutable_chunk());
    return true;
  }
  said_complete_ = true;
  message.set_complete(true);
  *message.mutable_end_time() = rpc::time_to_proto(*look.ended);
  return true;
}

void OutputFollower::wait_for_more(std::uint64_t turn) {
  const std::uint64_t id = gate_->wait(turn, [weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->pump_on_thread();
  });
  {
    // Woken meanwhile, another thread may wait already, under a higher number.
    const std::lock_guard lock(mutex_);
    waiting_ = std::max(waiting_, id);
    if (!over_) return;
  }
  gate_->forget(id);
}

void OutputFollower::over() {
  bool counted = false;
  std::uint64_t waiting = 0;
  {
    const std::lock_guard lock(mutex_);
    over_ = true;
    counted = counted_;
    waiting = waiting_;
  }
  // A job that stays silent keeps nothing of the readers that came and went.
  if (waiting != 0) gate_->forget(waiting);
  const auto self = shared_from_this();
  {
    const std::lock_guard lock(outputs_.mutex_);
    outputs_.followers_.erase(self);
  }
  if (!counted) return;
  std::ignore = outputs_.core_.loop.post([self] { self->outputs_.followed(*self->key_, -1); });
}

}  // namespace takt::worker
