// SPDX-License-Identifier: Apache-2.0
#include "scheduler/daemon.h"

#include <csignal>
#include <tuple>
#include <utility>

#include "base/fs.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/version.h"
#include "scheduler/services.h"
#include "sd/notify.h"

namespace takt::scheduler {

namespace {

QueuePolicy policy_of(const config::SchedulerConfig& config) {
  return {static_cast<std::size_t>(config.jobs_max),
          static_cast<std::size_t>(config.jobs_of_user_max),
          static_cast<int>(config.priority_max),
          config.placement == config::Spreading::kPack ? Strategy::kPack : Strategy::kSpread,
          static_cast<std::size_t>(config.spec_bytes_of_account_max),
          config.store_max_bytes};
}

rpc::See see_of(const config::SchedulerConfig& config) {
  return config.see == config::Seeing::kAll ? rpc::See::kAll : rpc::See::kOwn;
}

store::HistoryLimits history_of(const config::SchedulerConfig& config) {
  return {.age_max = config.retain_time,
          .jobs_max = config.retain_jobs,
          .store_max_bytes = config.store_max_bytes};
}

}  // namespace

Result<std::unique_ptr<rpc::Credentials>> load_credentials(const config::SchedulerConfig& config) {
  return rpc::Credentials::load({.tls = {config.tls.certificate, config.tls.key, config.tls.ca},
                                 .insecure = config.insecure,
                                 .own = {rpc::Role::kScheduler, ""}});
}

Result<std::unique_ptr<Daemon>> Daemon::create(config::SchedulerConfig config,
                                               std::vector<sd::InheritedSocket> inherited,
                                               config::LoadOptions load) {
  std::unique_ptr<Daemon> daemon(new Daemon(std::move(config), std::move(load)));
  if (auto opened = daemon->open(std::move(inherited)); !opened) return opened.error();
  return daemon;
}

Daemon::Daemon(config::SchedulerConfig config, config::LoadOptions load)
    : config_(std::move(config)),
      load_(std::move(load)),
      shares_(std::make_shared<rpc::Shares>(rpc::share_limits_of(config_),
                                            " (takt limits shows what an account holds)")) {}

Daemon::~Daemon() {
  if (shutdown_.joinable()) shutdown_.join();
  if (credentials_) credentials_->end_watch();
  old_door_.reset();
  server_.reset();
  for (rpc::ListenSocket& socket : sockets_) rpc::close_listener(socket);
  // Commits the last batches and answers the last reads; what follows from them reaches nobody any
  // more. Before the core, which these answers may still ask.
  store_.reset();
  core_.reset();
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
  if (auto opened = open_store(); !opened) return opened;
  auto old_door = compat::SchedulerDoor::open({.listen = config_.compat_listen,
                                               .insecure = config_.compat_insecure,
                                               .slots = config_.compat_slots,
                                               .folder = config_.state_directory + "/compat"});
  if (!old_door) return old_door.error();
  old_door_ = std::move(*old_door);
  auto core = Core::create(
      *loop_, *store_, *credentials_,
      {config_.unreachable_after, config_.lost_after, {}, policy_of(config_), see_of(config_)});
  if (!core) return core.error();
  core_ = std::move(*core);
  loop_->enable_watchdog();
  return {};
}

Result<void> Daemon::open_sockets(std::vector<sd::InheritedSocket> inherited) {
  auto credentials = load_credentials(config_);
  if (!credentials) return credentials.error();
  credentials_ = std::move(*credentials);
  rpc::ListenPlan plan{.program = "takt-scheduler",
                       .inherited = {},
                       .addresses = config_.listen,
                       .fallback = config::kDefaultSchedulerListen,
                       .group = config_.group,
                       .tcp = credentials_->tcp()};
  for (sd::InheritedSocket& socket : inherited) plan.inherited.push_back(std::move(socket.fd));
  auto sockets = rpc::open_listeners(std::move(plan));
  if (!sockets) return sockets.error();
  sockets_ = std::move(*sockets);
  return {};
}

Result<void> Daemon::open_store() {
  if (auto made = make_directories(config_.state_directory, 0700); !made) return made;
  store::StoreOptions options;
  options.directory = config_.state_directory;
  options.history = history_of(config_);
  auto opened = store::Store::open(options);
  if (!opened) return opened.error();
  store_ = std::move(*opened);
  return {};
}

Result<void> Daemon::serve() {
  const rpc::AccessNames names{.user_group = config_.group,
                               .operator_group = config_.admin_group,
                               .scheduler_user = "",
                               .worker_user = config_.worker_user};
  auto policy = rpc::resolve_policy(names);
  if (!policy) return policy.error();
  rpc::ServerOptions options;
  options.policy = *policy;
  options.resolve_policy = [names] { return rpc::resolve_policy(names); };
  options.services = make_services(*core_, shares_);
  options.shares = shares_;
  options.health_names = service_names();
  options.end_streams = [core = core_.get()] { core->end_streams(); };
  options.tls = credentials_->tls();
  auto server = rpc::Server::start(std::exchange(sockets_, {}), std::move(options));
  if (!server) return server.error();
  server_ = std::move(*server);
  credentials_->watch(*server_);
  return old_door_ ? old_door_->serve(make_services(*core_, shares_)) : Result<void>();
}

Result<int> Daemon::run() {
  if (auto served = serve(); !served) return served.error();
  loop_->set_status(core_->status());
  sd::notify_ready();
  log_notice("takt-scheduler " + std::string(version()) + " serves " + server_->displays().front() +
             " (store " + store_->id().str() + ", epoch " + std::to_string(store_->epoch()) + ")");
  auto code = loop_->run();
  if (shutdown_.joinable()) shutdown_.join();
  return code;
}

void Daemon::stop() {
  std::ignore = loop_->post([this] { begin_stop(); });
}

// The manager waits until it is told that this is over.
void Daemon::reload() {
  sd::notify_reloading();
  credentials_->reload();
  config::log_reloaded(config::reload_scheduler_config(load_, config_));
  set_log_level(config_.log_level);
  shares_->set_limits(rpc::share_limits_of(config_));
  core_->set_policy(policy_of(config_));
  core_->reads().set_see(see_of(config_));
  store_->writer().set_history(history_of(config_));
  sd::notify_ready();
}

// On a thread of its own: it waits for handlers, which are answered by the loop.
void Daemon::begin_stop() {
  if (std::exchange(stopping_, true)) return;
  sd::notify_stopping();
  log_notice("going down; jobs run on");
  shutdown_ = std::thread([this] {
    const auto patience = std::chrono::duration_cast<milliseconds>(limits::kShutdownPatience);
    if (old_door_) old_door_->shutdown(patience);
    server_->shutdown(patience);
    loop_->exit(0);
  });
}

}  // namespace takt::scheduler
