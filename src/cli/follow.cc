// SPDX-License-Identifier: Apache-2.0
#include "cli/follow.h"

#include "base/time_text.h"
#include "base/units.h"
#include "cli/json.h"
#include "cli/text.h"
#include "rpc/convert.h"

namespace takt::cli {
namespace {

bool is_error(const v1::OutputChunk& chunk) { return chunk.stream() == v1::OUTPUT_STREAM_STDERR; }

}  // namespace

Follower::Follower(Client& client, Console& console, v1::ReadOutputRequest request, OutputForm form)
    : client_(client),
      console_(console),
      request_(std::move(request)),
      form_(form),
      outage_(console) {
  request_.set_batch(form != OutputForm::kJson);  // one message is one piece there
}

std::int64_t Follower::offset(bool error) const {
  return error ? request_.stderr_offset() : request_.stdout_offset();
}

void Follower::advance(bool error, std::int64_t to) {
  if (error)
    request_.set_stderr_offset(to);
  else
    request_.set_stdout_offset(to);
}

void Follower::advance(const v1::OutputChunk& chunk) {
  advance(is_error(chunk), chunk.offset() + static_cast<std::int64_t>(chunk.data().size()));
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
  if (piece.has_start()) {
    advance(false, piece.start().stdout_offset());
    advance(true, piece.start().stderr_offset());
    request_.clear_tail_lines();
    request_.clear_since_time();
  }
  if (form_ == OutputForm::kJson) return take_json(piece);
  WriteEnd end = piece.has_chunk() ? take_chunk(piece.chunk()) : WriteEnd::kDone;
  for (const v1::OutputChunk& chunk : piece.more_chunks())
    if (end == WriteEnd::kDone) end = take_chunk(chunk);
  return end;
}

WriteEnd Follower::take_chunk(const v1::OutputChunk& chunk) {
  const bool error = is_error(chunk);
  const std::int64_t wanted = offset(error);
  if (chunk.offset() > wanted) {
    const std::int64_t missing = chunk.offset() - wanted;
    console_.note(format_bytes(static_cast<std::uint64_t>(missing)) + " of standard " +
                  (error ? "error" : "output") + " were not kept here: " + std::to_string(missing) +
                  " bytes from byte " + std::to_string(wanted) + " on.");
    advance(error, chunk.offset());
    inside_line_[error ? 1 : 0] = false;
  }
  std::string_view data = chunk.data();
  const std::int64_t seen = offset(error) - chunk.offset();
  if (seen >= static_cast<std::int64_t>(data.size())) return WriteEnd::kDone;
  data.remove_prefix(static_cast<std::size_t>(seen));
  return form_ == OutputForm::kTimestamps ? take_lines(error, data, chunk)
                                          : take_bytes(error, data);
}

WriteEnd Follower::take_bytes(bool error, std::string_view data) {
  std::size_t written = 0;
  const WriteEnd end = console_.write(error, data, written);
  advance(error, offset(error) + static_cast<std::int64_t>(written));
  return end;
}

WriteEnd Follower::take_lines(bool error, std::string_view data, const v1::OutputChunk& chunk) {
  const std::string time = chunk.has_arrival_time()
                               ? format_time_exact(rpc::time_from_proto(chunk.arrival_time()))
                               : std::string("-");
  unsent_.error = error;
  bool& inside = inside_line_[error ? 1 : 0];
  while (!data.empty()) {
    if (!inside) unsent_.text += time + " ";
    const std::size_t newline = data.find('\n');
    inside = newline == std::string_view::npos;
    const std::string_view line = data.substr(0, inside ? data.size() : newline + 1);
    unsent_.text += line;
    data.remove_prefix(line.size());
  }
  advance(chunk);
  return flush();
}

WriteEnd Follower::take_json(const v1::ReadOutputResponse& piece) {
  unsent_ = {.error = false, .text = to_json(piece) + "\n"};
  if (piece.has_chunk()) advance(piece.chunk());
  return flush();
}

WriteEnd Follower::flush() {
  if (unsent_.text.empty()) return WriteEnd::kDone;
  std::size_t written = 0;
  const WriteEnd end = console_.write(unsent_.error, unsent_.text, written);
  unsent_.text.erase(0, written);
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
