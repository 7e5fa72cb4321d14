// SPDX-License-Identifier: Apache-2.0
#include "cli/follow.h"

#include "cli/json.h"
#include "cli/text.h"

namespace takt::cli {

Follower::Follower(Client& client, Console& console, v1::ReadOutputRequest request, bool json)
    : client_(client),
      console_(console),
      request_(std::move(request)),
      json_(json),
      outage_(console) {}

std::int64_t Follower::offset(bool error) const {
  return error ? request_.stderr_offset() : request_.stdout_offset();
}

void Follower::advance(bool error, std::int64_t to) {
  if (error)
    request_.set_stderr_offset(to);
  else
    request_.set_stdout_offset(to);
}

FollowEnd Follower::run() {
  written_ = flush();
  for (;;) {
    if (client_.interrupts().pending()) return FollowEnd::kInterrupted;
    const grpc::Status status = read_stream();
    if (const auto end = judge(status)) return *end;
  }
}

grpc::Status Follower::read_stream() {
  grpc::ClientContext context;
  context.set_wait_for_ready(false);
  const Interrupts::Call guard(client_.interrupts(), context);
  const auto reader = client_.jobs().ReadOutput(&context, request_);
  v1::ReadOutputResponse piece;
  while (written_ == WriteEnd::kDone && reader->Read(&piece)) {
    outage_.over();
    complete_ = complete_ || piece.complete();
    written_ = take(piece);
    if (written_ != WriteEnd::kDone) complete_ = false;
  }
  if (written_ != WriteEnd::kDone) context.TryCancel();
  return reader->Finish();
}

WriteEnd Follower::take(const v1::ReadOutputResponse& piece) {
  if (piece.attempt() > 0 && piece.attempt() != request_.attempt()) {
    if (request_.attempt() > 0) {
      advance(false, 0);
      advance(true, 0);
    }
    request_.set_attempt(piece.attempt());
  }
  if (json_) return take_json(piece);
  return piece.has_chunk() ? take_bytes(piece.chunk()) : WriteEnd::kDone;
}

WriteEnd Follower::take_bytes(const v1::OutputChunk& chunk) {
  const bool error = chunk.stream() == v1::OUTPUT_STREAM_STDERR;
  const std::int64_t wanted = offset(error);
  if (chunk.offset() > wanted) {
    console_.note(std::to_string(chunk.offset() - wanted) + " bytes of standard " +
                  (error ? "error" : "output") + " from byte " + std::to_string(wanted) +
                  " on were not kept.");
    advance(error, chunk.offset());
  }
  std::string_view data = chunk.data();
  const std::int64_t seen = offset(error) - chunk.offset();
  if (seen >= static_cast<std::int64_t>(data.size())) return WriteEnd::kDone;
  data.remove_prefix(static_cast<std::size_t>(seen));
  std::size_t written = 0;
  const WriteEnd end = console_.write(error, data, written);
  advance(error, offset(error) + static_cast<std::int64_t>(written));
  return end;
}

WriteEnd Follower::take_json(const v1::ReadOutputResponse& piece) {
  unsent_ = to_json(piece) + "\n";
  if (piece.has_chunk())
    advance(piece.chunk().stream() == v1::OUTPUT_STREAM_STDERR,
            piece.chunk().offset() + static_cast<std::int64_t>(piece.chunk().data().size()));
  return flush();
}

WriteEnd Follower::flush() {
  if (unsent_.empty()) return WriteEnd::kDone;
  std::size_t written = 0;
  const WriteEnd end = console_.write(false, unsent_, written);
  unsent_.erase(0, written);
  return end;
}

std::optional<FollowEnd> Follower::judge(const grpc::Status& status) {
  switch (written_) {
    case WriteEnd::kClosed:
      return FollowEnd::kClosed;
    case WriteEnd::kFailed:
      error_ = make_error(ErrorCode::kSystem, console_.write_error());
      return FollowEnd::kWriteFailed;
    case WriteEnd::kInterrupted:
      return FollowEnd::kInterrupted;
    case WriteEnd::kDone:
      break;
  }
  if (complete_ || (status.ok() && !request_.follow())) return FollowEnd::kComplete;
  if (client_.interrupts().pending()) return FollowEnd::kInterrupted;
  if (status.ok()) return try_later("the stream of output ended too early");
  error_ = rpc::from_status(status);
  if (may_repeat(status) || status.error_code() == grpc::StatusCode::RESOURCE_EXHAUSTED)
    return try_later(printable(error_.message));
  return FollowEnd::kFailed;
}

std::optional<FollowEnd> Follower::try_later(const std::string& what) {
  if (!worth_waiting() || !outage_.wait(client_.interrupts(), what)) return FollowEnd::kFailed;
  return std::nullopt;
}

// Output of a job that still runs is worth a long wait; else only what a restart takes.
bool Follower::worth_waiting() {
  if (outage_.lasted() < limits::kRpcDeadline) return true;
  if (!request_.follow()) return false;
  const auto job = client_.get_job(request_.job_id(), limits::kClientTellAfter);
  return !job || !ended(*job);
}

}  // namespace takt::cli
