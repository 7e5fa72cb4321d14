// SPDX-License-Identifier: Apache-2.0
#include "simulation/network.h"

#include <algorithm>

#include "support/in_process_link.h"

namespace takt::sim {
namespace {

using namespace std::chrono_literals;

}  // namespace

nanoseconds Path::latency() const {
  World& world = World::the();
  if (world.chance(slow)) return world.between(5ms, std::max<nanoseconds>(slowest, 5ms));
  return world.between(50us, 5ms);
}

StreamPtr Stream::dial(const Path& path, Server* server, grpc::ClientContext* context,
                       Reactor* reactor) {
  StreamPtr stream(new Stream(path, server, context, reactor));
  stream->self_ = stream;
  stream->to_worker_ = std::make_shared<Lane<v1::SessionRequest>>(
      path, [weak = std::weak_ptr(stream)](const v1::SessionRequest* message) {
        const StreamPtr self = weak.lock();
        if (self == nullptr) return;
        if (!self->server_->listens()) return self->cut();
        if (message != nullptr) return self->server_->on_message(self, *message);
        self->server_->on_end(self);
      });
  stream->to_scheduler_ = std::make_shared<Lane<v1::SessionResponse>>(
      path, [weak = std::weak_ptr(stream)](const v1::SessionResponse* message) {
        const StreamPtr self = weak.lock();
        if (self == nullptr || self->ended_) return;
        if (message != nullptr) {
          self->arrived_.push_back(*message);
        } else {
          self->ended_ = true;
        }
        self->deliver();
      });
  stream->BindReactor(reactor);
  return stream;
}

void Stream::end() {
  to_scheduler_->close();
  to_worker_->forget();
}

void Stream::cut() {
  World& world = World::the();
  to_scheduler_->cut(world.chance(0.2) ? world.between(1s, 60s) : world.between(0ms, 50ms));
  to_worker_->cut(world.chance(0.2) ? world.between(1s, 60s) : world.between(0ms, 50ms));
}

void Stream::hang_up() {
  to_worker_->forget();
  to_scheduler_->cut(World::the().between(0ms, 50ms));
}

void Stream::look() {
  if (context_ == nullptr || ended_ || !test::cancelled(*context_)) return;
  ended_ = true;
  arrived_.clear();
  to_scheduler_->forget();
  to_worker_->cut(path_.latency());
  deliver();
}

void Stream::StartCall() {
  react([this] {
    if (server_ != nullptr && server_->listens()) return;
    World::the().after(path_.latency(), [self = shared_from_this()] {
      self->ended_ = true;
      self->deliver();
    });
  });
}

void Stream::Write(const v1::SessionRequest* message, grpc::WriteOptions) {
  if (!ended_) to_worker_->send(*message);
  react([this, ok = !ended_] { reactor_->OnWriteDone(ok); });
}

void Stream::WritesDone() {
  react([this] { reactor_->OnWritesDoneDone(true); });
}

void Stream::Read(v1::SessionResponse* into) {
  into_ = into;
  World::the().after(0ns, [self = shared_from_this()] { self->deliver(); });
}

void Stream::RemoveHold() {
  --holds_;
  react([] {});
}

// Gives the reader the next message, or the end.
void Stream::deliver() {
  if (into_ == nullptr || (arrived_.empty() && !ended_)) return;
  v1::SessionResponse* const into = std::exchange(into_, nullptr);
  const bool ok = !arrived_.empty();
  if (ok) {
    *into = std::move(arrived_.front());
    arrived_.pop_front();
  } else {
    over_ = true;
  }
  react([this, ok] { reactor_->OnReadDone(ok); });
}

void Stream::react(std::function<void()> reaction) {
  ++under_way_;
  World::the().after(0ns, [self = shared_from_this(), reaction = std::move(reaction)] {
    reaction();
    if (--self->under_way_ > 0 || !self->over_ || self->holds_ > 0) return;
    if (std::exchange(self->self_, nullptr) == nullptr) return;
    self->context_ = nullptr;
    std::exchange(self->reactor_, nullptr)
        ->OnDone(grpc::Status(grpc::StatusCode::UNAVAILABLE, "the connection is gone"));
  });
}

void Network::begin(const std::string& address, grpc::ClientContext* context,
                    Stream::Reactor* reactor) {
  const auto server = servers_.find(address);
  streams_.push_back(Stream::dial(
      paths_[address], server == servers_.end() ? nullptr : server->second, context, reactor));
}

void Network::look() {
  for (const StreamPtr& stream : streams_) stream->look();
  std::erase_if(streams_, [](const StreamPtr& stream) { return stream->over(); });
}

}  // namespace takt::sim
