// SPDX-License-Identifier: Apache-2.0
#include "compat/old_session.h"

#include <unistd.h>

#include <utility>

#include "base/limits.h"
#include "base/utf8.h"
#include "compat/old_spec.h"
#include "rpc/authorize.h"
#include "rpc/convert.h"
#include "rpc/unary.h"

namespace takt::compat {
namespace {

constexpr mode_t kOwnerOnly = 0600;
constexpr std::size_t kReportsMax = 2 * limits::kOldAttemptsMax;  // that wait for the scheduler

Error not_here(const std::string& verb) {
  return make_error(ErrorCode::kUnimplemented,
                    verb +
                        " is not possible on an old worker (jobscheduler); the scheduler gives "
                        "it jobs");
}

Error over() { return make_error(ErrorCode::kUnavailable, "the scheduler is going down"); }

Result<AttemptId> read_id(const std::string& job_id, int number) {
  const auto id = Uuid::parse(job_id, "job_id");
  if (!id) return id.error();
  if (number < 1) return invalid("attempt", std::to_string(number) + " is below 1");
  return AttemptId{*id, number};
}

void complete(OldSession::OutputWriter& writer, int attempt, WallTime when) {
  v1::WorkerServiceReadOutputResponse message;
  message.set_complete(true);
  message.set_attempt(attempt);
  *message.mutable_end_time() = rpc::time_to_proto(when);
  writer.send(std::move(message));
  writer.finish();
}

}  // namespace

// One Session call.
struct OldSession::Link {
  std::shared_ptr<Stream> stream;
  bool over = false;
};

// A reader that waits for the end.
struct OldSession::Follower {
  AttemptId attempt;
  std::shared_ptr<OutputWriter> writer;
};

class OldSession::Service final : public v1::WorkerService::CallbackService {
 public:
  Service(OldSession& session, rpc::Caller caller) : session_(session), guard_(std::move(caller)) {}

  grpc::ServerBidiReactor<v1::SessionRequest, v1::SessionResponse>* Session(
      grpc::CallbackServerContext* context) override {
    if (auto caller = guard_.admit_stream(*context, rpc::Action::kWorkerSession); !caller)
      return rpc::refuse_bidi<v1::SessionRequest, v1::SessionResponse>(caller.error());
    return session_.accept();
  }
  grpc::ServerWriteReactor<v1::WorkerServiceReadOutputResponse>* ReadOutput(
      grpc::CallbackServerContext* context,
      const v1::WorkerServiceReadOutputRequest* request) override {
    if (auto caller = guard_.admit(*context, rpc::Action::kWorkerReadOutput, *request); !caller)
      return rpc::refuse_stream<v1::WorkerServiceReadOutputResponse>(caller.error());
    return session_.read_output(*request);
  }
  grpc::ServerUnaryReactor* StartJob(grpc::CallbackServerContext* context,
                                     const v1::WorkerServiceStartJobRequest*,
                                     v1::WorkerServiceStartJobResponse*) override {
    return rpc::refuse(context, not_here("StartJob"));
  }
  grpc::ServerUnaryReactor* StopJob(grpc::CallbackServerContext* context,
                                    const v1::WorkerServiceStopJobRequest*,
                                    v1::WorkerServiceStopJobResponse*) override {
    return rpc::refuse(context, not_here("StopJob"));
  }
  grpc::ServerUnaryReactor* QueryJob(grpc::CallbackServerContext* context,
                                     const v1::QueryJobRequest*, v1::QueryJobResponse*) override {
    return rpc::refuse(context, not_here("QueryJob"));
  }
  grpc::ServerUnaryReactor* ListJobs(grpc::CallbackServerContext* context,
                                     const v1::WorkerServiceListJobsRequest*,
                                     v1::WorkerServiceListJobsResponse*) override {
    return rpc::refuse(context, not_here("ListJobs"));
  }

 private:
  OldSession& session_;
  const rpc::Guard guard_;
};

OldSession::OldSession(TaskThread& thread, Identity identity, Events events)
    : thread_(thread),
      identity_(std::move(identity)),
      events_(std::move(events)),
      why_not_(make_error(ErrorCode::kUnavailable, "the old worker was not asked yet")) {}

OldSession::~OldSession() = default;

Result<void> OldSession::serve(const std::string& address) {
  auto socket = rpc::bind_address(address, {.mode = kOwnerOnly});
  if (!socket) return socket.error();
  rpc::ServerOptions options;
  options.policy.own_uid = ::geteuid();
  options.services = [this](const rpc::Caller& caller) {
    std::vector<std::unique_ptr<grpc::Service>> services;
    services.push_back(std::make_unique<Service>(*this, caller));
    return services;
  };
  std::vector<rpc::ListenSocket> sockets;
  sockets.push_back(std::move(*socket));
  auto server = rpc::Server::start(std::move(sockets), std::move(options));
  if (!server) return server.error();
  server_ = std::move(*server);
  return {};
}

void OldSession::shutdown(milliseconds patience) {
  if (server_) server_->shutdown(patience);
}

grpc::ServerBidiReactor<v1::SessionRequest, v1::SessionResponse>* OldSession::accept() {
  auto link = std::make_shared<Link>();
  auto stream =
      Stream::create(kReportsMax, limits::kSessionWindow,
                     {.on_message =
                          [this, link](const std::shared_ptr<v1::SessionRequest>& news) {
                            thread_.post([this, link, news] { on_message(link, *news); });
                          },
                      .on_end = [this, link] { thread_.post([this, link] { on_end(link); }); }});
  // Only the thread uses it; a message that is quicker than this waits behind it.
  thread_.post([link, stream] { link->stream = stream; });
  return stream.get();
}

void OldSession::on_message(const LinkPtr& link, const v1::SessionRequest& message) {
  if (link->over) return;
  if (!link->stream) return thread_.post([this, link, message] { on_message(link, message); });
  if (why_not_) return link->stream->fail(*why_not_);
  if (message.has_hello()) return on_hello(link, message.hello());
  if (link_ == link) return on_command(link, message);
  link->stream->fail(make_error(ErrorCode::kFailedPrecondition, "a session begins with a hello"));
}

void OldSession::on_hello(const LinkPtr& link, const v1::SchedulerHello& hello) {
  if (hello.epoch() < epoch_)
    return link->stream->fail(
        make_error(ErrorCode::kFailedPrecondition, "a scheduler with a newer epoch is known"));
  epoch_ = hello.epoch();
  if (link_) {
    link_->stream->fail(make_error(ErrorCode::kCancelled, "a newer session took over"));
    events_.on_down();
  }
  link_ = link;
  link->stream->send(make_hello());
  send_list(*link);
  beat(link);
}

v1::SessionResponse OldSession::make_hello() {
  v1::SessionResponse message;
  v1::WorkerHello& hello = *message.mutable_hello();
  hello.set_worker_id(identity_.id.str());
  // What it holds survives every restart, so it is always the same boot.
  hello.set_boot_id(identity_.id.str());
  hello.set_session_number(++sessions_);
  hello.set_name(identity_.name);
  hello.set_version("jobscheduler");
  (*hello.mutable_labels())[kCompatLabel] = kCompatValue;
  hello.mutable_capacity()->set_slots(identity_.slots);
  return message;
}

void OldSession::send_list(Link& link) {
  const std::vector<Attempt> attempts = events_.list();
  v1::SessionResponse part;
  for (const Attempt& attempt : attempts) {
    *part.mutable_list()->add_reports()->mutable_attempt() = rpc::attempt_to_proto(attempt);
    const auto filled = static_cast<std::size_t>(part.list().reports_size());
    if (filled >= limits::kReportsPerMessage)
      link.stream->send(std::exchange(part, v1::SessionResponse()));
  }
  if (part.list().reports_size() > 0) link.stream->send(std::move(part));
  v1::SessionResponse end;
  end.mutable_list_end()->set_count(static_cast<std::int64_t>(attempts.size()));
  link.stream->send(std::move(end));
}

void OldSession::on_command(const LinkPtr& link, const v1::SessionRequest& message) {
  const auto read = [&message]() -> Result<AttemptId> {
    if (message.has_start()) return read_id(message.start().job_id(), message.start().attempt());
    if (message.has_stop()) return read_id(message.stop().job_id(), message.stop().attempt());
    if (message.has_freeze()) return read_id(message.freeze().job_id(), message.freeze().attempt());
    return read_id(message.acknowledge().job_id(), message.acknowledge().attempt());
  };
  if (!message.has_start() && !message.has_stop() && !message.has_freeze() &&
      !message.has_acknowledge())
    return;
  const auto id = read();
  if (!id) return link->stream->fail(id.error());
  if (message.has_start()) return events_.on_start(*id, message.start());
  if (message.has_freeze()) return events_.on_freeze(*id);
  if (message.has_acknowledge()) return events_.on_acknowledge(*id);
  StopRequest request;
  request.by = message.stop().stopped_by();
  request.reason = message.stop().reason();
  events_.on_stop(*id, request);
}

void OldSession::on_end(const LinkPtr& link) {
  link->over = true;
  link->stream.reset();
  if (link_ != link) return;
  link_.reset();
  events_.on_down();
}

// The scheduler hangs up on a worker that is silent.
void OldSession::beat(const LinkPtr& link) {
  if (link_ != link) return;
  v1::SessionResponse message;
  message.mutable_heartbeat()->set_sequence(BootClock::now().time_since_epoch().count());
  send(std::move(message));
  thread_.post_later(limits::kHeartbeat, [this, link] { beat(link); });
}

void OldSession::send(v1::SessionResponse message) {
  if (link_) link_->stream->send(std::move(message));
}

void OldSession::send_away(const Error& why) {
  why_not_ = why;
  if (link_) link_->stream->fail(why);  // on_end follows
}

void OldSession::end_all() {
  ended_ = true;
  send_away(over());
  for (const Follower& follower : std::exchange(followers_, {})) follower.writer->fail(over());
}

void OldSession::report(const Attempt& attempt) {
  v1::SessionResponse message;
  *message.mutable_report()->mutable_attempt() = rpc::attempt_to_proto(attempt);
  send(std::move(message));
  if (!attempt.end) return;
  for (auto it = followers_.begin(); it != followers_.end();) {
    const auto follower = it++;
    if (follower->attempt != attempt.id) continue;
    complete(*follower->writer, attempt.id.number, attempt.end_time.value_or(wall_now()));
    followers_.erase(follower);
  }
}

void OldSession::refuse(const AttemptId& attempt, const std::string& text, WallTime retry_time) {
  v1::SessionResponse message;
  v1::StartRefused& refused = *message.mutable_refused();
  refused.set_job_id(attempt.job_id.str());
  refused.set_attempt(attempt.number);
  refused.set_message(clean_text(text));
  *refused.mutable_retry_time() = rpc::time_to_proto(retry_time);
  send(std::move(message));
}

grpc::ServerWriteReactor<v1::WorkerServiceReadOutputResponse>* OldSession::read_output(
    const v1::WorkerServiceReadOutputRequest& request) {
  const auto id = read_id(request.job_id(), std::max(1, request.attempt()));
  if (!id) return rpc::refuse_stream<v1::WorkerServiceReadOutputResponse>(id.error());
  auto slot = std::make_shared<std::weak_ptr<OutputWriter>>();
  const auto writer = OutputWriter::create(1, [this, slot] {
    thread_.post([this, slot] {
      const auto gone = slot->lock();
      followers_.remove_if([&gone](const Follower& held) { return held.writer == gone; });
    });
  });
  *slot = writer;
  thread_.post(
      [this, id = *id, follow = request.follow(), writer] { on_reader(id, follow, writer); });
  return writer.get();
}

// An attempt that is not held any more has ended.
void OldSession::on_reader(const AttemptId& id, bool follow,
                           const std::shared_ptr<OutputWriter>& to) {
  if (ended_) return to->fail(over());
  const Attempt* const attempt = events_.find(id);
  if (attempt == nullptr || attempt->end)
    return complete(*to, id.number,
                    attempt == nullptr ? wall_now() : attempt->end_time.value_or(wall_now()));
  if (!follow) return to->finish();
  if (followers_.size() >= limits::kFollowersMax)
    return to->fail(make_error(ErrorCode::kResourceExhausted,
                               std::to_string(limits::kFollowersMax) + " readers wait already"));
  followers_.push_back({id, to});
}

}  // namespace takt::compat
