// SPDX-License-Identifier: Apache-2.0
// Sessions with schedulers, one for each store. Guarantees: after the hello the whole list of the
// store's attempts goes out before anything else; every change follows, ends until they are
// acknowledged; a stop for an attempt that is not here yet is kept until the session ends; a newer
// session of a store takes over, a lower epoch and another certificate are refused; a session is of
// one store, and no command of it reaches another owner's attempt. Loop thread only, but for
// accept().
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "rpc/bidi_server.h"
#include "takt/v1/worker_service.pb.h"
#include "worker/core.h"
#include "worker/pausing.h"
#include "worker/starting.h"
#include "worker/stopping.h"
#include "worker/store_claims.h"

namespace takt::worker {

// Never change it: catalogs and scripts know it.
inline constexpr std::string_view kForeignAttemptId = "7a1c40e5d2f64d0bb0f3a1f2c9d83e24";

using SessionStream = rpc::BidiServer<v1::SessionRequest, v1::SessionResponse>;

class Sessions {
 public:
  Sessions(Core& core, Starting& starting, Stopping& stopping, Pausing& pausing, Ending& ending);

  // The reactor of one Session call. Any thread.
  grpc::ServerBidiReactor<v1::SessionRequest, v1::SessionResponse>* accept(
      const rpc::Caller& caller);

  // Reports to the attempt's scheduler that the start was not taken after all; `failed_step` is set
  // if the host failed at it.
  void refuse(const LiveAttempt& live, const Error& why, const std::string& failed_step = "");

  // Ends all sessions: the worker goes down.
  void end_all();

  // The worker's capacity, or with `labels` all that a hello says, is new: tells the schedulers.
  void tell_news(bool labels);

  [[nodiscard]] bool any() const { return !sessions_.empty(); }

 private:
  struct Session;
  using SessionPtr = std::shared_ptr<Session>;

  void on_message(const SessionPtr& session, const v1::SessionRequest& message);
  void on_hello(const SessionPtr& session, const v1::SchedulerHello& hello);
  void on_start(const SessionPtr& session, const v1::StartCommand& command);
  void on_not_started(Session& session, const v1::StartCommand& command, const AttemptKey& key,
                      const Error& error);
  void on_stop(const SessionPtr& session, const v1::StopCommand& command);
  void on_freeze(const SessionPtr& session, const v1::FreezeCommand& command);
  void on_acknowledge(const SessionPtr& session, const v1::AcknowledgeCommand& command);
  void on_drain(const SessionPtr& session, const v1::DrainCommand& command);
  void on_describe(const SessionPtr& session, const v1::DescribeCommand& command);
  void send_list(Session& session);
  void send_report(Session& session, const Attempt& attempt);
  void send_capacity(Session& session);
  void send_capacities();
  void send_usages(Session& session);
  void refuse_start(Session& session, const AttemptId& id, const Error& error,
                    const std::string& failed_step = "");
  void end_start(Session& session, const AttemptId& id, JobEnd end);
  void on_change(const LivePtr& live);
  void on_heartbeat(const SessionPtr& session, const v1::Heartbeat& heartbeat);
  void on_heartbeat_time();
  void remove(const SessionPtr& session);

  Core& core_;
  Starting& starting_;
  Stopping& stopping_;
  Pausing& pausing_;
  Ending& ending_;
  std::map<std::string, SessionPtr> sessions_;  // by store id, after the hello
  StoreClaims claims_;
  std::int64_t next_number_ = 1;
  sd::Source heartbeat_;
};

// Slots of all jobs that have not ended, direct ones too.
std::int64_t occupied_slots(const Core& core);

// Whether a scheduler's start is under way that shows whether a host that has failed several can
// start jobs again.
bool probe_under_way(const Core& core);

// What this worker has now.
v1::Capacity capacity_of(const Core& core);

// The cgroup controllers that jobs can have. systemd gives its units whatever the root has; where
// it is not PID 1 only what the administrator has enabled below the root is there for jobs.
std::vector<std::string> controllers_of(const Core& core);

}  // namespace takt::worker
