// SPDX-License-Identifier: Apache-2.0
// Unary client calls under way. Guarantees: each has a deadline; their number is bounded; once
// wait() or the destructor has returned, gRPC holds nothing of them. Thread-safe; `done` comes on
// gRPC's threads.
#pragma once

#include <grpcpp/client_context.h>
#include <grpcpp/support/status.h>

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <set>
#include <utility>

#include "base/clock.h"

namespace takt::compat {

class Calls {
 public:
  explicit Calls(std::size_t most) : most_(most) {}
  ~Calls() { cancel_and_wait(); }
  Calls(const Calls&) = delete;
  Calls& operator=(const Calls&) = delete;

  // begin(context, request, response, callback) hands the call to the stub;
  // done(status, response) is called once. False, and nothing was begun, if `most` are under way.
  template <class Response, class Request, class Begin, class Done>
  bool start(milliseconds deadline, Request request, Begin begin, Done done) {
    struct Call {
      grpc::ClientContext context;
      Request request;
      Response response;
    };
    auto call = std::make_shared<Call>();
    call->request = std::move(request);
    call->context.set_deadline(std::chrono::system_clock::now() + deadline);
    if (!add(&call->context)) return false;
    auto* const raw = call.get();
    begin(&raw->context, &raw->request, &raw->response,
          [this, call = std::move(call), done = std::move(done)](grpc::Status status) mutable {
            done(status, std::move(call->response));
            forget(&call->context);
            // The context holds the channel: it must not be the last to do so on this thread.
            call.reset();
            leave();
          });
    return true;
  }

  // Waits until all are answered, at the latest at their deadlines. Nothing may be started beside.
  void wait() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return under_way_ == 0; });
  }

  void cancel_and_wait() {
    std::unique_lock lock(mutex_);
    for (grpc::ClientContext* context : contexts_) context->TryCancel();
    changed_.wait(lock, [this] { return under_way_ == 0; });
  }

 private:
  bool add(grpc::ClientContext* context) {
    const std::lock_guard lock(mutex_);
    if (under_way_ >= most_) return false;
    ++under_way_;
    contexts_.insert(context);
    return true;
  }
  // From here on nobody cancels it.
  void forget(grpc::ClientContext* context) {
    const std::lock_guard lock(mutex_);
    contexts_.erase(context);
  }
  // The callback's last act: nothing of this object is touched after it.
  void leave() {
    const std::lock_guard lock(mutex_);
    --under_way_;
    changed_.notify_all();
  }

  const std::size_t most_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::set<grpc::ClientContext*> contexts_;  // that may be cancelled
  std::size_t under_way_ = 0;
};

}  // namespace takt::compat
