// SPDX-License-Identifier: Apache-2.0
// Server-side streams of messages. Guarantees: one write in flight, a bounded queue, finished
// exactly once, freed when gRPC is done and the last handle is gone; a client that gives up ends
// the stream by itself. All methods may be called from any thread; callbacks come on gRPC threads.
//
// gRPC never runs a reaction inside Start…() or Finish(), so these are called under the lock: that
// keeps every operation before the Finish.
#pragma once

#include <grpcpp/support/server_callback.h>

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "base/check.h"
#include "base/result.h"
#include "rpc/refusals.h"
#include "rpc/status.h"
#include "rpc/write_queue.h"

namespace takt::rpc {

// Push: the owner sends whenever it has something (WatchJobs). A reader slower than `queue_max`
// messages gets RESOURCE_EXHAUSTED once it has read the message in flight; what waited is dropped.
template <class Message>
class StreamWriter final : public grpc::ServerWriteReactor<Message> {
 public:
  // `on_end` is called once, when the stream is over for whatever reason; send() is of no use then.
  static std::shared_ptr<StreamWriter> create(std::size_t queue_max,
                                              std::function<void()> on_end = {}) {
    std::shared_ptr<StreamWriter> writer(new StreamWriter(queue_max, std::move(on_end)));
    writer->self_ = writer;
    return writer;
  }

  // Queues a message. False if the stream is ending, or ends now because the reader is too slow.
  bool send(Message message) {
    const std::lock_guard lock(mutex_);
    if (end_) return false;
    if (!queue_.push(std::move(message))) {
      queue_.clear();
      end_ = to_status(make_error(ErrorCode::kResourceExhausted,
                                  "the reader is too slow: more messages waited than are kept; "
                                  "read on from the last revision received"));
    }
    pump();
    return !end_;
  }

  // Ends the stream after what is queued. The first end counts.
  void finish(grpc::Status status = grpc::Status::OK) {
    const std::lock_guard lock(mutex_);
    if (!end_) end_ = std::move(status);
    pump();
  }
  void fail(const Error& error) { finish(to_status(error)); }

  // Messages that wait behind the one in flight.
  [[nodiscard]] std::size_t waiting() const {
    const std::lock_guard lock(mutex_);
    return queue_.waiting();
  }

 private:
  StreamWriter(std::size_t queue_max, std::function<void()> on_end)
      : queue_(queue_max), on_end_(std::move(on_end)) {}

  // Starts the next operation, if any may start now.
  void pump() {
    if (finished_) return;
    if (const Message* next = queue_.begin_write()) {
      this->StartWrite(next);
    } else if (end_ && queue_.idle()) {
      finished_ = true;
      this->Finish(*end_);
    }
  }

  void OnWriteDone(bool ok) override {
    const std::lock_guard lock(mutex_);
    queue_.done();
    if (!ok) give_up();
    pump();
  }
  void OnCancel() override {
    const std::lock_guard lock(mutex_);
    give_up();
    pump();
  }
  void give_up() {
    queue_.clear();
    if (!end_) end_ = grpc::Status(grpc::StatusCode::CANCELLED, "cancelled by the client");
  }
  void OnDone() override {
    const std::shared_ptr<StreamWriter> last = std::move(self_);
    if (on_end_) std::exchange(on_end_, {})();
  }

  mutable std::mutex mutex_;
  WriteQueue<Message> queue_;
  std::optional<grpc::Status> end_;
  bool finished_ = false;
  std::function<void()> on_end_;        // only OnDone touches it
  std::shared_ptr<StreamWriter> self_;  // until OnDone
};

// Pull: asks for the next message only when the one before is written (ReadOutput), so that one is
// in flight, whatever the reader's speed, and nothing is stored.
template <class Message>
class PullWriter final : public grpc::ServerWriteReactor<Message> {
 public:
  struct Events {
    // The next message is wanted: answer with give() or finish(), now or later. Not called again
    // before that.
    std::function<void()> on_wanted;
    // Called once, when the stream is over for whatever reason.
    std::function<void()> on_end;
    // Audits a fail() with kPermissionDenied, the first one.
    OnDenied on_denied = {};
  };

  // Call start() before the handler returns.
  static std::shared_ptr<PullWriter> create(Events events) {
    std::shared_ptr<PullWriter> writer(new PullWriter(std::move(events)));
    writer->self_ = writer;
    return writer;
  }

  // Asks for the first message, on this thread.
  void start() { events_.on_wanted(); }

  // The message that was asked for. False if the stream is over.
  bool give(Message message) {
    const std::lock_guard lock(mutex_);
    if (end_) return false;
    TAKT_CHECK(!writing_, "a message that was not asked for");
    message_ = std::move(message);
    writing_ = true;
    this->StartWrite(&message_);
    return true;
  }

  // Ends the stream after the message in flight. The first end counts.
  void finish(grpc::Status status = grpc::Status::OK) {
    const std::lock_guard lock(mutex_);
    end(std::move(status));
  }
  void fail(const Error& error) {
    if (error.code == ErrorCode::kPermissionDenied) audit(error);
    finish(to_status(error));
  }

  [[nodiscard]] bool over() const {
    const std::lock_guard lock(mutex_);
    return end_.has_value();
  }

 private:
  explicit PullWriter(Events events)
      : on_denied_(std::exchange(events.on_denied, {})), events_(std::move(events)) {}

  void audit(const Error& denied) {
    OnDenied note;
    {
      const std::lock_guard lock(mutex_);
      note = std::exchange(on_denied_, {});
    }
    if (note) note(denied);
  }
  void end(grpc::Status status) {
    if (!end_) end_ = std::move(status);
    if (writing_ || finished_) return;
    finished_ = true;
    this->Finish(*end_);
  }

  void OnWriteDone(bool ok) override {
    {
      const std::lock_guard lock(mutex_);
      writing_ = false;
      if (!ok) end(grpc::Status(grpc::StatusCode::CANCELLED, "cancelled by the client"));
      if (end_) return end(*end_);
    }
    events_.on_wanted();
  }
  void OnCancel() override {
    const std::lock_guard lock(mutex_);
    end(grpc::Status(grpc::StatusCode::CANCELLED, "cancelled by the client"));
  }
  void OnDone() override {
    const std::shared_ptr<PullWriter> last = std::move(self_);
    const Events events = std::exchange(events_, {});
    if (events.on_end) events.on_end();
  }

  mutable std::mutex mutex_;
  Message message_;
  bool writing_ = false;
  std::optional<grpc::Status> end_;
  bool finished_ = false;
  OnDenied on_denied_;
  Events events_;  // only OnDone changes it, after all other reactions
  std::shared_ptr<PullWriter> self_;
};

// Refuses a server-streaming call in the handler itself.
template <class Message>
grpc::ServerWriteReactor<Message>* refuse_stream(const Error& error) {
  const auto writer = StreamWriter<Message>::create(0);
  writer->fail(error);
  return writer.get();
}

}  // namespace takt::rpc
