// SPDX-License-Identifier: Apache-2.0
// The worker put together, in the order in which its parts need each other, and taken apart in
// reverse.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "compat/worker_door.h"
#include "config/worker_config.h"
#include "rpc/credentials.h"
#include "rpc/server.h"
#include "rpc/shares.h"
#include "sd/bus.h"
#include "sd/listen_fds.h"
#include "sd/systemd_manager.h"
#include "worker/cgroup_launcher.h"
#include "worker/core.h"
#include "worker/ending.h"
#include "worker/holdouts.h"
#include "worker/launch.h"
#include "worker/listing.h"
#include "worker/output.h"
#include "worker/pausing.h"
#include "worker/recovery.h"
#include "worker/registrar.h"
#include "worker/retention.h"
#include "worker/scope_launcher.h"
#include "worker/service.h"
#include "worker/session.h"
#include "worker/starting.h"
#include "worker/stopping.h"

namespace takt::worker {

// Never change it: catalogs and scripts know it.
inline constexpr std::string_view kWorkerGoesDownId = "7a1c40e5d2f64d0bb0f3a1f2c9d83e33";

// How the worker speaks over TCP. kInvalid if what is configured will not do. Blocks on the disk.
Result<std::unique_ptr<rpc::Credentials>> load_credentials(const config::WorkerConfig& config);

class Daemon {
 public:
  // Checks what the host offers and takes the state folder; nothing runs yet. `inherited` are the
  // sockets of systemd, if any; `load` says where a reload finds the configuration. Before other
  // threads are started (signals get blocked).
  static Result<std::unique_ptr<Daemon>> create(config::WorkerConfig config,
                                                std::vector<sd::InheritedSocket> inherited,
                                                config::LoadOptions load = {});
  ~Daemon();

  // Recovers, serves, registers; returns when a signal has asked it to go, with the exit code.
  Result<int> run();

  // Asks it to go, as SIGTERM does. Any thread.
  void stop();

  // Where it listens. After run() has begun to serve.
  [[nodiscard]] const std::vector<std::string>& displays() const { return displays_; }

  // What requests reach, for tests.
  [[nodiscard]] Parts parts() const {
    return {*core_, *starting_, *stopping_, *pausing_, *sessions_, *outputs_, *listing_, shares_};
  }

 private:
  Daemon(config::WorkerConfig config, config::LoadOptions load);

  Result<void> open(std::vector<sd::InheritedSocket> inherited);
  Result<void> open_sockets(std::vector<sd::InheritedSocket> inherited);
  Result<void> make_launchers();
  rpc::ServiceFactory services();
  Result<void> serve();
  void reload();
  void begin_stop();
  void abort_starts();
  void shut_down_server();
  void update_status();
  [[nodiscard]] std::string status() const;

  config::WorkerConfig config_;
  const config::LoadOptions load_;
  std::unique_ptr<sd::EventLoop> loop_;
  std::unique_ptr<rpc::Credentials> credentials_;
  const std::shared_ptr<rpc::Shares> shares_;
  std::vector<rpc::ListenSocket> sockets_;
  std::vector<std::string> displays_;
  std::optional<StateFolder> state_;
  std::unique_ptr<sd::Inotify> inotify_;
  std::unique_ptr<DiskThread> disk_;
  std::unique_ptr<UserLookup> users_;
  std::unique_ptr<sd::Bus> bus_;
  std::unique_ptr<sd::SystemdManager> manager_;
  std::unique_ptr<Spawner> spawner_;
  std::unique_ptr<ScopeLauncher> scope_;
  std::unique_ptr<CgroupLauncher> cgroup_;
  std::unique_ptr<Core> core_;
  std::unique_ptr<Ending> ending_;
  std::unique_ptr<Launch> launch_;
  std::unique_ptr<Stopping> stopping_;
  std::unique_ptr<Pausing> pausing_;
  std::unique_ptr<Holdouts> holdouts_;
  std::unique_ptr<Recovery> recovery_;
  std::unique_ptr<Starting> starting_;
  std::unique_ptr<Outputs> outputs_;
  std::unique_ptr<Listing> listing_;
  std::unique_ptr<Sessions> sessions_;
  std::unique_ptr<Registrar> registrar_;
  std::unique_ptr<Retention> retention_;
  std::unique_ptr<rpc::Server> server_;
  std::unique_ptr<compat::WorkerDoor> old_door_;  // null: the old wire format is not spoken
  std::thread shutdown_;
  std::vector<sd::Source> signals_;
  std::string status_;       // as told to PID 1
  sd::Source status_timer_;  // until it may be told again
};

}  // namespace takt::worker
