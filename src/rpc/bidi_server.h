// SPDX-License-Identifier: Apache-2.0
// The server's end of a two-way stream (the worker's Session). Guarantees: one write in flight, a
// bounded queue each way, finished exactly once, exactly one on_end and nothing after it; freed
// when gRPC is done and the last handle is gone. All methods may be called from any thread;
// callbacks come on gRPC threads, one message after the other.
#pragma once

#include <grpcpp/support/server_callback.h>

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include "base/result.h"
#include "rpc/read_retry.h"
#include "rpc/read_window.h"
#include "rpc/status.h"
#include "rpc/write_queue.h"

namespace takt::rpc {

template <class In, class Out>
class BidiServer final : public grpc::ServerBidiReactor<In, Out>,
                         public std::enable_shared_from_this<BidiServer<In, Out>> {
 public:
  struct Events {
    // Holding the message counts against `window`: let it go when it is dealt with.
    std::function<void(std::shared_ptr<In>)> on_message;
    // The stream is over, for whatever reason. Called once.
    std::function<void()> on_end;
  };

  // Begins to read at once. The handler returns what get() gives. A client that closes its half
  // gets OK after what is queued.
  static std::shared_ptr<BidiServer> create(std::size_t queue_max, std::size_t window,
                                            Events events) {
    std::shared_ptr<BidiServer> stream(new BidiServer(queue_max, window, std::move(events)));
    stream->self_ = stream;
    const std::lock_guard lock(stream->mutex_);
    stream->read();
    return stream;
  }

  // Queues a message. False if the stream is ending, or ends now with RESOURCE_EXHAUSTED because
  // the queue is full.
  bool send(Out message) {
    const std::lock_guard lock(mutex_);
    if (end_) return false;
    if (!queue_.push(std::move(message))) {
      queue_.clear();
      end_ = to_status(make_error(ErrorCode::kResourceExhausted,
                                  "the peer is too slow: the queue of messages to it is full"));
    }
    pump();
    return !end_;
  }

  // Ends the stream after what is queued; messages that still arrive are dropped. The first end
  // counts.
  void finish(grpc::Status status = grpc::Status::OK) {
    const std::lock_guard lock(mutex_);
    if (!end_) end_ = std::move(status);
    pump();
  }
  void fail(const Error& error) { finish(to_status(error)); }

  [[nodiscard]] std::size_t waiting() const {
    const std::lock_guard lock(mutex_);
    return queue_.waiting();
  }

 private:
  BidiServer(std::size_t queue_max, std::size_t window, Events events)
      : queue_(queue_max), window_(window), events_(std::move(events)) {}

  void read() {
    incoming_ = std::make_unique<In>();
    this->StartRead(incoming_.get());
  }

  void pump() {
    if (finished_) return;
    if (const Out* next = queue_.begin_write()) {
      this->StartWrite(next);
    } else if (end_ && queue_.idle()) {
      finished_ = true;
      this->Finish(*end_);
    }
  }

  void OnReadDone(bool ok) override {
    if (!ok) return read_failed();
    if (unreadable()) return;
    std::shared_ptr<In> message = share(std::move(incoming_));
    if (!ending()) events_.on_message(std::move(message));
    message.reset();
    const std::lock_guard lock(mutex_);
    if (window_.arrived(false) && !end_) read();
  }

  void read_failed() {
    {
      const std::lock_guard lock(mutex_);
      if (!end_ && retry_.failed()) return read();
    }
    finish();  // the client closed its half, or is gone
  }

  // An earlier message could not be parsed. Ends the stream.
  bool unreadable() {
    const std::lock_guard lock(mutex_);
    if (!retry_.was_message()) return false;
    if (!end_) end_ = to_status(ReadRetry::error());
    pump();
    return true;
  }

  // A message whose last holder's end opens the window.
  std::shared_ptr<In> share(std::unique_ptr<In> message) {
    In* const raw = message.release();
    return std::shared_ptr<In>(raw, [stream = this->weak_from_this()](In* held) {
      delete held;
      if (const auto alive = stream.lock()) alive->released();
    });
  }

  void released() {
    const std::lock_guard lock(mutex_);
    if (window_.released() && !end_) read();
  }

  [[nodiscard]] bool ending() const {
    const std::lock_guard lock(mutex_);
    return end_.has_value();
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
    const std::shared_ptr<BidiServer> last = std::move(self_);
    const Events events = std::exchange(events_, {});
    if (events.on_end) events.on_end();
  }

  mutable std::mutex mutex_;
  WriteQueue<Out> queue_;
  ReadWindow window_;
  ReadRetry retry_;
  Events events_;  // only OnDone changes it, after all other reactions
  std::unique_ptr<In> incoming_;
  std::optional<grpc::Status> end_;
  bool finished_ = false;
  std::shared_ptr<BidiServer> self_;  // until OnDone
};

// Refuses a two-way call in the handler itself.
template <class In, class Out>
grpc::ServerBidiReactor<In, Out>* refuse_bidi(const Error& error) {
  const auto stream = BidiServer<In, Out>::create(0, 1, {});
  stream->fail(error);
  return stream.get();
}

}  // namespace takt::rpc
