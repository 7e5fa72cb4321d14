// SPDX-License-Identifier: Apache-2.0
#include "scheduler/session.h"

#include <algorithm>
#include <utility>

#include "base/limits.h"

namespace takt::scheduler {

std::shared_ptr<Session> Session::create(sd::EventLoop& loop, const rpc::Credentials& credentials,
                                         std::shared_ptr<Mailbox> mailbox, Options options,
                                         Events events) {
  std::shared_ptr<Session> session(
      new Session(loop, credentials, std::move(mailbox), std::move(options), std::move(events)));
  session->dial();
  return session;
}

Session::Session(sd::EventLoop& loop, const rpc::Credentials& credentials,
                 std::shared_ptr<Mailbox> mailbox, Options options, Events events)
    : loop_(loop),
      credentials_(credentials),
      mailbox_(std::move(mailbox)),
      options_(std::move(options)),
      events_(std::move(events)),
      backoff_(limits::kReconnectMin) {}

Session::~Session() {
  if (stream_ != nullptr) stream_->cancel();
}

void Session::dial() {
  if (stage_ != Stage::kDown) return;
  redial_.reset();
  if (options_.begin) return open_stream(options_.begin);
  auto channel = credentials_.channel(options_.address, {rpc::Role::kWorker, options_.name},
                                      {.wait_for_ready = false, .retry = false, .credentials = {}});
  if (!channel) {
    redial_later();
    events_.on_down(channel.error().message);
    return;
  }
  channel_ = std::move(*channel);
  stub_ = v1::WorkerService::NewStub(channel_);
  open_stream([stub = stub_.get()](const std::string&, grpc::ClientContext* context,
                                   auto* reactor) { stub->async()->Session(context, reactor); });
}

void Session::open_stream(const Begin& begin) {
  const std::uint64_t serial = ++serial_;
  stage_ = Stage::kDialling;
  listed_ = 0;
  last_heard_ = BootClock::now();
  auto post = [weak = weak_from_this(), mailbox = mailbox_](auto handle) {
    mailbox->post([weak, handle = std::move(handle)] {
      if (const auto self = weak.lock()) handle(*self);
    });
  };
  Stream::Events events;
  events.on_message = [post, serial](std::shared_ptr<v1::SessionResponse> message) {
    post([serial, message = std::move(message)](Session& self) {
      self.on_message(serial, *message);
    });
  };
  events.on_end = [post, serial](const grpc::Status& status) {
    const std::string why = status.ok() ? "the worker ended the session" : status.error_message();
    post([serial, why](Session& self) {
      if (serial == self.serial_) self.hang_up(why);
    });
  };
  stream_ = Stream::create(limits::kSessionQueueMax, limits::kSessionWindow, std::move(events));
  stream_->start([&](grpc::ClientContext* context, auto* reactor) {
    begin(options_.address, context, reactor);
  });
  heard_beat_ = 0;
  v1::SessionRequest hello;
  hello.mutable_hello()->set_store_id(options_.store_id.str());
  hello.mutable_hello()->set_epoch(options_.epoch);
  stream_->send(std::move(hello));
  tick_later();
}

void Session::send(v1::SessionRequest message) {
  if (stage_ == Stage::kSettled) {
    last_beat_ = BootClock::now();
    stream_->send(std::move(message));  // if it is full, the stream ends and says so
  } else if (stage_ == Stage::kListing && held_.size() < limits::kSessionQueueMax) {
    held_.push_back(std::move(message));
  }
}

void Session::on_message(std::uint64_t serial, const v1::SessionResponse& message) {
  if (serial != serial_ || stage_ == Stage::kDown) return;
  last_heard_ = BootClock::now();
  if (stage_ == Stage::kDialling) {
    if (!message.has_hello()) return hang_up("the worker did not begin with a hello");
    return on_hello(message.hello());
  }
  switch (message.message_case()) {
    case v1::SessionResponse::kList:
      return on_list_part(message.list());
    case v1::SessionResponse::kListEnd:
      return on_list_end(message.list_end().count());
    case v1::SessionResponse::kReport:
      return events_.on_report(message.report());
    case v1::SessionResponse::kRefused:
      return events_.on_refused(message.refused());
    case v1::SessionResponse::kCapacity:
      return events_.on_capacity(message.capacity());
    case v1::SessionResponse::kUsages:
      return events_.on_usages(message.usages());
    case v1::SessionResponse::kDescription:
      return events_.on_description(message.description());
    case v1::SessionResponse::kHeartbeat:
      heard_beat_ = message.heartbeat().sequence();
      return beat();  // at once: of a lease, the time that this takes is lost
    case v1::SessionResponse::kHello:
      return hang_up("the worker sent a second hello");
    default:
      return;  // of a newer worker
  }
}

void Session::on_hello(const v1::WorkerHello& hello) {
  if (auto taken = events_.on_hello(hello); !taken) {
    backoff_ = limits::kReconnectMax;
    return hang_up(taken.error().message);
  }
  stage_ = Stage::kListing;
}

void Session::on_list_part(const v1::AttemptReports& part) {
  if (stage_ != Stage::kListing) return hang_up("the worker sent a list after the list's end");
  listed_ += part.reports_size();
  const std::uint64_t serial = serial_;
  for (const v1::AttemptReport& report : part.reports()) {
    events_.on_report(report);
    if (serial != serial_) return;
  }
}

void Session::on_list_end(std::int64_t count) {
  if (stage_ != Stage::kListing) return hang_up("the worker sent a second list end");
  if (count != listed_) {
    return hang_up("the worker's list is not whole: it has " + std::to_string(listed_) +
                   " attempts, not " + std::to_string(count));
  }
  stage_ = Stage::kSettled;
  last_beat_ = BootClock::now();  // what goes out now says that we have heard the worker's hello
  backoff_ = limits::kReconnectMin;
  for (v1::SessionRequest& message : std::exchange(held_, {})) stream_->send(std::move(message));
  events_.on_settled();
}

void Session::beat() {
  v1::SessionRequest message;
  last_beat_ = BootClock::now();
  message.mutable_heartbeat()->set_sequence(++beat_);
  message.mutable_heartbeat()->set_acknowledged(heard_beat_);
  send(std::move(message));
}

void Session::hang_up(const std::string& why) {
  if (stage_ == Stage::kDown) return;
  const std::shared_ptr<Session> alive = shared_from_this();  // the owner may drop it in on_down
  stage_ = Stage::kDown;
  ++serial_;
  ticker_.reset();
  held_.clear();
  if (const auto stream = std::exchange(stream_, nullptr)) stream->cancel();
  redial_later();
  events_.on_down(why);
}

void Session::redial_later() {
  redial_ = loop_.add_timer(backoff_, [this] { dial(); });
  backoff_ = std::min<nanoseconds>(backoff_ * 2, limits::kReconnectMax);
}

void Session::tick_later() {
  next_tick_ = BootClock::now() + limits::kHeartbeat;
  ticker_ = loop_.add_timer(next_tick_, [this] { tick(); });
}

void Session::tick() {
  // A loop that stood still has heard nobody: what came meanwhile is not read yet.
  if (BootClock::now() - next_tick_ >= limits::kHeartbeat) last_heard_ = BootClock::now();
  if (BootClock::now() - last_heard_ >= options_.silence_max) {
    const auto patience = std::chrono::duration_cast<seconds>(options_.silence_max).count();
    return hang_up("nothing was heard for " + std::to_string(patience) + " s");
  }
  if (stage_ == Stage::kSettled) beat();
  tick_later();
}

}  // namespace takt::scheduler
