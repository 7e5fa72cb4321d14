// SPDX-License-Identifier: Apache-2.0
// Calls without gRPC: the server's side of a call (what a handler returns) is driven by threads of
// the test, as gRPC's threads would do it, and the test is the client. For ThreadSanitizer, which
// sees all of it. Guarantees, as gRPC gives them: no reaction runs inside the call that starts an
// operation; one read and one write at a time; OnDone comes last, once.
#pragma once

#include <grpcpp/support/server_callback.h>

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "support/eventually.h"

namespace takt::test {

// gRPC's threads: whatever is posted runs on any of them.
class CallThreads {
 public:
  explicit CallThreads(std::size_t count);
  // Runs what was posted, and what that posts.
  ~CallThreads();
  CallThreads(const CallThreads&) = delete;
  CallThreads& operator=(const CallThreads&) = delete;

  void post(std::function<void()> task);

  // Blocks until nothing is left to do: every call that was begun is over. Aborts after a while.
  void wait_idle();

 private:
  void work();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> tasks_;
  std::size_t running_ = 0;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

// What all kinds of calls have in common. `Rpc` is gRPC's interface of one kind.
template <class Rpc, class Reactor>
class ServerCall : public Rpc, public std::enable_shared_from_this<ServerCall<Rpc, Reactor>> {
 public:
  explicit ServerCall(CallThreads& threads) : threads_(threads) {}

  // What the handler returned. Once.
  void serve(Reactor* reactor) {
    {
      const std::lock_guard lock(mutex_);
      reactor_ = reactor;
      ++under_way_;
    }
    this->BindReactor(reactor);
    ended();
  }

  // The client gives up.
  void cancel() {
    const std::lock_guard lock(mutex_);
    if (std::exchange(cancelled_, true) || finished_) return;
    react([this] { reactor_->OnCancel(); });
    on_cancelled();
  }

  // The status, once the handler is done with the call; nothing when the patience is over.
  std::optional<grpc::Status> wait() {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, kPatience, [this] { return done_; })) return std::nullopt;
    return status_;
  }

  void Finish(grpc::Status status) override {
    const std::lock_guard lock(mutex_);
    end(std::move(status));
  }
  void SendInitialMetadata() override {}

 protected:
  // Has a reaction run; under the lock.
  void react(std::function<void()> reaction) {
    ++under_way_;
    threads_.post([self = this->shared_from_this(), reaction = std::move(reaction)] {
      reaction();
      self->ended();
    });
  }
  void end(grpc::Status status) {
    finished_ = true;
    status_ = std::move(status);
    on_cancelled();
    changed_.notify_all();
    react([] {});
  }
  // Completes what waits for the client, who will not come; under the lock.
  virtual void on_cancelled() {}

  [[nodiscard]] bool over() const { return cancelled_ || finished_; }

  std::mutex mutex_;
  std::condition_variable changed_;
  Reactor* reactor_ = nullptr;

 private:
  void ended() {
    {
      const std::lock_guard lock(mutex_);
      if (--under_way_ > 0 || !finished_) return;
    }
    reactor_->OnDone();
    const std::lock_guard lock(mutex_);
    done_ = true;
    changed_.notify_all();
  }
  grpc::internal::ServerReactor* reactor() override { return reactor_; }
  void CallOnDone() override {}

  CallThreads& threads_;
  int under_way_ = 0;  // reactions, and serve()
  bool cancelled_ = false;
  bool finished_ = false;
  bool done_ = false;
  grpc::Status status_;
};

// A call with one answer, which the handler writes into `response`.
template <class Response>
class UnaryCall final : public ServerCall<grpc::ServerCallbackUnary, grpc::ServerUnaryReactor> {
 public:
  using ServerCall::ServerCall;
  Response response;
};

// What a client reads of a stream; a base of the streaming calls.
template <class Base, class Message>
class ReadableCall : public Base {
 public:
  using Base::Base;

  // The next message; nothing at the end of the stream, or when the patience is over.
  std::optional<Message> next(std::chrono::milliseconds patience = kPatience) {
    std::unique_lock lock(this->mutex_);
    this->changed_.wait_for(lock, patience, [this] { return !sent_.empty() || this->over(); });
    if (sent_.empty()) return std::nullopt;
    std::optional<Message> message(std::move(sent_.front()));
    sent_.pop_front();
    return message;
  }

  // No more messages come.
  [[nodiscard]] bool at_end() {
    const std::lock_guard lock(this->mutex_);
    return sent_.empty() && this->over();
  }

  void Write(const Message* message, grpc::WriteOptions) override {
    const std::lock_guard lock(this->mutex_);
    const bool ok = !this->over();
    if (ok) sent_.push_back(*message);
    this->changed_.notify_all();
    this->react([this, ok] { this->reactor_->OnWriteDone(ok); });
  }
  void WriteAndFinish(const Message* message, grpc::WriteOptions, grpc::Status status) override {
    const std::lock_guard lock(this->mutex_);
    sent_.push_back(*message);
    this->end(std::move(status));
  }

 private:
  std::deque<Message> sent_;
};

template <class Message>
using StreamCall =
    ReadableCall<ServerCall<grpc::ServerCallbackWriter<Message>, grpc::ServerWriteReactor<Message>>,
                 Message>;

// Two ways: the client sends `In`, the handler `Out`.
template <class In, class Out>
class BidiCall final
    : public ReadableCall<
          ServerCall<grpc::ServerCallbackReaderWriter<In, Out>, grpc::ServerBidiReactor<In, Out>>,
          Out> {
 public:
  using ReadableCall<
      ServerCall<grpc::ServerCallbackReaderWriter<In, Out>, grpc::ServerBidiReactor<In, Out>>,
      Out>::ReadableCall;

  void send(In message) {
    const std::lock_guard lock(this->mutex_);
    received_.push_back(std::move(message));
    hand_over();
  }
  // No more messages from the client.
  void close() {
    const std::lock_guard lock(this->mutex_);
    closed_ = true;
    hand_over();
  }

  void Read(In* into) override {
    const std::lock_guard lock(this->mutex_);
    into_ = into;
    hand_over();
  }

 private:
  void hand_over() {
    if (into_ == nullptr) return;
    const bool ok = !received_.empty() && !this->over();
    if (!ok && !closed_ && !this->over()) return;
    if (ok) {
      *into_ = std::move(received_.front());
      received_.pop_front();
    }
    into_ = nullptr;
    this->react([this, ok] { this->reactor_->OnReadDone(ok); });
  }
  void on_cancelled() override { hand_over(); }

  std::deque<In> received_;
  In* into_ = nullptr;
  bool closed_ = false;
};

}  // namespace takt::test
