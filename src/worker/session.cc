// SPDX-License-Identifier: Apache-2.0
#include "worker/session.h"

#include <algorithm>
#include <atomic>

#include "base/limits.h"
#include "base/log.h"
#include "base/utf8.h"
#include "base/version.h"
#include "rpc/convert.h"
#include "rpc/convert_spec.h"
#include "worker/usage.h"

namespace takt::worker {
namespace {

constexpr std::size_t kQueueMax = 16384;  // reports that wait for a slow scheduler
constexpr std::size_t kWindow = 256;      // commands on their way to the loop

// The attempt that a command of this owner names.
template <class Command>
Result<AttemptKey> read_key(const Owner& owner, const Command& command) {
  auto id = Uuid::parse(command.job_id(), "job_id");
  if (!id) return id.error();
  if (command.attempt() < 1)
    return invalid("attempt", std::to_string(command.attempt()) + " is below 1");
  return AttemptKey{owner, {*id, command.attempt()}};
}

JobEnd not_taken(const Error& error) {
  return {.cause = EndCause::kStartFailed,
          .failed_step = "policy",
          .error_number = error.error_number,
          .field = error.field,
          .detail = error.message};
}

JobEnd lost(const Error& error) {
  return {.cause = EndCause::kSupervisorLost, .detail = error.message};
}

}  // namespace

struct Sessions::Session {
  std::shared_ptr<SessionStream> stream;
  rpc::Caller caller;
  std::string store_id;  // empty until the hello
  [[nodiscard]] Owner owner() const { return Owner::scheduler(store_id); }
  std::atomic<bool> refused{false};  // the loop is full or gone: nothing will come of it
  BootTime last_heard = BootClock::now();
  BootTime greeted;  // when our hello was sent
  std::map<AttemptId, attempt::StopRecord> early_stops;
};

Sessions::Sessions(Core& core, Starting& starting, Stopping& stopping, Pausing& pausing,
                   Ending& ending)
    : core_(core), starting_(starting), stopping_(stopping), pausing_(pausing), ending_(ending) {
  core_.on_change.push_back([this](const LivePtr& live) { on_change(live); });
  core_.refuse = [this](const LiveAttempt& live, const Error& why, const std::string& step) {
    refuse(live, why, step);
  };
  core_.on_capacity = [this] { tell_news(false); };
  heartbeat_ = core_.loop.add_timer(limits::kHeartbeat, [this] { on_heartbeat_time(); });
}

grpc::ServerBidiReactor<v1::SessionRequest, v1::SessionResponse>* Sessions::accept(
    const rpc::Caller& caller) {
  auto session = std::make_shared<Session>();
  session->caller = caller;
  auto stream = SessionStream::create(
      kQueueMax, kWindow,
      {.on_message =
           [this, session](std::shared_ptr<v1::SessionRequest> message) {
             std::ignore =
                 core_.loop.post([this, session, message] { on_message(session, *message); });
           },
       .on_end =
           [this, session] {
             std::ignore = core_.loop.post([this, session] { remove(session); });
           }});
  // Only the loop uses it; a message that is quicker than this waits behind it.
  if (!core_.loop.post([session, stream] { session->stream = stream; })) {
    session->refused = true;
    stream->fail(make_error(ErrorCode::kUnavailable, "the worker is too busy, or goes down"));
  }
  return stream.get();
}

void Sessions::on_message(const SessionPtr& session, const v1::SessionRequest& message) {
  if (!session->stream) {
    if (session->refused) return;
    // The message overtook the post of accept(): once more, behind it.
    std::ignore = core_.loop.post([this, session, message] { on_message(session, message); });
    return;
  }
  session->last_heard = BootClock::now();
  if (message.has_hello()) return on_hello(session, message.hello());
  const auto known = sessions_.find(session->store_id);
  if (known == sessions_.end() || known->second != session)
    return session->stream->fail(
        make_error(ErrorCode::kFailedPrecondition, "a session begins with a hello"));
  if (message.has_start()) return on_start(session, message.start());
  if (message.has_stop()) return on_stop(session, message.stop());
  if (message.has_freeze()) return on_freeze(session, message.freeze());
  if (message.has_acknowledge()) return on_acknowledge(session, message.acknowledge());
  if (message.has_describe()) return on_describe(session, message.describe());
  if (message.has_drain()) return on_drain(session, message.drain());
  if (message.has_heartbeat()) return on_heartbeat(session, message.heartbeat());
}

void Sessions::on_hello(const SessionPtr& session, const v1::SchedulerHello& hello) {
  auto store = Uuid::parse(hello.store_id(), "hello.store_id");
  if (!store) return session->stream->fail(store.error());
  if (!session->store_id.empty())
    return session->stream->fail(
        make_error(ErrorCode::kFailedPrecondition, "the scheduler sent a second hello"));
  if (auto may = claims_.claim(*store, hello.epoch(), session->caller); !may)
    return session->stream->fail(may.error());
  session->store_id = store->str();
  if (const auto old = sessions_.find(session->store_id); old != sessions_.end())
    old->second->stream->fail(
        make_error(ErrorCode::kCancelled, "a newer session of this store took over"));
  sessions_[session->store_id] = session;

  v1::SessionResponse message;
  v1::WorkerHello* mine = message.mutable_hello();
  mine->set_worker_id(core_.state.worker_id().str());
  mine->set_boot_id(boot_id());
  mine->set_session_number(next_number_++);
  mine->set_name(core_.config.name);
  mine->mutable_labels()->insert(core_.config.labels.begin(), core_.config.labels.end());
  (*mine->mutable_labels())["worker"] = core_.config.name;
  *mine->mutable_capacity() = capacity_of(core_);
  mine->set_version(version());
  session->greeted = BootClock::now();
  session->stream->send(std::move(message));
  send_list(*session);
  log_notice("session with scheduler store " + session->store_id + ", epoch " +
             std::to_string(hello.epoch()));
}

void Sessions::send_list(Session& session) {
  v1::SessionResponse part;
  std::size_t bytes = 0;
  std::int64_t count = 0;
  for (const LivePtr& live : core_.attempts.of(session.owner())) {
    ++count;
    *part.mutable_list()->add_reports()->mutable_attempt() = rpc::attempt_to_proto(live->record);
    const auto filled = static_cast<std::size_t>(part.list().reports_size());
    bytes += part.list().reports(part.list().reports_size() - 1).ByteSizeLong();
    if (filled < limits::kReportsPerMessage && bytes < limits::kPageMaxBytes) continue;
    session.stream->send(std::exchange(part, v1::SessionResponse()));
    bytes = 0;
  }
  if (part.list().reports_size() > 0) session.stream->send(std::move(part));
  v1::SessionResponse end;
  end.mutable_list_end()->set_count(count);
  session.stream->send(std::move(end));
}

void Sessions::send_report(Session& session, const Attempt& attempt) {
  v1::SessionResponse message;
  *message.mutable_report()->mutable_attempt() = rpc::attempt_to_proto(attempt);
  session.stream->send(std::move(message));
}

void Sessions::send_capacity(Session& session) {
  v1::SessionResponse message;
  *message.mutable_capacity() = capacity_of(core_);
  session.stream->send(std::move(message));
}

void Sessions::send_capacities() {
  for (const auto& [store, session] : sessions_) send_capacity(*session);
}

void Sessions::on_change(const LivePtr& live) {
  // What direct jobs take is missing from what schedulers may give.
  const Owner owner = live->owner();
  if (owner.is_direct()) return send_capacities();
  // As long as one start is tried at a time, a slot that is free again is none to give.
  if (core_.health.state() == StartHealth::State::kProbing && has_ended(live->record.state))
    send_capacities();
  const auto found = sessions_.find(owner.name());
  if (found != sessions_.end()) send_report(*found->second, live->record);
}

void Sessions::on_start(const SessionPtr& session, const v1::StartCommand& command) {
  const auto key = read_key(session->owner(), command);
  if (!key) return session->stream->fail(key.error());
  auto spec = rpc::spec_from_proto(command.spec());
  if (!spec) return end_start(*session, key->id, not_taken(spec.error()));
  core_.contacts.heard(session->store_id, session->greeted);  // it has read our list
  rpc::Caller scheduler = session->caller;
  scheduler.role = rpc::Role::kScheduler;
  StartRequest request{.key = *key,
                       .spec = std::move(*spec),
                       .submitted_by = command.submitted_by(),
                       .caller = std::move(scheduler),
                       .has_run = command.has_run()};
  // A known attempt is told again; a new one tells of itself.
  const bool known = core_.attempts.find(*key) != nullptr;
  auto started =
      starting_.start(std::move(request), [this, session, key = *key](const Attempt& attempt) {
        if (!core_.attempts.find(key)) send_report(*session, attempt);
      });
  if (!started) return on_not_started(*session, command, *key, started.error());
  const LivePtr live = core_.attempts.find(*key);
  if (live && known) send_report(*session, live->record);
  const auto stop = session->early_stops.extract(key->id);
  if (live && !stop.empty()) std::ignore = stopping_.stop(live, stop.mapped());
}

void Sessions::on_not_started(Session& session, const v1::StartCommand& command,
                              const AttemptKey& key, const Error& error) {
  const std::vector<LogField> fields = {{"TAKT_JOB_ID", key.id.job_id.str()},
                                        {"TAKT_ATTEMPT", std::to_string(key.id.number)}};
  switch (error.code) {
    case ErrorCode::kExists:
      // Refused, it would be sent elsewhere, and perhaps run twice. The next session sends it
      // again.
      return log_error("attempt " + key.id.str() + ": " + error.message, fields);
    case ErrorCode::kFailedPrecondition: {
      std::vector<LogField> foreign = fields;
      foreign.push_back(message_id(kForeignAttemptId));
      log_error("refused a start of " + key.owner.describe() + ": " + error.message, foreign);
      // What it ran here is not on record any more: it may not run elsewhere.
      if (command.has_run()) return end_start(session, key.id, lost(error));
      return refuse_start(session, key.id, error);
    }
    case ErrorCode::kDataLoss:
      return end_start(session, key.id, lost(error));
    case ErrorCode::kInvalid:
    case ErrorCode::kPermissionDenied:
      return end_start(session, key.id, not_taken(error));
    default:
      return refuse_start(session, key.id, error,
                          error.code == ErrorCode::kSystem ? kRecordStep : "");
  }
}

// Nothing was kept: the scheduler may send it elsewhere.
void Sessions::refuse_start(Session& session, const AttemptId& id, const Error& error,
                            const std::string& failed_step) {
  v1::SessionResponse message;
  v1::StartRefused* refused = message.mutable_refused();
  refused->set_job_id(id.job_id.str());
  refused->set_attempt(id.number);
  refused->set_message(clean_text(error.message, limits::kReasonMaxBytes));
  refused->set_failed_step(failed_step);
  session.stream->send(std::move(message));
}

// This worker will never run it (again): an end, told without being kept. If it gets lost, the
// start comes again and is answered the same.
void Sessions::end_start(Session& session, const AttemptId& id, JobEnd end) {
  Attempt attempt;
  attempt.id = id;
  attempt.worker_id = core_.state.worker_id();
  attempt.worker_name = core_.config.name;
  attempt.boot_id = boot_id();
  attempt.end = std::move(end);
  attempt.end_time = wall_now();
  attempt.state = state_of_end(*attempt.end);
  send_report(session, attempt);
}

void Sessions::on_stop(const SessionPtr& session, const v1::StopCommand& command) {
  const auto key = read_key(session->owner(), command);
  if (!key) return session->stream->fail(key.error());
  attempt::StopRecord stop;
  stop.by = command.stopped_by();
  stop.reason = command.reason();
  if (command.has_grace()) {
    auto grace = rpc::duration_from_proto(command.grace(), "grace", limits::kStopGraceMax);
    if (!grace) return session->stream->fail(grace.error());
    stop.grace = *grace;
  }
  const LivePtr live = core_.attempts.find(*key);
  if (!live) {
    if (session->early_stops.size() < limits::kStartsWaiting) session->early_stops[key->id] = stop;
    return;
  }
  if (auto stopped = stopping_.stop(live, stop); !stopped)
    log_error("job " + key->id.str() + ": " + stopped.error().message, fields_of(*live));
}

void Sessions::on_freeze(const SessionPtr& session, const v1::FreezeCommand& command) {
  const auto key = read_key(session->owner(), command);
  if (!key) return session->stream->fail(key.error());
  const LivePtr live = core_.attempts.find(*key);
  if (!live) return;  // the next list, or the report of its end, tells the scheduler
  const bool settled =
      live->record.state == (command.frozen() ? JobState::kPaused : JobState::kRunning);
  if (settled) return send_report(*session, live->record);
  // Done is reported as any change is.
  pausing_.set_frozen(live, command.frozen(), [this, session, live](const Result<void>& done) {
    if (done) return;
    log_warning("job " + live->record.id.str() + ": " + done.error().message, fields_of(*live));
    send_report(*session, live->record);
  });
}

void Sessions::on_acknowledge(const SessionPtr& session, const v1::AcknowledgeCommand& command) {
  const auto key = read_key(session->owner(), command);
  if (!key) return session->stream->fail(key.error());
  if (const LivePtr live = core_.attempts.find(*key)) ending_.acknowledge(live);
}

void Sessions::on_describe(const SessionPtr& session, const v1::DescribeCommand& command) {
  const auto key = read_key(session->owner(), command);
  if (!key) return session->stream->fail(key.error());
  v1::SessionResponse message;
  v1::AttemptDescription* description = message.mutable_description();
  description->set_job_id(command.job_id());
  description->set_attempt(command.attempt());
  if (const LivePtr live = core_.attempts.find(*key)) {
    *description->mutable_spec() = rpc::spec_to_proto(live->acceptance.spec);
    description->set_submitted_by(clean_text(live->acceptance.submitted_by));
  }
  session->stream->send(std::move(message));
}

void Sessions::refuse(const LiveAttempt& live, const Error& why, const std::string& failed_step) {
  const auto found = sessions_.find(live.owner().name());
  if (found != sessions_.end()) refuse_start(*found->second, live.record.id, why, failed_step);
}

// It stands until its scheduler says otherwise, whether the session is open or not.
void Sessions::on_drain(const SessionPtr& session, const v1::DrainCommand& command) {
  if (!command.has_drain()) {
    core_.drains.erase(session->store_id);
    return;
  }
  const v1::Drain& drain = command.drain();
  core_.drains[session->store_id] =
      clean_text(drain.requested_by(), limits::kReasonMaxBytes) +
      (drain.reason().empty() ? "" : ": " + clean_text(drain.reason(), limits::kReasonMaxBytes));
}

void Sessions::on_heartbeat(const SessionPtr& session, const v1::Heartbeat& heartbeat) {
  const std::string& store = session->store_id;
  core_.contacts.heard(store, BootTime(nanoseconds(heartbeat.acknowledged())));
  const std::vector<LivePtr> own = core_.attempts.of(session->owner());
  if (std::any_of(own.begin(), own.end(),
                  [](const LivePtr& live) { return live->acceptance.spec.lease.has_value(); }))
    core_.contacts.note(store);
}

void Sessions::on_heartbeat_time() {
  heartbeat_ = core_.loop.add_timer(limits::kHeartbeat, [this] { on_heartbeat_time(); });
  const BootTime now = BootClock::now();
  for (const auto& [store, session] : sessions_) {
    if (now - session->last_heard > limits::kUnreachableAfter) {
      session->stream->fail(make_error(ErrorCode::kDeadlineExceeded,
                                       "nothing was heard from the scheduler for too long"));
      continue;
    }
    v1::SessionResponse message;
    message.mutable_heartbeat()->set_sequence(now.time_since_epoch().count());
    session->stream->send(std::move(message));
    send_usages(*session);
  }
}

// For display only: what a slow scheduler misses now, the next one tells.
void Sessions::send_usages(Session& session) {
  for (v1::SessionResponse& message : usage_messages(core_.attempts.of(session.owner())))
    session.stream->send(std::move(message));
}

void Sessions::remove(const SessionPtr& session) {
  const auto found = sessions_.find(session->store_id);
  if (found == sessions_.end() || found->second != session) return;
  log_notice("session with scheduler store " + session->store_id + " is over");
  sessions_.erase(found);
}

// Labels are told in a hello, and each session begins with one.
void Sessions::tell_news(bool labels) {
  for (const auto& [store, session] : sessions_) {
    if (!labels) {
      send_capacity(*session);
    } else {
      session->stream->fail(
          make_error(ErrorCode::kUnavailable, "the worker's labels have changed"));
    }
  }
}

void Sessions::end_all() {
  for (const auto& [store, session] : sessions_)
    session->stream->fail(make_error(ErrorCode::kUnavailable, "the worker goes down"));
}

}  // namespace takt::worker
