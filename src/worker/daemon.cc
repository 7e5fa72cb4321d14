// SPDX-License-Identifier: Apache-2.0
#include "worker/daemon.h"

#include <algorithm>
#include <csignal>

#include "attempt/folder.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/version.h"
#include "sd/notify.h"

namespace takt::worker {

Result<std::unique_ptr<rpc::Credentials>> load_credentials(const config::WorkerConfig& config) {
  // The scheduler takes this worker by the name in its certificate only.
  return rpc::Credentials::load({.tls = {config.tls.certificate, config.tls.key, config.tls.ca},
                                 .insecure = config.insecure,
                                 .own = {rpc::Role::kWorker, config.name}});
}

Result<std::unique_ptr<Daemon>> Daemon::create(config::WorkerConfig config,
                                               std::vector<sd::InheritedSocket> inherited,
                                               config::LoadOptions load) {
  std::unique_ptr<Daemon> daemon(new Daemon(std::move(config), std::move(load)));
  if (auto opened = daemon->open(std::move(inherited)); !opened) return opened.error();
  return daemon;
}

Daemon::Daemon(config::WorkerConfig config, config::LoadOptions load)
    : config_(std::move(config)),
      load_(std::move(load)),
      shares_(std::make_shared<rpc::Shares>(rpc::share_limits_of(config_))) {}

Daemon::~Daemon() {
  if (shutdown_.joinable()) shutdown_.join();
  if (credentials_) credentials_->end_watch();
  old_door_.reset();
  server_.reset();
  // Results that are on their way refer to the parts below: first the threads that make them.
  listing_.reset();
  retention_.reset();
  disk_.reset();
}

Result<void> Daemon::open(std::vector<sd::InheritedSocket> inherited) {
  auto loop = sd::EventLoop::create();
  if (!loop) return loop.error();
  loop_ = std::move(*loop);
  for (const int number : {SIGTERM, SIGINT, SIGHUP}) {
    auto source = loop_->add_signal(number, [this, number] {
      if (number == SIGHUP) {
        reload();
      } else {
        begin_stop();
      }
    });
    if (!source) return source.error();
    signals_.push_back(std::move(*source));
  }
  if (auto opened = open_sockets(std::move(inherited)); !opened) return opened;
  auto old_door = compat::WorkerDoor::open({.listen = config_.compat_listen,
                                            .insecure = config_.compat_insecure,
                                            .scripts = config_.compat_scripts});
  if (!old_door) return old_door.error();
  old_door_ = std::move(*old_door);
  auto state = StateFolder::open(config_.state_directory);
  if (!state) return state.error();
  state_.emplace(std::move(*state));
  auto inotify = sd::Inotify::create(*loop_);
  if (!inotify) return inotify.error();
  inotify_ = std::move(*inotify);
  disk_ = std::make_unique<DiskThread>(*loop_);
  users_ = std::make_unique<UserLookup>(*loop_);
  spawner_ = std::make_unique<Spawner>(*loop_, config_.supervisor);
  core_.reset(new Core{.loop = *loop_,
                       .config = config_,
                       .credentials = *credentials_,
                       .state = *state_,
                       .disk = *disk_,
                       .inotify = *inotify_,
                       .users = *users_,
                       .contacts = Contacts(state_->path())});
  if (auto made = make_launchers(); !made) return made;
  ending_ = std::make_unique<Ending>(*core_);
  launch_ = std::make_unique<Launch>(*core_, *ending_);
  stopping_ = std::make_unique<Stopping>(*core_, *launch_, *ending_);
  launch_->on_running([this](const LivePtr& live) { stopping_->watch_time_limit(live); });
  pausing_ = std::make_unique<Pausing>(*core_);
  holdouts_ = std::make_unique<Holdouts>(*core_);
  recovery_ = std::make_unique<Recovery>(*core_, *ending_, *stopping_, *pausing_);
  starting_ = std::make_unique<Starting>(*core_, *launch_, *recovery_);
  outputs_ = std::make_unique<Outputs>(*core_);
  listing_ = std::make_unique<Listing>(*core_);
  sessions_ = std::make_unique<Sessions>(*core_, *starting_, *stopping_, *pausing_, *ending_);
  registrar_ = std::make_unique<Registrar>(*core_, [this] { return sessions_->any(); });
  retention_ = std::make_unique<Retention>(*core_);
  return {};
}

Result<void> Daemon::open_sockets(std::vector<sd::InheritedSocket> inherited) {
  auto credentials = load_credentials(config_);
  if (!credentials) return credentials.error();
  credentials_ = std::move(*credentials);
  rpc::ListenPlan plan{.program = "takt-worker",
                       .inherited = {},
                       .addresses = config_.listen,
                       .fallback = config::kDefaultWorkerListen,
                       .group = config_.group,
                       .tcp = credentials_->tcp()};
  for (sd::InheritedSocket& socket : inherited) plan.inherited.push_back(std::move(socket.fd));
  auto sockets = rpc::open_listeners(std::move(plan));
  if (!sockets) return sockets.error();
  sockets_ = std::move(*sockets);
  return {};
}

Result<void> Daemon::make_launchers() {
  const bool booted = sd::booted();
  if (config_.launcher == config::Launcher::kScope && !booted)
    return invalid("launcher", "scope needs systemd as PID 1; write auto or cgroup");
  if (booted) {
    bus_ = std::make_unique<sd::Bus>(*loop_, sd::Bus::Options());
    manager_ = std::make_unique<sd::SystemdManager>(*bus_, *loop_);
    scope_ = std::make_unique<ScopeLauncher>(*spawner_, *manager_);
    core_->scope = scope_.get();
  }
  if (auto tree = cgroup::Tree::find(); !tree)
    return tree.error().in("takt-worker needs the unified cgroup hierarchy (cgroup2)");
  const std::string name =
      config_.cgroup.empty() ? "takt-" + state_->worker_id().str().substr(0, 8) : config_.cgroup;
  cgroup_ = std::make_unique<CgroupLauncher>(*loop_, *spawner_, manager_.get(), name);
  core_->cgroup = cgroup_.get();
  const bool by_scope = config_.launcher == config::Launcher::kScope ||
                        (config_.launcher == config::Launcher::kAuto && booted);
  core_->default_launcher = by_scope ? Launcher::kScope : Launcher::kCgroup;
  const std::vector<std::string> controllers = controllers_of(*core_);
  core_->tasks_limited =
      std::find(controllers.begin(), controllers.end(), "pids") != controllers.end();
  return {};
}

rpc::ServiceFactory Daemon::services() {
  return [this](const rpc::Caller& caller) {
    const Parts parts = this->parts();
    std::vector<std::unique_ptr<grpc::Service>> services;
    services.push_back(std::make_unique<WorkerServiceImpl>(parts, caller));
    return services;
  };
}

Result<void> Daemon::serve() {
  const rpc::AccessNames names{.user_group = config_.group,
                               .operator_group = config_.admin_group,
                               .scheduler_user = config_.scheduler_user,
                               .worker_user = ""};
  auto policy = rpc::resolve_policy(names);
  if (!policy) return policy.error();
  rpc::ServerOptions options;
  options.policy = *policy;
  options.resolve_policy = [names] { return rpc::resolve_policy(names); };
  options.tls = credentials_->tls();
  options.health_names = {"takt.v1.WorkerService"};
  options.services = services();
  options.shares = shares_;
  auto server = rpc::Server::start(std::move(sockets_), std::move(options));
  if (!server) return server.error();
  server_ = std::move(*server);
  displays_ = server_->displays();
  credentials_->watch(*server_);
  return old_door_ ? old_door_->serve(services()) : Result<void>();
}

Result<int> Daemon::run() {
  if (auto recovered = recovery_->run(); !recovered) return recovered.error();
  if (scope_) scope_->sweep();
  cgroup_->sweep([this](const AttemptId& id) { return core_->attempts.owner_of(id).has_value(); });
  if (auto served = serve(); !served) return served.error();
  if (auto started = registrar_->start(); !started) return started.error();
  loop_->enable_watchdog();
  loop_->on_turn_end([this] { update_status(); });
  sd::notify_ready();
  log_notice("takt-worker " + std::string(version()) + " \"" + config_.name + "\" serves " +
             displays_.front());
  auto code = loop_->run();
  if (shutdown_.joinable()) shutdown_.join();
  return code;
}

// The manager waits until it is told that this is over.
void Daemon::reload() {
  sd::notify_reloading();
  credentials_->reload();
  const auto reloaded = config::reload_worker_config(load_, config_);
  shares_->set_limits(rpc::share_limits_of(config_));
  config::log_reloaded(reloaded);
  set_log_level(config_.log_level);
  if (reloaded && !reloaded->taken.empty()) sessions_->tell_news(reloaded->has("worker.labels"));
  sd::notify_ready();
}

void Daemon::stop() {
  std::ignore = loop_->post([this] { begin_stop(); });
}

// A line a second at most: PID 1 has more to do than to read them.
void Daemon::update_status() {
  if (status_timer_ || status() == status_) return;
  status_timer_ = loop_->add_timer(nanoseconds(limits::kStatusPause), [this] {
    status_timer_.reset();
    status_ = status();
    sd::notify_status(status_);
  });
}

std::string Daemon::status() const {
  std::size_t starting = 0;
  std::size_t running = 0;
  std::size_t paused = 0;
  for (const auto& [id, live] : core_->attempts.all()) {
    if (live->record.state == JobState::kStarting) ++starting;
    if (live->record.state == JobState::kRunning) ++running;
    if (live->record.state == JobState::kPaused) ++paused;
  }
  return std::to_string(running) + " running, " +
         (paused > 0 ? std::to_string(paused) + " paused, " : "") + std::to_string(starting) +
         " starting; " + (sessions_->any() ? "in session" : "no scheduler");
}

// Takes no more starts, finishes or aborts those before `go`, deregisters, goes. Jobs run on.
void Daemon::begin_stop() {
  if (core_->stopping) return;
  core_->stopping = true;
  sd::notify_stopping();
  abort_starts();
  log_notice("going down; " + std::to_string(core_->attempts.all().size()) + " jobs run on",
             {message_id(kWorkerGoesDownId)});
  registrar_->deregister([this] { shut_down_server(); });
}

void Daemon::abort_starts() {
  std::vector<LivePtr> starts;
  for (const auto& [id, live] : core_->attempts.all())
    if (!live->went()) starts.push_back(live);
  for (const LivePtr& live : starts) {
    sessions_->refuse(*live, make_error(ErrorCode::kUnavailable, "the worker goes down"));
    launch_->discard(live);
  }
}

// On a thread of its own: it waits for handlers, which are answered by the loop.
void Daemon::shut_down_server() {
  sessions_->end_all();
  outputs_->end_all();
  shutdown_ = std::thread([this] {
    const auto patience = std::chrono::duration_cast<milliseconds>(limits::kShutdownPatience);
    if (old_door_) old_door_->shutdown(patience);
    server_->shutdown(patience);
    loop_->exit(0);
  });
}

}  // namespace takt::worker
