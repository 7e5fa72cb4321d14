// SPDX-License-Identifier: Apache-2.0
// The client's end of a two-way stream (the scheduler's Session). Guarantees: one write in flight,
// a bounded queue each way, exactly one on_end, nothing after it; freed when gRPC is done and the
// last handle is gone. All methods may be called from any thread; callbacks come on gRPC threads,
// one message after the other.
#pragma once

#include <grpcpp/client_context.h>
#include <grpcpp/support/client_callback.h>

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include "base/check.h"
#include "base/result.h"
#include "rpc/read_retry.h"
#include "rpc/read_window.h"
#include "rpc/status.h"
#include "rpc/write_queue.h"

namespace takt::rpc {

template <class Out, class In>
class BidiClient final : public grpc::ClientBidiReactor<Out, In>,
                         public std::enable_shared_from_this<BidiClient<Out, In>> {
 public:
  struct Events {
    // Holding the message counts against `window`: let it go when it is dealt with.
    std::function<void(std::shared_ptr<In>)> on_message;
    // The stream is over; the status as the server or gRPC gave it. Called once.
    std::function<void(const grpc::Status&)> on_end;
  };

  // `queue_max` messages may wait to be sent, `window` may be with the owner.
  static std::shared_ptr<BidiClient> create(std::size_t queue_max, std::size_t window,
                                            Events events) {
    return std::shared_ptr<BidiClient>(new BidiClient(queue_max, window, std::move(events)));
  }

  // For a deadline or metadata, before start().
  [[nodiscard]] grpc::ClientContext& context() { return context_; }

  // Once: `begin` hands context and reactor to the stub, as in stub->async()->Session(ctx,
  // reactor).
  template <class Begin>
  void start(Begin begin) {
    const std::lock_guard lock(mutex_);
    TAKT_CHECK(!self_ && !over_, "a stream is started once");
    self_ = this->shared_from_this();
    begin(&context_, this);
    this->AddHold();  // for writes and reads that come from the owner's thread
    held_ = true;
    started_ = true;
    read();
    this->StartCall();
    pump();
  }

  // Queues a message. False if the stream is ending, or ends now because the queue is full (on_end
  // then says kResourceExhausted).
  bool send(Out message) {
    bool full = false;
    {
      const std::lock_guard lock(mutex_);
      if (over_ || closing_) return false;
      full = !queue_.push(std::move(message));
      if (!full) pump();
    }
    if (full) {
      end_with(to_status(make_error(ErrorCode::kResourceExhausted,
                                    "the peer is too slow: the queue of messages to it is full")));
    }
    return !full;
  }

  // No more messages from here, after what is queued; the server then ends the stream.
  void close() {
    const std::lock_guard lock(mutex_);
    closing_ = true;
    pump();
  }

  // Ends the stream now; on_end says CANCELLED.
  void cancel() { end_with(grpc::Status(grpc::StatusCode::CANCELLED, "cancelled by this side")); }

  [[nodiscard]] std::size_t waiting() const {
    const std::lock_guard lock(mutex_);
    return queue_.waiting();
  }

 private:
  BidiClient(std::size_t queue_max, std::size_t window, Events events)
      : queue_(queue_max), window_(window), events_(std::move(events)) {}

  void end_with(grpc::Status status) {
    const std::lock_guard lock(mutex_);
    if (over_) return;
    if (!own_end_) own_end_ = std::move(status);
    queue_.clear();
    context_.TryCancel();
    if (started_ && window_.resume()) read();  // so that the end is noticed
  }

  void read() {
    incoming_ = std::make_unique<In>();
    this->StartRead(incoming_.get());
  }

  void pump() {
    if (!started_ || over_) return;
    if (const Out* next = queue_.begin_write()) {
      this->StartWrite(next);
    } else if (closing_ && queue_.idle() && !writes_done_) {
      writes_done_ = true;
      this->StartWritesDone();
    }
  }

  void OnReadDone(bool ok) override {
    if (!ok) return read_failed();
    if (unreadable()) return;
    std::shared_ptr<In> message = share(std::move(incoming_));
    if (!ending() && events_.on_message) events_.on_message(std::move(message));
    message.reset();
    const std::lock_guard lock(mutex_);
    if (window_.arrived(own_end_.has_value())) read();
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
    if (window_.released() && !over_) read();
  }

  [[nodiscard]] bool ending() const {
    const std::lock_guard lock(mutex_);
    return own_end_.has_value();
  }

  void read_failed() {
    {
      const std::lock_guard lock(mutex_);
      if (!own_end_ && retry_.failed()) return read();
    }
    reads_ended();
  }

  // An earlier message could not be parsed. Ends the stream, and reads on so that the end is
  // noticed.
  bool unreadable() {
    {
      const std::lock_guard lock(mutex_);
      if (!retry_.was_message()) return false;
    }
    end_with(to_status(ReadRetry::error()));
    const std::lock_guard lock(mutex_);
    read();
    return true;
  }

  // Nothing starts on this stream any more, so the hold goes; gRPC then calls OnDone.
  void reads_ended() {
    bool remove = false;
    {
      const std::lock_guard lock(mutex_);
      over_ = true;
      queue_.clear();
      remove = std::exchange(held_, false);
    }
    if (remove) this->RemoveHold();
  }

  void OnWriteDone(bool ok) override {
    const std::lock_guard lock(mutex_);
    queue_.done();
    if (ok) {
      pump();
    } else {
      queue_.clear();  // the read that fails next ends the stream
    }
  }

  void OnDone(const grpc::Status& status) override {
    const Events events = std::exchange(events_, {});
    std::optional<grpc::Status> own;
    {
      const std::lock_guard lock(mutex_);
      own = own_end_;
    }
    // Before on_end, so that an owner who holds on until then also ends it, on its own thread.
    std::exchange(self_, nullptr).reset();  // *this may be gone from here on
    if (events.on_end) events.on_end(own.value_or(status));
  }

  mutable std::mutex mutex_;
  grpc::ClientContext context_;
  WriteQueue<Out> queue_;
  ReadWindow window_;
  ReadRetry retry_;
  Events events_;  // only OnDone changes it, after all other reactions
  std::unique_ptr<In> incoming_;
  std::optional<grpc::Status> own_end_;
  bool started_ = false;
  bool held_ = false;
  bool closing_ = false;
  bool writes_done_ = false;
  bool over_ = false;
  std::shared_ptr<BidiClient> self_;  // from start() to OnDone
};

}  // namespace takt::rpc
