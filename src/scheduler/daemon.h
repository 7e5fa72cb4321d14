// SPDX-License-Identifier: Apache-2.0
// The scheduler put together, in the order in which its parts need each other, and taken apart in
// reverse.
#pragma once

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/result.h"
#include "compat/scheduler_door.h"
#include "config/scheduler_config.h"
#include "rpc/credentials.h"
#include "rpc/listener.h"
#include "rpc/server.h"
#include "rpc/shares.h"
#include "scheduler/core.h"
#include "sd/event_loop.h"
#include "sd/listen_fds.h"
#include "store/store.h"

namespace takt::scheduler {

// How the scheduler speaks over TCP. kInvalid if what is configured will not do. Blocks on the
// disk.
Result<std::unique_ptr<rpc::Credentials>> load_credentials(const config::SchedulerConfig& config);

class Daemon {
 public:
  // Opens sockets and store, and dials the workers; nothing is served yet. `inherited` are the
  // sockets of systemd, if any; `load` says where a reload finds the configuration. Before other
  // threads are started (signals get blocked).
  static Result<std::unique_ptr<Daemon>> create(config::SchedulerConfig config,
                                                std::vector<sd::InheritedSocket> inherited,
                                                config::LoadOptions load = {});
  ~Daemon();
  Daemon(const Daemon&) = delete;
  Daemon& operator=(const Daemon&) = delete;

  // Serves until a signal has asked it to go; gives the exit code.
  Result<int> run();

  // Asks it to go, as SIGTERM does. Any thread.
  void stop();

  // The live state, for tests.
  [[nodiscard]] Core& core() { return *core_; }

 private:
  Daemon(config::SchedulerConfig config, config::LoadOptions load);
  Result<void> open(std::vector<sd::InheritedSocket> inherited);
  Result<void> open_sockets(std::vector<sd::InheritedSocket> inherited);
  Result<void> open_store();
  Result<void> serve();
  void reload();
  void begin_stop();

  config::SchedulerConfig config_;
  const config::LoadOptions load_;
  std::unique_ptr<sd::EventLoop> loop_;
  std::unique_ptr<rpc::Credentials> credentials_;
  const std::shared_ptr<rpc::Shares> shares_;
  std::vector<rpc::ListenSocket> sockets_;
  std::vector<sd::Source> signals_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<Core> core_;
  std::unique_ptr<rpc::Server> server_;
  std::unique_ptr<compat::SchedulerDoor> old_door_;  // null: the old wire format is not spoken
  std::thread shutdown_;
  bool stopping_ = false;
};

}  // namespace takt::scheduler
