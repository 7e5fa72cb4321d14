// SPDX-License-Identifier: Apache-2.0
#include "compat/old_worker.h"

#include <tuple>
#include <utility>

#include "base/limits.h"
#include "base/log.h"
#include "base/utf8.h"
#include "compat/old_text.h"
#include "rpc/status.h"

namespace takt::compat {
namespace {

JobEnd stopped(const StopRequest& request) {
  JobEnd end;
  end.cause = EndCause::kStopped;
  end.stopped_by = request.by;
  end.reason = request.reason;
  return end;
}

}  // namespace

std::string old_worker_name(const std::string& address) {
  std::string name = "jobscheduler@";
  for (const char c : address)
    if (name.size() < limits::kNameMaxBytes && c != '[' && c != ']') name += c == '%' ? '_' : c;
  return name;
}

Result<std::unique_ptr<OldWorker>> OldWorker::create(Parts parts, Archive::Kept kept) {
  auto client = OldClient::dial(kept.worker.address, parts.thread);
  if (!client) return client.error();
  std::unique_ptr<OldWorker> worker(
      new OldWorker(std::move(parts), std::move(kept), std::move(*client)));
  const std::string address = worker->parts_.archive.address(worker->record_.id);
  if (auto served = worker->session_->serve(address); !served) return served.error();
  return worker;
}

OldWorker::OldWorker(Parts parts, Archive::Kept kept, std::unique_ptr<OldClient> client)
    : parts_(std::move(parts)),
      name_(old_worker_name(kept.worker.address)),
      record_(std::move(kept.worker)),
      client_(std::move(client)),
      session_(std::make_unique<OldSession>(
          parts_.thread,
          OldSession::Identity{.id = record_.id, .name = name_, .slots = parts_.slots},
          session_events())) {
  for (OldAttempt& attempt : kept.attempts) {
    Held& held = attempts_[attempt.id];
    held.record = std::move(attempt);
    // A record that was mended on the way in is saved as it now is, before it is told.
    held.unsaved = held.record.stage == OldStage::kEnded;
    refresh_view(held);
  }
}

OldWorker::~OldWorker() = default;

OldSession::Events OldWorker::session_events() {
  OldSession::Events events;
  events.list = [this] {
    std::vector<Attempt> all;
    for (const auto& [id, held] : attempts_)
      if (!held.probing) all.push_back(held.view);
    return all;
  };
  events.find = [this](const AttemptId& id) -> const Attempt* {
    const Held* const held = find(id);
    return held == nullptr ? nullptr : &held->view;
  };
  events.on_start = [this](const AttemptId& id, const v1::StartCommand& command) {
    on_start(id, command);
  };
  events.on_stop = [this](const AttemptId& id, const StopRequest& request) {
    on_stop(id, request);
  };
  events.on_acknowledge = [this](const AttemptId& id) { on_acknowledge(id); };
  events.on_freeze = [this](const AttemptId& id) { on_freeze(id); };
  events.on_down = [this] { early_stops_.clear(); };
  return events;
}

OldWorker::Held* OldWorker::find(const AttemptId& id) {
  const auto found = attempts_.find(id);
  return found == attempts_.end() ? nullptr : &found->second;
}

Result<void> OldWorker::set_registered(bool registered) {
  OldWorkerRecord news = record_;
  news.registered = registered;
  if (registered) news.register_time = wall_now();
  if (auto put = parts_.archive.put(news); !put) return put;
  record_ = std::move(news);
  if (!registered) return {};
  // It is there again: it is asked at once, whatever was found out before.
  client_->reset_backoff();
  for (auto& [id, held] : attempts_) look_after(held);
  probe();
  return {};
}

void OldWorker::begin_stop() {
  stopping_ = true;
  session_->end_all();
}

void OldWorker::shutdown(milliseconds patience) {
  session_->shutdown(patience);
  client_->wait();
}

void OldWorker::on_start(const AttemptId& id, const v1::StartCommand& command) {
  if (Held* const held = find(id)) {
    if (!held->probing) session_->report(held->view);
    return;
  }
  auto words = old_command_of(command.spec(), command.submitted_by());
  if (!words) return refuse(id, words.error().message);
  if (stopping_ || attempts_.size() >= limits::kOldAttemptsMax)
    return refuse(id, "too many attempts are held for this old worker already");
  Held& held = attempts_[id];
  held.record.id = id;
  held.command = std::move(*words);
  refresh_view(held);
  if (const auto stop = early_stops_.extract(id); !stop.empty()) {
    held.record.stop = stop.mapped();
    return finish(held, stopped(*held.record.stop));
  }
  if (client_->connected()) return launch(held);
  held.probing = true;
  client_->query(Uuid().str(),
                 [this, id](const Outcome<OldClient::Status>& news) { on_probed(id, news); });
}

void OldWorker::on_probed(const AttemptId& id, const Outcome<OldClient::Status>& outcome) {
  heard(outcome.answered, outcome.result ? "" : outcome.result.error().message);
  Held* const held = find(id);
  if (held == nullptr) return;
  held->probing = false;
  if (outcome.answered && !stopping_) return launch(*held);
  attempts_.erase(id);  // the scheduler was sent away, and sends it again
}

void OldWorker::launch(Held& held) {
  const AttemptId id = held.record.id;
  if (held.record.stop) return finish(held, stopped(*held.record.stop));
  if (!save(held)) {
    std::ignore = parts_.archive.remove(record_.id, id);  // it may have its name already
    attempts_.erase(id);
    return refuse(id, "the intent to start it cannot be put on disk");
  }
  client_->start(held.command.command, held.command.path,
                 [this, id](const Outcome<std::string>& news) { on_launched(id, news); });
}

void OldWorker::on_launched(const AttemptId& id, const Outcome<std::string>& outcome) {
  Held& held = attempts_.at(id);  // not acknowledged before it has ended
  held.command = {};
  if (!outcome.answered) {
    finish_lost(held, "the old worker did not answer the start (" + outcome.result.error().message +
                          "); whether the command ran is not known");
  } else if (!outcome.result) {
    JobEnd end{.cause = EndCause::kStartFailed, .note = kOldNote};
    end.failed_step = "start";
    end.detail = outcome.result.error().message;
    finish(held, std::move(end));
  } else if (outcome.result->empty() || outcome.result->size() > limits::kOldTextMaxBytes) {
    finish_lost(held, "the old worker gave the job no usable id; whether it runs is not known");
  } else {
    held.record.stage = OldStage::kRunning;
    held.record.old_id = *outcome.result;
    held.record.start_time = wall_now();
    save(held);
    tell(held);
    log_info("job " + id.str() + " runs on the old worker " + name_ + " as " + held.record.old_id,
             {{"TAKT_JOB_ID", id.job_id.str()}});
    if (held.record.stop) send_stop(held);
  }
  heard(outcome.answered, outcome.result ? "" : outcome.result.error().message);
}

// Until then jobs of this demand go elsewhere: it will say the same again.
void OldWorker::refuse(const AttemptId& id, const std::string& why) {
  session_->refuse(id, why, wall_now() + limits::kLostAfter);
}

void OldWorker::on_stop(const AttemptId& id, const StopRequest& request) {
  Held* const held = find(id);
  if (held == nullptr) {
    if (early_stops_.size() < limits::kOldAttemptsMax) early_stops_.emplace(id, request);
    return;
  }
  if (held->record.stage == OldStage::kEnded || held->record.stop) return;
  held->record.stop = request;
  held->record.stop->reason = clean_text(request.reason, limits::kReasonMaxBytes);
  if (held->probing) return;
  save(*held);
  if (held->record.stage == OldStage::kRunning) send_stop(*held);
}

void OldWorker::send_stop(Held& held) {
  if (held.stopping || stopping_) return;
  held.stopping = true;
  client_->stop(held.record.old_id,
                [this, id = held.record.id](const Outcome<bool>& news) { on_stopped(id, news); });
}

void OldWorker::on_stopped(const AttemptId& id, const Outcome<bool>& outcome) {
  heard(outcome.answered, outcome.result ? "" : outcome.result.error().message);
  Held* const held = find(id);
  if (held == nullptr) return;
  held->stopping = false;
  if (!outcome.answered || held->record.stage != OldStage::kRunning) return;
  if (!outcome.result) {
    if (is_job_not_found(outcome.result.error()))
      return finish_lost(*held, "the old worker does not know the job any more");
    if (!std::exchange(held->complained, true))
      log_warning("job " + id.str() + " cannot be stopped by the old worker " + name_ + ": " +
                  outcome.result.error().message + "; trying on");
    return;
  }
  held->stop_taken = true;
  tell(*held);
  query_later(*held);
}

// The old wire has no word for it: the state as it is says so.
void OldWorker::on_freeze(const AttemptId& id) {
  if (const Held* const held = find(id)) session_->report(held->view);
}

void OldWorker::on_acknowledge(const AttemptId& id) {
  const Held* const held = find(id);
  if (held == nullptr || held->record.stage != OldStage::kEnded || held->unsaved) return;
  if (auto removed = parts_.archive.remove(record_.id, id); !removed)
    log_warning("attempt " + id.str() + ": " + removed.error().message);
  attempts_.erase(id);
}

void OldWorker::finish_lost(Held& held, const std::string& why) {
  JobEnd end{.cause = EndCause::kWorkerLost, .note = kOldNote};
  end.detail = why;
  finish(held, std::move(end));
}

void OldWorker::finish(Held& held, JobEnd end) {
  held.record.stage = OldStage::kEnded;
  held.record.end_time = wall_now();
  held.record.end = std::move(end);
  if (save(held)) tell(held);
}

// False if the disk refused: tick() tries again, and an end is not told before.
bool OldWorker::save(Held& held) {
  const auto put = parts_.archive.put(record_.id, held.record);
  if (!put && !held.unsaved)
    log_error("attempt " + held.record.id.str() + " on the old worker " + name_ + ": " +
              put.error().message);
  held.unsaved = !put;
  return put.ok();
}

void OldWorker::tell(Held& held) {
  refresh_view(held);
  if (held.view.end)
    log_info("job " + held.record.id.str() + " has ended: " + end_message(*held.view.end),
             {{"TAKT_JOB_ID", held.record.id.job_id.str()}});
  session_->report(held.view);
}

void OldWorker::refresh_view(Held& held) const {
  const OldAttempt& record = held.record;
  Attempt& view = held.view;
  view.id = record.id;
  view.worker_id = record_.id;
  view.worker_name = name_;
  view.boot_id = record_.id.str();
  view.start_time = record.start_time;
  view.state = JobState::kStarting;
  if (!record.old_id.empty()) view.state = JobState::kRunning;
  if (held.stop_taken) view.state = JobState::kEnding;
  if (!record.end || held.unsaved) return;
  view.end = record.end;
  view.end_time = record.end_time;
  view.state = state_of_end(*record.end);
}

}  // namespace takt::compat
