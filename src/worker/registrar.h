// SPDX-License-Identifier: Apache-2.0
// Says to the scheduler that this worker is there. Guarantees: keeps trying with back-off, and
// again whenever no session has come for a while; the worker works without it meanwhile. Loop
// thread only.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>

#include "takt/v1/registry_service.grpc.pb.h"
#include "worker/core.h"

namespace takt::worker {

// Never change it: catalogs and scripts know it.
inline constexpr std::string_view kNotRegisteredId = "7a1c40e5d2f64d0bb0f3a1f2c9d83e22";

class Registrar {
 public:
  // `in_session` tells whether a scheduler holds a session now.
  Registrar(Core& core, std::function<bool()> in_session);

  // Cancels the calls under way, and waits until gRPC has let go of them.
  ~Registrar();
  Registrar(const Registrar&) = delete;
  Registrar& operator=(const Registrar&) = delete;

  // Begins, unless no scheduler is configured.
  Result<void> start();

  // Says that the worker goes down in order; `done` is called when the scheduler has answered, or
  // after limits::kDeregister.
  void deregister(std::function<void()> done);

 private:
  // The calls that gRPC still holds, by their contexts. Thread-safe.
  class Outstanding {
   public:
    void add(grpc::ClientContext* context);
    // The callback's last act: nothing of the registrar is touched after it.
    void remove(grpc::ClientContext* context);
    void cancel_and_wait();

   private:
    std::mutex mutex_;
    std::condition_variable changed_;
    std::set<grpc::ClientContext*> contexts_;
  };

  void check();
  void send();
  // A new one each time, with the certificate that is in force by then.
  Result<std::unique_ptr<v1::RegistryService::Stub>> dial() const;
  void on_answer(const grpc::Status& status);
  void check_in(nanoseconds delay);

  Core& core_;
  std::function<bool()> in_session_;
  Outstanding outstanding_;
  sd::Source timer_;
  nanoseconds backoff_;
  bool in_flight_ = false;
  bool complained_ = false;
  bool stopped_ = false;
};

}  // namespace takt::worker
