// SPDX-License-Identifier: Apache-2.0
#include "worker/output.h"

#include <fcntl.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "attempt/folder.h"
#include "base/fs.h"
#include "base/limits.h"
#include "base/log.h"
#include "rpc/convert.h"

namespace takt::worker {
namespace {

using Writer = rpc::PullWriter<OutputMessage>;

// One stream of the attempt, read up to some offset.
struct StreamCursor {
  v1::OutputStream stream = v1::OUTPUT_STREAM_UNSPECIFIED;
  const char* file = nullptr;
  bool wanted = false;
  std::int64_t offset = 0;
  UniqueFd fd;
};

Error gone_down() {
  return make_error(ErrorCode::kUnavailable,
                    "the worker goes down; read on later from the last offset");
}

}  // namespace

class OutputFollower : public std::enable_shared_from_this<OutputFollower> {
 public:
  OutputFollower(Outputs& outputs, const v1::WorkerServiceReadOutputRequest& request)
      : outputs_(outputs), follow_(request.follow()), attempt_(request.attempt()) {
    cursors_[0] = {.stream = v1::OUTPUT_STREAM_STDOUT,
                   .file = attempt::kStdoutFile,
                   .wanted = request.stream() != v1::OUTPUT_STREAM_STDERR,
                   .offset = request.stdout_offset(),
                   .fd = {}};
    cursors_[1] = {.stream = v1::OUTPUT_STREAM_STDERR,
                   .file = attempt::kStderrFile,
                   .wanted = request.stream() != v1::OUTPUT_STREAM_STDOUT,
                   .offset = request.stderr_offset(),
                   .fd = {}};
  }

  // The follower lives until its stream is over.
  grpc::ServerWriteReactor<OutputMessage>* start(const Uuid& job_id) {
    auto self = shared_from_this();
    job_id_ = job_id;
    writer_ = Writer::create(
        {.on_wanted = [self] { self->wanted(); }, .on_end = [self] { self->over(); }});
    auto* reactor = writer_.get();
    reactor->start();
    return reactor;
  }

  void end(const Error& error) {
    if (auto writer = writer_) writer->fail(error);
  }

 private:
  void wanted() {
    if (source_) return pump();
    const bool posted =
        outputs_.core_.loop.post([self = shared_from_this()] { self->find_source(); });
    if (!posted) end(gone_down());
  }

  void find_source() {
    auto source = outputs_.open(job_id_, attempt_, follow_);
    if (!source) return end(source.error());
    attempt_ = source->attempt;
    source_ = std::make_unique<OutputSource>(std::move(*source));
    if (follow_) {
      const std::lock_guard lock(mutex_);
      counted_ = !over_;
      if (counted_) outputs_.followed({job_id_, attempt_}, +1);
    }
    pump();
  }

  // Gives what there is, or waits. The gate is looked at before the files, so that what comes
  // between is not missed.
  void pump() {
    const OutputGate::Look look = source_->gate->look();
    for (StreamCursor& cursor : cursors_) {
      OutputMessage message;
      auto got = read(cursor, *message.mutable_chunk());
      if (!got) return end(got.error());
      if (!*got) continue;
      message.set_attempt(attempt_);
      writer_->give(std::move(message));
      return;
    }
    if (said_complete_ || (!look.ended && !follow_)) return writer_->finish();
    if (look.ended) {
      said_complete_ = true;
      OutputMessage message;
      message.set_attempt(attempt_);
      message.set_complete(true);
      *message.mutable_end_time() = rpc::time_to_proto(*look.ended);
      writer_->give(std::move(message));
      return;
    }
    wait_for_more(look.turn);
  }

  void wait_for_more(std::uint64_t turn) {
    const std::uint64_t id = source_->gate->wait(turn, [weak = weak_from_this()] {
      const auto self = weak.lock();
      if (self && !self->writer_->over()) self->pump();
    });
    {
      // Woken meanwhile, another thread may wait already, under a higher number.
      const std::lock_guard lock(mutex_);
      waiting_ = std::max(waiting_, id);
      if (!over_) return;
    }
    source_->gate->forget(id);
  }

  // True if there was something. A file that is not there has had no byte yet.
  Result<bool> read(StreamCursor& cursor, v1::OutputChunk& chunk) {
    if (!cursor.wanted) return false;
    if (!cursor.fd) {
      auto fd = open_at(source_->folder.get(), cursor.file, O_RDONLY);
      if (!fd && fd.error().error_number == ENOENT) return false;
      if (!fd) return fd.error();
      cursor.fd = std::move(*fd);
    }
    std::string data(limits::kChunkBytes, '\0');
    const ssize_t got = ::pread(cursor.fd.get(), data.data(), data.size(), cursor.offset);
    if (got < 0) return system_error(std::string("read ") + cursor.file);
    if (got == 0) return false;
    data.resize(static_cast<std::size_t>(got));
    chunk.set_stream(cursor.stream);
    chunk.set_offset(cursor.offset);
    chunk.set_data(std::move(data));
    cursor.offset += got;
    return true;
  }

  void over() {
    bool counted = false;
    std::uint64_t waiting = 0;
    {
      const std::lock_guard lock(mutex_);
      over_ = true;
      counted = counted_;
      waiting = waiting_;
    }
    // A job that stays silent keeps nothing of the readers that came and went.
    if (waiting != 0) source_->gate->forget(waiting);
    const auto self = shared_from_this();
    {
      const std::lock_guard lock(outputs_.mutex_);
      outputs_.followers_.erase(self);
    }
    if (!counted) return;
    std::ignore = outputs_.core_.loop.post([self] {
      self->outputs_.followed({self->job_id_, self->attempt_}, -1);
    });
  }

  Outputs& outputs_;
  const bool follow_;
  Uuid job_id_;
  int attempt_;
  std::array<StreamCursor, 2> cursors_;
  std::unique_ptr<OutputSource> source_;
  bool said_complete_ = false;
  std::shared_ptr<Writer> writer_;
  std::mutex mutex_;  // guards what follows
  bool over_ = false;
  bool counted_ = false;
  std::uint64_t waiting_ = 0;  // at the gate; 0: never yet
};

grpc::ServerWriteReactor<OutputMessage>* Outputs::read(
    const v1::WorkerServiceReadOutputRequest& request) {
  auto id = Uuid::parse(request.job_id(), "job_id");
  if (!id) return rpc::refuse_stream<OutputMessage>(id.error());
  if (request.stdout_offset() < 0 || request.stderr_offset() < 0 || request.attempt() < 0)
    return rpc::refuse_stream<OutputMessage>(
        invalid("stdout_offset, stderr_offset, attempt", "must not be below 0"));
  if (!v1::OutputStream_IsValid(request.stream()))
    return rpc::refuse_stream<OutputMessage>(
        invalid("stream", "value " + std::to_string(request.stream()) +
                              " is not known; UNSPECIFIED, STDOUT and STDERR are accepted"));
  auto follower = std::make_shared<OutputFollower>(*this, request);
  {
    const std::lock_guard lock(mutex_);
    if (ended_) return rpc::refuse_stream<OutputMessage>(gone_down());
    if (followers_.size() >= limits::kFollowersMax)
      return rpc::refuse_stream<OutputMessage>(
          make_error(ErrorCode::kResourceExhausted, "too many readers of output; try later"));
    followers_.insert(follower);
  }
  return follower->start(*id);
}

void Outputs::end_all() {
  std::set<std::shared_ptr<OutputFollower>> followers;
  {
    const std::lock_guard lock(mutex_);
    ended_ = true;
    followers = followers_;
  }
  for (const auto& follower : followers) follower->end(gone_down());
}

Result<OutputSource> Outputs::open(const Uuid& job_id, int attempt, bool follow) {
  LivePtr live =
      attempt == 0 ? core_.attempts.latest(job_id) : core_.attempts.find({job_id, attempt});
  if (live) {
    if (follow && !live->output_watch) {
      auto watch = core_.inotify.watch(live->folder.get(), IN_MODIFY | IN_CREATE,
                                       [gate = live->output](std::uint32_t) { gate->grown(); });
      if (!watch) return watch.error();
      live->output_watch = std::move(*watch);
    }
    UniqueFd folder(::fcntl(live->folder.get(), F_DUPFD_CLOEXEC, 0));
    if (!folder) return system_error("dup");
    return OutputSource{live->record.id.number, std::move(folder), live->output};
  }
  if (attempt == 0) {
    const std::vector<int> numbers = core_.state.attempts_of(job_id);
    attempt = numbers.empty() ? 1 : numbers.back();
  }
  auto folder = core_.state.open_attempt({job_id, attempt});
  if (!folder) return folder.error();
  auto end = attempt::read_exit_record(folder->get());
  if (!end) return end.error();
  auto gate = std::make_shared<OutputGate>();
  gate->mark_ended(end->end_time);
  return OutputSource{attempt, std::move(*folder), std::move(gate)};
}

void Outputs::followed(const AttemptId& id, int change) {
  const LivePtr live = core_.attempts.find(id);
  if (!live) return;
  if (change > 0) ++live->followers;
  if (change < 0 && live->followers > 0 && --live->followers == 0) live->output_watch.reset();
}

}  // namespace takt::worker
