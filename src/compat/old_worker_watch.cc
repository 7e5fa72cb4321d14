// SPDX-License-Identifier: Apache-2.0
// What the old worker says when it is asked: whether it is there, and how its jobs stand.
#include <utility>

#include "base/limits.h"
#include "base/log.h"
#include "compat/old_text.h"
#include "compat/old_worker.h"

namespace takt::compat {

void OldWorker::tick() {
  if (stopping_) return;
  for (auto& [id, held] : attempts_) look_after(held);
  const bool wanted = record_.registered || !attempts_.empty();
  const bool due = !reachable_ || BootClock::now() - last_answer_ >= limits::kOldProbePause;
  if (wanted && due) probe();
  parts_.thread.post_later(limits::kOldPollPause, [this] { tick(); });
}

void OldWorker::look_after(Held& held) {
  if (held.unsaved && save(held)) tell(held);
  if (held.record.stage != OldStage::kRunning) return;
  // What a restart interrupted is done first: the end is told as what it was asked to be.
  if (held.record.stop && !held.stop_taken) return send_stop(held);
  query_later(held);
}

void OldWorker::query_later(Held& held) {
  if (std::exchange(held.querying, true)) return;
  queries_.push_back(held.record.id);
  send_queries();
}

void OldWorker::send_queries() {
  while (!stopping_ && querying_ < limits::kOldQueriesAtOnce && !queries_.empty()) {
    const AttemptId id = queries_.front();
    queries_.pop_front();
    const Held* const held = find(id);
    if (held == nullptr) continue;
    ++querying_;
    client_->query(held->record.old_id,
                   [this, id](const Outcome<OldClient::Status>& news) { on_queried(id, news); });
  }
}

// No job has the nil id: any answer tells that somebody is there.
void OldWorker::probe() {
  if (stopping_ || std::exchange(probing_, true)) return;
  client_->query(Uuid().str(), [this](const Outcome<OldClient::Status>& news) {
    probing_ = false;
    heard(news.answered, news.result ? "" : news.result.error().message);
  });
}

void OldWorker::on_queried(const AttemptId& id, const Outcome<OldClient::Status>& outcome) {
  --querying_;
  send_queries();
  heard(outcome.answered, outcome.result ? "" : outcome.result.error().message);
  Held* const held = find(id);
  if (held == nullptr) return;
  held->querying = false;
  if (!outcome.answered || held->record.stage != OldStage::kRunning) return;
  if (!outcome.result) {
    if (is_job_not_found(outcome.result.error()))
      return finish_lost(*held, "the old worker does not know the job any more (it was restarted)");
    if (!std::exchange(held->complained, true))
      log_warning("job " + id.str() + " on the old worker " + name_ + ": " +
                  outcome.result.error().message + "; asking on");
    return;
  }
  if (!outcome.result->done) return;
  JobEnd end = end_of_old_text(outcome.result->error, outcome.result->text);
  // StopJob kills: a command that exited had done so by itself.
  if (held->record.stop && !end.exit_code) {
    end.cause = EndCause::kStopped;
    end.stopped_by = held->record.stop->by;
    end.reason = held->record.stop->reason;
  }
  finish(*held, std::move(end));
}

// Nothing was sent for them, so they may go elsewhere.
void OldWorker::refuse_probing() {
  for (auto it = attempts_.begin(); it != attempts_.end();) {
    const auto at = it++;
    if (!at->second.probing) continue;
    refuse(at->first, "the old worker does not answer");
    attempts_.erase(at);
  }
}

void OldWorker::heard(bool answered, const std::string& why) {
  if (stopping_) return;
  if (answered) {
    last_answer_ = BootClock::now();
    if (std::exchange(reachable_, true)) return;
    complained_ = false;
    log_notice("the old worker " + name_ + " answers", {{"TAKT_WORKER_ID", record_.id.str()}});
    session_->welcome();
    if (record_.registered) parts_.announce(*this);
    return;
  }
  reachable_ = false;
  if (!std::exchange(complained_, true))
    log_warning("the old worker " + name_ + " does not answer (" + why + "); asking on",
                {{"TAKT_WORKER_ID", record_.id.str()}});
  refuse_probing();
  session_->send_away(make_error(ErrorCode::kUnavailable, "the old worker at " + record_.address +
                                                              " does not answer (" + why + ")"));
}

}  // namespace takt::compat
