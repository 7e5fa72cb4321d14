// SPDX-License-Identifier: Apache-2.0
// Calls of one answer, through the faulty network to the scheduler's verbs.
#pragma once

#include <google/protobuf/message.h>
#include <grpcpp/support/server_callback.h>

#include <functional>
#include <memory>
#include <utility>

#include "rpc/authorize.h"
#include "rpc/check_request.h"
#include "rpc/status.h"
#include "rpc/unary.h"
#include "simulation/network.h"
#include "simulation/scheduler.h"

namespace takt::sim {

// How calls fare.
struct CallFaults {
  double lost = 0;     // of requests, and of answers
  double doubled = 0;  // of requests
  nanoseconds deadline = std::chrono::seconds(10);
};

// What stands before each verb (scheduler/services.cc); null: nothing does.
using Admit = std::function<Result<rpc::ShareLease>(Scheduler&)>;

inline Admit admission(const rpc::Caller& caller, rpc::Action action,
                       std::shared_ptr<const google::protobuf::Message> request) {
  return [caller, action, request](Scheduler& scheduler) -> Result<rpc::ShareLease> {
    if (auto may = rpc::authorize(caller, action); !may) return may.error();
    if (auto good = rpc::check_request(*request); !good) return good.error();
    return scheduler.take_share(caller);
  };
}

// The server's side of one call. Gives the answer once.
template <class Response>
class ServedCall final : public grpc::ServerCallbackUnary,
                         public std::enable_shared_from_this<ServedCall<Response>> {
 public:
  using Answer = std::function<void(const grpc::Status&, const Response&)>;

  // `verb` gets the core and the reply to answer by.
  template <class Verb>
  static void serve(scheduler::Core& core, const Verb& verb, rpc::ShareLease share, Answer answer) {
    auto call = std::make_shared<ServedCall>();
    call->answer_ = std::move(answer);
    call->self_ = call;
    rpc::UnaryReply<Response> reply(&call->response_, {}, {std::move(share), {}});
    call->reactor_ = reply.reactor();
    call->BindReactor(call->reactor_);
    verb(core, reply);
  }

  void Finish(grpc::Status status) override {
    World::the().after(nanoseconds(0), [self = std::exchange(self_, nullptr), status] {
      self->answer_(status, self->response_);
      self->reactor_->OnDone();
    });
  }
  void SendInitialMetadata() override {}

 private:
  grpc::internal::ServerReactor* reactor() override { return reactor_; }
  void CallOnDone() override {}

  Response response_;
  Answer answer_;
  grpc::ServerUnaryReactor* reactor_ = nullptr;
  std::shared_ptr<ServedCall> self_;  // until it is finished
};

inline grpc::Status unavailable(const std::string& why) {
  return {grpc::StatusCode::UNAVAILABLE, why};
}

// Calls `verb`; the answer, or what the client makes of its absence, comes exactly once.
template <class Response, class Verb>
void call(Scheduler& scheduler, const Path& path, const CallFaults& faults, Verb verb,
          std::function<void(const grpc::Status&, const Response&)> answer, Admit admit = {}) {
  World& world = World::the();
  auto open = std::make_shared<bool>(true);
  const auto give = [open, answer = std::move(answer)](const grpc::Status& status,
                                                       const Response& response) {
    if (std::exchange(*open, false)) answer(status, response);
  };
  world.after(faults.deadline, [give] {
    give(grpc::Status(grpc::StatusCode::DEADLINE_EXCEEDED, "no answer"), Response());
  });
  const auto send_back = [give, &path, faults](const grpc::Status& status,
                                               const Response& response) {
    if (World::the().chance(faults.lost) || path.cut) return;
    World::the().after(path.latency(), [give, status, response] { give(status, response); });
  };
  const auto arrive = [&scheduler, send_back, verb, admit] {
    if (scheduler.core() == nullptr)
      return send_back(unavailable("the scheduler is down"), Response());
    auto share = admit ? admit(scheduler) : rpc::ShareLease();
    if (!share) return send_back(rpc::to_status(share.error()), Response());
    ServedCall<Response>::serve(*scheduler.core(), verb, std::move(*share), send_back);
  };
  if (world.chance(faults.lost) || path.cut) return;
  world.after(path.latency(), arrive);
  if (world.chance(faults.doubled))
    world.after(world.between(path.latency(), faults.deadline * 3), arrive);
}

}  // namespace takt::sim
