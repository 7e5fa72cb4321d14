// SPDX-License-Identifier: Apache-2.0
#include "rpc/server.h"

#include <fcntl.h>

#include <chrono>
#include <utility>

#include "base/check.h"
#include "base/limits.h"
#include "base/log.h"
#include "rpc/address.h"
#include "rpc/user_names.h"

namespace takt::rpc {
namespace {

// Connections accepted just before a renewal finish their handshake in this time; a server that is
// shut down at once would cut them.
constexpr auto kLinger = std::chrono::seconds(1);
constexpr auto kResolvePause = std::chrono::seconds(1);
constexpr auto kShownNameWait = std::chrono::milliseconds(50);  // for a name that decides nothing

}  // namespace

Result<std::unique_ptr<Server>> Server::start(std::vector<ListenSocket> sockets,
                                              ServerOptions options) {
  if (sockets.empty())
    return make_error(
        ErrorCode::kInvalid,
        "there is no address to listen on: start the .socket unit, or set \"listen\"");
  for (const ListenSocket& socket : sockets) {
    TAKT_CHECK(!socket.tls || options.tls != nullptr, "no TLS for %s", socket.display.c_str());
    if (socket.unix_socket || socket.tls) continue;
    log_warning("listening on " + socket.display +
                " in plain text (insecure = yes): whoever reaches it may do everything");
  }
  std::unique_ptr<Server> server(new Server(std::move(sockets), std::move(options)));
  auto connections = OpenConnections::create();
  if (!connections) return connections.error();
  server->connections_ = std::move(*connections);
  Server* const raw = server.get();
  auto acceptor = Acceptor::start(
      server->sockets_,
      {.admit = [raw](Newcomer& newcomer) { return raw->admit(newcomer); },
       .on_connection = [raw](Newcomer newcomer) { raw->handle(std::move(newcomer)); },
       .watched_fd = server->connections_->fd(),
       .on_watched = [raw] { raw->connections_->drop_closed(); }});
  if (!acceptor) return acceptor.error();
  server->acceptor_ = std::move(*acceptor);
  return server;
}

Server::Server(std::vector<ListenSocket> sockets, ServerOptions options)
    : options_(std::move(options)),
      policy_(options_.policy),
      sockets_(std::move(sockets)),
      fixed_(new_generation(grpc::InsecureServerCredentials())),
      renewable_(options_.tls ? new_generation(options_.tls->server_credentials()) : nullptr) {
  for (const ListenSocket& socket : sockets_) displays_.push_back(socket.display);
}

Server::~Server() { shutdown(milliseconds(0)); }

std::shared_ptr<Generation> Server::new_generation(
    std::shared_ptr<grpc::ServerCredentials> credentials) {
  return std::make_shared<Generation>(std::move(credentials), options_.services,
                                      options_.health_names);
}

// gRPC would close the connection too, but say nothing that helps.
bool Server::right_language(int connection, const ListenSocket& from) {
  if (from.unix_socket) return true;
  const std::optional<Language> language = first_words(connection);
  if (!language) return false;  // hung up: a check whether the port is open, most likely
  if ((*language == Language::kTls) == from.tls) return true;
  if (language_gate_.open())
    log_warning("closed a connection from " + remote_display(connection) + " to " + from.display +
                (from.tls ? ": it spoke plain text, and this listener takes TLS only"
                          : ": it spoke TLS, and this listener takes plain text only "
                            "(insecure = yes)"));
  return false;
}

const AccessPolicy& Server::policy() {
  const BootTime now = BootClock::now();
  if (policy_.complete || !options_.resolve_policy || now - policy_resolved_ < kResolvePause)
    return policy_;
  policy_resolved_ = now;
  if (const auto again = options_.resolve_policy()) policy_ = *again;
  return policy_;
}

Result<Caller> Server::connected_caller(int connection, const ListenSocket& from) {
  if (!from.unix_socket) return from.tls ? tls_caller() : insecure_tcp_caller();
  const Result<PeerCredentials> peer = peer_credentials(connection);
  if (!peer) return peer.error();
  Caller caller = identify(*peer, policy());
  // For the account's share of the connections; each call looks it up again. Of those who have no
  // such limit it is only shown, and root does not wait for the user database.
  const nanoseconds wait = holder_of(caller).privileged ? kShownNameWait : UserNames::kWait;
  if (const auto name = UserNames::of_host().name_of(caller.uid, wait); name && *name)
    caller.user_name = **name;
  return caller;
}

// On the accept thread, as handle().
bool Server::admit(Newcomer& newcomer) {
  connections_->drop_closed();  // what has been given back counts at once
  const int fd = newcomer.connection.get();
  const ListenSocket& from = *newcomer.from;
  auto caller = connected_caller(fd, from);
  if (!caller) {
    log_warning("closed a connection to " + from.display + ": " + caller.error().message);
    return false;
  }
  newcomer.caller = std::move(*caller);
  const ShareHolder holder =
      from.unix_socket ? holder_of(newcomer.caller) : holder_of_network(fd, !from.tls);
  auto share = admit_connection(*options_.shares, holder, from.tls);
  if ((!share || share->refusal) && full_gate_.open())
    log_warning((share
                     ? "a connection to " + from.display + " is refused: " + share->refusal->message
                     : "closed a connection to " + from.display + ": " + holder.account +
                           " has too many, and too many that were refused"));
  if (!share) return false;
  newcomer.share = std::move(*share);
  return true;
}

void Server::handle(Newcomer newcomer) {
  const ListenSocket& from = *newcomer.from;
  if (!right_language(newcomer.connection.get(), from)) return;
  UniqueFd duplicate(::fcntl(newcomer.connection.get(), F_DUPFD_CLOEXEC, 0));
  if (!duplicate) return;  // out of descriptors; the next ones wait
  Generation::Offer offer{.caller = std::move(newcomer.caller),
                          .connection = std::move(newcomer.connection),
                          .listener_fd = from.fd.get(),
                          .share = std::move(newcomer.share),
                          .held = {}};
  if (this->offer(offer, from.tls) != Generation::Outcome::kTaken) {
    if (full_gate_.open())
      log_error("closed a connection of " + offer.caller.describe() +
                ": gRPC could not make a server");
    return;
  }
  auto watched = connections_->add(std::move(duplicate), std::move(offer.held));
  if (!watched) log_warning("closed a connection: " + watched.error().message);
}

Generation::Outcome Server::offer(Generation::Offer& offer, bool tls) {
  while (true) {
    std::shared_ptr<Generation> generation;
    {
      const std::lock_guard lock(mutex_);
      generation = tls ? renewable_ : fixed_;
    }
    const Generation::Outcome outcome = generation->offer(offer);
    // renew() puts the next one in place before it retires this one.
    if (outcome != Generation::Outcome::kRetired) return outcome;
  }
}

Result<void> Server::renew(const Tls& tls, milliseconds patience) {
  std::shared_ptr<Generation> next = new_generation(tls.server_credentials());
  const std::lock_guard lock(mutex_);
  if (stopping_) return make_error(ErrorCode::kUnavailable, "the server is shutting down");
  reap();
  if (drains_.size() >= limits::kDrainingMax)
    return make_error(ErrorCode::kResourceExhausted,
                      "calls still run on " + std::to_string(drains_.size()) +
                          " older sets of credentials; try again when some have ended");
  if (!renewable_) return {};  // no socket carries TLS
  Drain& added = drains_.emplace_back();
  added.generation = std::exchange(renewable_, std::move(next));
  added.generation->retire();
  added.thread = std::thread([this, &added, patience] { drain(added, patience); });
  return {};
}

// On a drain's own thread.
void Server::drain(Drain& drain, milliseconds patience) {
  {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, kLinger, [this] { return stopping_; });
  }
  drain.generation->shutdown(patience);
  const std::lock_guard lock(mutex_);
  drain.done = true;
  changed_.notify_all();
}

// Joins what has drained. Called with the lock: a done thread needs it no more.
void Server::reap() {
  for (auto it = drains_.begin(); it != drains_.end();) {
    if (!it->done) {
      ++it;
      continue;
    }
    it->thread.join();
    it = drains_.erase(it);
  }
}

std::size_t Server::identities() const {
  const std::lock_guard lock(mutex_);
  return (fixed_ ? fixed_->identities() : 0) + (renewable_ ? renewable_->identities() : 0);
}

std::size_t Server::draining() const {
  const std::lock_guard lock(mutex_);
  std::size_t count = 0;
  for (const Drain& drain : drains_) count += drain.done ? 0 : 1;
  return count;
}

void Server::shutdown(milliseconds patience) {
  const std::lock_guard one_at_a_time(shutdown_mutex_);
  const auto deadline = std::chrono::steady_clock::now() + patience;
  acceptor_.reset();  // first: gRPC leaks a connection that comes during its Shutdown
  std::shared_ptr<Generation> fixed;
  std::shared_ptr<Generation> renewable;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    fixed = std::exchange(fixed_, nullptr);
    renewable = std::exchange(renewable_, nullptr);
    changed_.notify_all();
  }
  if (!fixed) return;
  for (ListenSocket& socket : sockets_) close_listener(socket);
  if (options_.end_streams) options_.end_streams();
  std::thread beside([&] {
    if (renewable) renewable->shutdown(patience);
  });
  fixed->shutdown(patience);
  beside.join();
  std::unique_lock lock(mutex_);
  const auto all_done = [this] {
    for (const Drain& drain : drains_) {
      if (!drain.done) return false;
    }
    return true;
  };
  // Older generations may have more patience of their own: it ends here.
  while (!changed_.wait_until(lock, deadline, all_done)) {
    for (Drain& drain : drains_) drain.generation->cancel();
    if (changed_.wait_for(lock, kLinger, all_done)) break;
  }
  reap();
  connections_.reset();
}

}  // namespace takt::rpc
