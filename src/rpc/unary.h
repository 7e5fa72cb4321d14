// SPDX-License-Identifier: Apache-2.0
// Unary RPCs that are answered later, from another thread. Guarantees: each is finished exactly
// once, whatever happens: by the first answer, by the client's cancel, or, when every copy of the
// handle is dropped unanswered (a loop that ended with work queued), with UNAVAILABLE. What a call
// holds is given back when gRPC is done with it and the last handle is gone: a client that gives up
// frees no share while its work waits in a queue. A large answer counts among the account's bytes
// until the client has read it; beyond them the call ends with RESOURCE_EXHAUSTED. One that fails
// with kPermissionDenied is audited first, once, whether or not a client still waits.
#pragma once

#include <grpcpp/server_context.h>
#include <grpcpp/support/server_callback.h>

#include <functional>
#include <memory>
#include <mutex>
#include <utility>

#include "base/limits.h"
#include "base/result.h"
#include "rpc/shares.h"
#include "rpc/status.h"

namespace takt::rpc {

// A handle; copies stand for the same call. Thread-safe, never blocks.
template <class Response>
class UnaryReply {
 public:
  // `response` is the one that gRPC gave to the handler. `on_cancel` is called on a gRPC thread if
  // the client gives up before the answer; the call is then finished already. `share` is held until
  // gRPC is done with the call (the client has read the answer) and the last handle is gone.
  explicit UnaryReply(Response* response, std::function<void()> on_cancel = {},
                      CallShare share = {})
      : call_(std::make_shared<Call>()), claim_(std::make_shared<Claim>(call_)) {
    call_->lease = std::move(share.lease);
    call_->take_answer = std::move(share.take_answer);
    call_->on_denied = std::move(share.on_denied);
    auto* reactor = new Reactor(call_, std::move(on_cancel));
    call_->reactor = reactor;
    call_->response = response;
    reactor_ = reactor;
  }

  // What the handler returns to gRPC. Only to be called in the handler.
  [[nodiscard]] grpc::ServerUnaryReactor* reactor() const { return reactor_; }

  // Answers. False if the call was over already; then nothing happens.
  bool finish(Response response) const { return call_->finish(std::move(response)); }
  bool fail(const Error& error) const {
    if (error.code == ErrorCode::kPermissionDenied) call_->audit(error);
    return call_->fail(to_status(error));
  }
  bool finish(Result<Response> result) const {
    return result ? finish(std::move(*result)) : fail(result.error());
  }

  // True once the call is over: answered or given up by the client.
  [[nodiscard]] bool over() const {
    const std::lock_guard lock(call_->mutex);
    return call_->reactor == nullptr;
  }

 private:
  class Reactor;

  // Of the handles and the reactor, until the last of them is gone. The right to finish is
  // `reactor`: only the one that takes it out touches it then.
  struct Call {
    ShareLease lease;  // not touched until the end
    std::mutex mutex;
    Reactor* reactor = nullptr;
    Response* response = nullptr;
    std::function<Result<ShareLease>(std::size_t)> take_answer;  // may be empty
    OnDenied on_denied;                                          // the same; until it was called

    Reactor* take() {
      const std::lock_guard lock(mutex);
      return std::exchange(reactor, nullptr);
    }
    void audit(const Error& denied) {
      OnDenied note;
      {
        const std::lock_guard lock(mutex);
        note = std::exchange(on_denied, {});
      }
      if (note) note(denied);
    }
    bool finish(Response&& answer) {
      const std::size_t bytes = take_answer ? answer.ByteSizeLong() : 0;
      Result<ShareLease> share = ShareLease();
      if (bytes > limits::kSmallAnswerBytes) share = take_answer(bytes);
      if (!share) return fail(to_status(share.error()));
      Reactor* const mine = take();
      if (mine == nullptr) return false;
      mine->hold(std::move(*share));
      *response = std::move(answer);
      mine->Finish(grpc::Status::OK);  // may be freed from here on
      return true;
    }
    bool fail(grpc::Status status) {
      Reactor* const mine = take();
      if (mine == nullptr) return false;
      mine->Finish(std::move(status));
      return true;
    }
  };

  // Shared by the handles only, not by the reactor: its end is the end of the last handle.
  struct Claim {
    explicit Claim(std::shared_ptr<Call> its_call) : call(std::move(its_call)) {}
    Claim(const Claim&) = delete;
    Claim& operator=(const Claim&) = delete;
    ~Claim() {
      call->fail(to_status(make_error(ErrorCode::kUnavailable,
                                      "the server stopped before it could answer; try again")));
    }
    std::shared_ptr<Call> call;
  };

  class Reactor : public grpc::ServerUnaryReactor {
   public:
    Reactor(std::shared_ptr<Call> call, std::function<void()> on_cancel)
        : call_(std::move(call)), on_cancel_(std::move(on_cancel)) {}
    void OnCancel() override {
      if (call_->fail(grpc::Status(grpc::StatusCode::CANCELLED, "cancelled by the client")) &&
          on_cancel_)
        on_cancel_();
    }
    void OnDone() override { delete this; }
    // Before Finish().
    void hold(ShareLease answer) { answer_ = std::move(answer); }

   private:
    const std::shared_ptr<Call> call_;
    const std::function<void()> on_cancel_;
    ShareLease answer_;
  };

  std::shared_ptr<Call> call_;
  std::shared_ptr<Claim> claim_;
  grpc::ServerUnaryReactor* reactor_ = nullptr;
};

// Answers in the handler itself.
inline grpc::ServerUnaryReactor* finish_now(grpc::CallbackServerContext* context,
                                            grpc::Status status = grpc::Status::OK) {
  grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
  reactor->Finish(std::move(status));
  return reactor;
}
inline grpc::ServerUnaryReactor* refuse(grpc::CallbackServerContext* context, const Error& error) {
  return finish_now(context, to_status(error));
}

}  // namespace takt::rpc
