// SPDX-License-Identifier: Apache-2.0
// One old worker, presented to our scheduler as a worker of its own.
//
//   start: (asked first, if no connection is open) -> intent on disk -> StartJob -> running ->
//   ended
//
// Guarantees: nothing is started twice: the intent is on disk before StartJob is called, and a call
// without an answer is an end ("whether it ran is not known"), never a second try; an end is on
// disk before it is told; while the old worker does not answer the scheduler sees it as
// unreachable, and its jobs keep their state. On the thread that is given, but for what says so.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "compat/archive.h"
#include "compat/old_client.h"
#include "compat/old_session.h"
#include "compat/old_spec.h"
#include "compat/records.h"
#include "compat/task_thread.h"

namespace takt::compat {

class OldWorker {
 public:
  struct Parts {
    TaskThread& thread;
    Archive& archive;
    int slots = 0;
    // The scheduler may dial it now.
    std::function<void(const OldWorker&)> announce;
  };

  // Listens on its private socket; asks the old worker nothing yet. Any thread.
  static Result<std::unique_ptr<OldWorker>> create(Parts parts, Archive::Kept kept);
  ~OldWorker();
  OldWorker(const OldWorker&) = delete;
  OldWorker& operator=(const OldWorker&) = delete;

  // Begins to look after it, and does so until begin_stop(). Once.
  void begin() { tick(); }

  // It has registered or deregistered; durable on return.
  Result<void> set_registered(bool registered);

  [[nodiscard]] const OldWorkerRecord& record() const { return record_; }
  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] bool idle() const { return attempts_.empty(); }

  // Sends the scheduler away and begins no more calls.
  void begin_stop();
  // After begin_stop(): returns when the last handler has finished and the last call is answered,
  // whose results are then posted to the thread. On the thread only without patience.
  void shutdown(milliseconds patience);

 private:
  struct Held {
    OldAttempt record;
    OldCommand command;       // until it was sent
    bool probing = false;     // nothing on disk yet: it is looked whether the old worker is there
    bool unsaved = false;     // the disk refused; tried again
    bool querying = false;    // a QueryJob is under way or waits for its turn
    bool stopping = false;    // a StopJob is under way
    bool stop_taken = false;  // StopJob was answered
    bool complained = false;  // of an answer that makes no sense
    Attempt view;             // as the scheduler is told
  };

  OldWorker(Parts parts, Archive::Kept kept, std::unique_ptr<OldClient> client);
  OldSession::Events session_events();
  Held* find(const AttemptId& id);

  // What the scheduler asks for.
  void on_start(const AttemptId& id, const v1::StartCommand& command);
  void on_stop(const AttemptId& id, const StopRequest& request);
  void on_acknowledge(const AttemptId& id);
  void on_freeze(const AttemptId& id);
  void on_probed(const AttemptId& id, const Outcome<OldClient::Status>& outcome);
  void launch(Held& held);
  void on_launched(const AttemptId& id, const Outcome<std::string>& outcome);
  void refuse(const AttemptId& id, const std::string& why);
  void send_stop(Held& held);
  void on_stopped(const AttemptId& id, const Outcome<bool>& outcome);
  void finish(Held& held, JobEnd end);
  void finish_lost(Held& held, const std::string& why);
  bool save(Held& held);
  void tell(Held& held);
  void refresh_view(Held& held) const;

  // old_worker_watch.cc: what the old worker says by itself.
  void tick();
  void look_after(Held& held);
  void query_later(Held& held);
  void send_queries();
  void probe();
  void on_queried(const AttemptId& id, const Outcome<OldClient::Status>& outcome);
  void refuse_probing();
  void heard(bool answered, const std::string& why);

  const Parts parts_;
  const std::string name_;
  OldWorkerRecord record_;
  std::map<AttemptId, Held> attempts_;
  std::map<AttemptId, StopRequest> early_stops_;
  std::deque<AttemptId> queries_;  // that wait for their turn
  std::size_t querying_ = 0;
  bool probing_ = false;
  bool reachable_ = false;
  bool complained_ = false;
  bool stopping_ = false;
  BootTime last_answer_;
  std::unique_ptr<OldClient> client_;
  std::unique_ptr<OldSession> session_;
};

// The name of the worker that stands for the old one at `address`.
std::string old_worker_name(const std::string& address);

}  // namespace takt::compat
