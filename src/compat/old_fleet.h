// SPDX-License-Identifier: Apache-2.0
// All old workers, and the scheduler that they are presented to. Its state is the thread's own;
// what may be called from elsewhere says so.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/limits.h"
#include "base/result.h"
#include "base/uuid.h"
#include "compat/archive.h"
#include "compat/calls.h"
#include "compat/in_process.h"
#include "compat/old_worker.h"
#include "compat/task_thread.h"
#include "takt/v1/registry_service.grpc.pb.h"

namespace takt::compat {

class OldFleet {
 public:
  // Comes on any thread.
  template <class T>
  using Done = std::function<void(const Result<T>&)>;

  OldFleet(Archive archive, int slots) : archive_(std::move(archive)), slots_(slots) {}
  // shutdown(), unless that was done.
  ~OldFleet();
  OldFleet(const OldFleet&) = delete;
  OldFleet& operator=(const OldFleet&) = delete;

  // Takes up those that are on disk. Any thread, once, before the others.
  Result<void> begin(const rpc::ServiceFactory& scheduler_services);

  // Makes the old worker at `address` known to the scheduler; gives its id. Any thread.
  void register_worker(const std::string& address, Done<Uuid> done);

  // It goes down; false if there is none of that id. Any thread.
  void deregister_worker(const std::string& id, Done<bool> done);

  // Once nothing more is asked of it. Not on the thread.
  void shutdown(milliseconds patience);

 private:
  using Answer = std::function<void(const grpc::Status&)>;

  Result<void> load();
  Result<OldWorker*> find_or_make(const std::string& address);
  Result<OldWorker*> make(Archive::Kept kept);
  Result<void> make_room();
  void tell_registered(const OldWorker& worker, const Answer& answer);
  void tell_deregistered(const OldWorker& worker, const Answer& answer);
  void announce(const OldWorker& worker);
  bool enter();

  Archive archive_;
  const int slots_;
  std::atomic<std::size_t> waiting_ = 0;  // requests that are posted
  bool shut_down_ = false;
  std::unique_ptr<InProcess> scheduler_;
  std::unique_ptr<v1::RegistryService::Stub> registry_;
  std::map<Uuid, std::unique_ptr<OldWorker>> workers_;
  Calls calls_{limits::kOldCallsMax};
  TaskThread thread_;  // ends first: it uses all of the above
};

}  // namespace takt::compat
