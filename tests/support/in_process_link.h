// SPDX-License-Identifier: Apache-2.0
// The client's end of a two-way stream without gRPC, for rpc::BidiClient: what it sends goes to a
// BidiCall, which the server's reactor answers, all in this process. See in_process.h.
#pragma once

#include <grpcpp/client_context.h>
#include <grpcpp/support/client_callback.h>

#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <utility>

#include "support/in_process.h"

namespace takt::test {

// Whether the client has called TryCancel(), of which nothing but gRPC is told.
bool cancelled(grpc::ClientContext& context);

template <class Out, class In>
class ClientLink final : public grpc::ClientCallbackReaderWriter<Out, In>,
                         public std::enable_shared_from_this<ClientLink<Out, In>> {
 public:
  using Accept = std::function<grpc::ServerBidiReactor<Out, In>*()>;

  // What a stub does: begins the call of `reactor`; `accept` is the server's handler.
  static void begin(CallThreads& threads, grpc::ClientContext* context,
                    grpc::ClientBidiReactor<Out, In>* reactor, Accept accept) {
    std::shared_ptr<ClientLink> link(new ClientLink(threads, context, reactor, std::move(accept)));
    link->self_ = link;
    link->BindReactor(reactor);
  }

  void StartCall() override {
    call_->serve(accept_());
    const std::lock_guard lock(mutex_);
    look_later();
  }
  void Write(const Out* message, grpc::WriteOptions) override {
    const std::lock_guard lock(mutex_);
    call_->send(*message);
    react([this, ok = !over_] { reactor_->OnWriteDone(ok); });
  }
  void WritesDone() override {
    const std::lock_guard lock(mutex_);
    call_->close();
    react([this] { reactor_->OnWritesDoneDone(true); });
  }
  void Read(In* into) override {
    const std::lock_guard lock(mutex_);
    if (over_) return react([this] { reactor_->OnReadDone(false); });  // as gRPC does
    into_ = into;
  }
  void AddHold(int holds) override {
    const std::lock_guard lock(mutex_);
    holds_ += holds;
  }
  void RemoveHold() override {
    const std::lock_guard lock(mutex_);
    --holds_;
    react([] {});
  }

 private:
  static constexpr std::chrono::milliseconds kPause{5};

  ClientLink(CallThreads& threads, grpc::ClientContext* context,
             grpc::ClientBidiReactor<Out, In>* reactor, Accept accept)
      : threads_(threads),
        context_(context),
        reactor_(reactor),
        accept_(std::move(accept)),
        call_(std::make_shared<BidiCall<Out, In>>(threads)) {}

  void react(std::function<void()> reaction) {
    ++under_way_;
    threads_.post([link = this->shared_from_this(), reaction = std::move(reaction)] {
      reaction();
      link->ended();
    });
  }
  void look_later() {
    react([this] { look(); });
  }

  // Gives the reader the next message, or the end.
  void look() {
    if (cancelled(*context_)) call_->cancel();
    auto message = call_->next(kPause);
    const bool end = !message && call_->at_end();
    // One that nobody has asked for yet is kept for the next time.
    const std::lock_guard lock(mutex_);
    if (message) kept_.push_back(std::move(*message));
    if (into_ == nullptr || (kept_.empty() && !end)) return look_later();
    In* const into = std::exchange(into_, nullptr);
    if (kept_.empty()) {
      over_ = true;
      return react([this] { reactor_->OnReadDone(false); });
    }
    *into = std::move(kept_.front());
    kept_.pop_front();
    react([this] {
      reactor_->OnReadDone(true);
      const std::lock_guard again(mutex_);
      look_later();
    });
  }

  void ended() {
    {
      const std::lock_guard lock(mutex_);
      if (--under_way_ > 0 || !over_ || holds_ > 0) return;
    }
    const auto status = call_->wait();
    const std::shared_ptr<ClientLink> last = std::move(self_);
    reactor_->OnDone(status.value_or(grpc::Status(grpc::StatusCode::INTERNAL, "no end")));
  }

  CallThreads& threads_;
  grpc::ClientContext* const context_;
  grpc::ClientBidiReactor<Out, In>* const reactor_;
  const Accept accept_;
  const std::shared_ptr<BidiCall<Out, In>> call_;

  std::mutex mutex_;  // guards what follows
  std::deque<In> kept_;
  In* into_ = nullptr;
  int under_way_ = 0;
  int holds_ = 0;
  bool over_ = false;                 // the reader was told of the end
  std::shared_ptr<ClientLink> self_;  // until OnDone
};

}  // namespace takt::test
