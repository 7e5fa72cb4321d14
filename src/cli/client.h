// SPDX-License-Identifier: Apache-2.0
// The connection to the scheduler. Guarantees: a call has a deadline, and outlives a restart of the
// scheduler within its patience; a signal ends it at once (kCancelled). So every call made here
// must be one that may be repeated.
#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "base/limits.h"
#include "cli/interrupts.h"
#include "rpc/credentials.h"
#include "rpc/status.h"
#include "takt/v1/job_service.grpc.pb.h"
#include "takt/v1/operator_service.grpc.pb.h"

namespace takt::cli {

class Client {
 public:
  // Says at once why a unix socket cannot be reached, or whose certificate will not do; does not
  // wait for an answer.
  static Result<std::unique_ptr<Client>> connect(const std::string& address,
                                                 const rpc::Credentials& credentials,
                                                 microseconds patience, Interrupts& interrupts);

  template <class Request, class Response>
  using JobMethod = grpc::Status (v1::JobService::Stub::*)(grpc::ClientContext*, const Request&,
                                                           Response*);
  template <class Request, class Response>
  using OperatorMethod = grpc::Status (v1::OperatorService::Stub::*)(grpc::ClientContext*,
                                                                     const Request&, Response*);

  // `spare` signals more do not end the call.
  template <class Request, class Response>
  Result<Response> call(JobMethod<Request, Response> method, const Request& request,
                        int spare = 0) {
    return repeat<Response>(
        [&](auto* context, auto* response) {
          return ((*jobs_).*method)(context, request, response);
        },
        patience_, spare);
  }
  template <class Request, class Response>
  Result<Response> call(OperatorMethod<Request, Response> method, const Request& request) {
    return repeat<Response>(
        [&](auto* context, auto* response) {
          return ((*operators_).*method)(context, request, response);
        },
        patience_, 0);
  }

  // Another one on the same connection, for another thread, with signals of its own.
  [[nodiscard]] std::unique_ptr<Client> with(Interrupts& interrupts) const;

  // How long calls try from now on, if that is less than it was.
  void give_up_after(microseconds patience) { patience_ = std::min(patience_, patience); }

  // For streams: the caller makes the context and minds the signals.
  v1::JobService::Stub& jobs() { return *jobs_; }
  Interrupts& interrupts() { return interrupts_; }

  // GetJob; the id as the user gave it. With a patience of its own where the caller tries again.
  Result<v1::Job> get_job(const std::string& id);
  Result<v1::Job> get_job(const std::string& id, microseconds patience);

  // The parts of a job, by index.
  Result<std::vector<v1::Job>> list_parts(const std::string& whole);

  // ListWorkers, all pages.
  Result<v1::ListWorkersResponse> list_workers();

 private:
  // One call's tries: when the last may end, and the pause before the next.
  struct Tries {
    microseconds patience;
    BootTime deadline;
    milliseconds pause = limits::kClientPauseMin;
  };

  Client(std::string address, bool tls, microseconds patience, Interrupts& interrupts);
  void prepare(grpc::ClientContext& context, const Tries& tries) const;
  // Waits before the next try; or the error to give up with.
  Result<void> again(const grpc::Status& status, Tries& tries, int spare);

  template <class Response, class Method>
  Result<Response> repeat(const Method& method, microseconds patience, int spare) {
    Tries tries{.patience = patience, .deadline = BootClock::now() + patience};
    for (;;) {
      grpc::ClientContext context;
      prepare(context, tries);
      Response response;
      grpc::Status status;
      {
        const Interrupts::Call guard(interrupts_, context, spare);
        status = method(&context, &response);
      }
      if (status.ok()) return response;
      if (auto more = again(status, tries, spare); !more) return more.error();
    }
  }

  const std::string address_;
  const bool tls_;
  microseconds patience_;
  Interrupts& interrupts_;
  std::shared_ptr<v1::JobService::Stub> jobs_;  // thread-safe
  std::shared_ptr<v1::OperatorService::Stub> operators_;
};

// Whether nobody was reached, so that the same call may succeed later.
bool out_of_reach(const Error& error);

// Whether the same call may succeed later: what a restart cuts, or a server that is too busy.
bool may_repeat(const grpc::Status& status);

}  // namespace takt::cli
