// SPDX-License-Identifier: Apache-2.0
// A network that does what real ones do. Guarantees, as TCP and gRPC give them: what arrives of a
// stream arrives in order, once, and without a gap; a stream may break at any moment, and then each
// end learns it at a time of its own, or not at all. Calls may be lost, doubled, late, or answered
// in vain.
#pragma once

#include <grpcpp/client_context.h>
#include <grpcpp/support/client_callback.h>

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "scheduler/session.h"
#include "simulation/world.h"

namespace takt::sim {

// Between the scheduler and one other host.
struct Path {
  bool cut = false;       // nothing passes for now
  nanoseconds slowest{};  // that a message may be
  double slow = 0;        // how often one is
  [[nodiscard]] nanoseconds latency() const;
};

// One direction of a stream.
template <class Message>
class Lane : public std::enable_shared_from_this<Lane<Message>> {
 public:
  // `arrive` gets the messages, and nothing for the end.
  using Arrive = std::function<void(const Message*)>;
  Lane(const Path& path, Arrive arrive) : path_(path), arrive_(std::move(arrive)) {}

  void send(Message message) {
    if (!closed_) push(path_.latency(), std::move(message));
  }
  // Nothing follows what is under way.
  void close() {
    if (!std::exchange(closed_, true)) push(path_.latency(), std::nullopt);
  }
  // Of what is under way some is lost; the end is noticed after `notice`.
  void cut(nanoseconds notice) {
    if (std::exchange(closed_, true)) return;
    const auto kept = World::the().between(0, static_cast<std::int64_t>(under_way_.size()));
    under_way_.resize(static_cast<std::size_t>(kept));
    push(notice, std::nullopt);
  }
  // The receiver is gone.
  void forget() {
    closed_ = true;
    under_way_.clear();
    arrive_ = nullptr;
  }

 private:
  using Item = std::optional<Message>;

  void push(nanoseconds delay, Item item) {
    last_ = std::max(last_, World::the().now() + delay);
    under_way_.push_back({last_, std::move(item)});
    if (under_way_.size() == 1) wait(last_);
  }
  void wait(BootTime until) {
    World::the().at(until, [self = this->shared_from_this(), turn = ++turn_] {
      if (turn == self->turn_) self->look();
    });
  }
  void look() {
    if (under_way_.empty()) return;
    constexpr auto kRetransmission = std::chrono::milliseconds(700);
    if (path_.cut) return wait(World::the().now() + kRetransmission);
    const Item item = std::move(under_way_.front().second);
    under_way_.pop_front();
    if (!under_way_.empty()) wait(under_way_.front().first);
    const Arrive arrive = arrive_;
    if (arrive) arrive(item ? &*item : nullptr);
  }

  const Path& path_;
  Arrive arrive_;
  std::deque<std::pair<BootTime, Item>> under_way_;
  BootTime last_{};
  std::uint64_t turn_ = 0;
  bool closed_ = false;
};

class Stream;
using StreamPtr = std::shared_ptr<Stream>;

// A host that serves sessions.
class Server {
 public:
  Server() = default;
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  virtual ~Server() = default;
  [[nodiscard]] virtual bool listens() const = 0;
  virtual void on_message(const StreamPtr& stream, const v1::SessionRequest& message) = 0;
  virtual void on_end(const StreamPtr& stream) = 0;
};

// A session's stream: gRPC to the scheduler at the one end, a simulated worker at the other.
class Stream final
    : public grpc::ClientCallbackReaderWriter<v1::SessionRequest, v1::SessionResponse>,
      public std::enable_shared_from_this<Stream> {
 public:
  using Reactor = grpc::ClientBidiReactor<v1::SessionRequest, v1::SessionResponse>;

  static StreamPtr dial(const Path& path, Server* server, grpc::ClientContext* context,
                        Reactor* reactor);

  // The worker's end.
  void send(v1::SessionResponse message) { to_scheduler_->send(std::move(message)); }
  void end();  // after what was sent

  // The connection breaks.
  void cut();
  // The worker's process is gone.
  void hang_up();
  // Whether the scheduler has given it up, of which gRPC tells nobody.
  void look();
  // gRPC's part of it is done.
  [[nodiscard]] bool over() const { return self_ == nullptr; }

  void StartCall() override;
  void Write(const v1::SessionRequest* message, grpc::WriteOptions options) override;
  void WritesDone() override;
  void Read(v1::SessionResponse* into) override;
  void AddHold(int holds) override { holds_ += holds; }
  void RemoveHold() override;

 private:
  Stream(const Path& path, Server* server, grpc::ClientContext* context, Reactor* reactor)
      : path_(path), server_(server), context_(context), reactor_(reactor) {}
  void react(std::function<void()> reaction);
  void deliver();

  const Path& path_;
  Server* const server_;
  grpc::ClientContext* context_;  // until OnDone, as what follows
  Reactor* reactor_;
  std::shared_ptr<Lane<v1::SessionRequest>> to_worker_;
  std::shared_ptr<Lane<v1::SessionResponse>> to_scheduler_;
  std::deque<v1::SessionResponse> arrived_;
  v1::SessionResponse* into_ = nullptr;
  int under_way_ = 0;  // reactions
  int holds_ = 0;
  bool ended_ = false;  // nothing more arrives at the scheduler
  bool over_ = false;   // and it was told
  StreamPtr self_;      // until OnDone
};

class Network {
 public:
  Path& path(const std::string& address) { return paths_[address]; }
  void add(const std::string& address, Server& server) { servers_[address] = &server; }

  // What the scheduler does to open a session.
  void begin(const std::string& address, grpc::ClientContext* context, Stream::Reactor* reactor);
  // After each step of the scheduler.
  void look();
  // No stream is open.
  [[nodiscard]] bool idle() const { return streams_.empty(); }

 private:
  std::map<std::string, Path> paths_;
  std::map<std::string, Server*> servers_;
  std::vector<StreamPtr> streams_;
};

}  // namespace takt::sim
