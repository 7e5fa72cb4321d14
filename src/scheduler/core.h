// SPDX-License-Identifier: Apache-2.0
// The scheduler's live state, put together. Guarantees: all of it belongs to the loop's thread; it
// is rebuilt from the store when a commit has failed, and requests get UNAVAILABLE meanwhile.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "rpc/credentials.h"
#include "scheduler/change_desk.h"
#include "scheduler/dispatcher.h"
#include "scheduler/fleet.h"
#include "scheduler/freeze_desk.h"
#include "scheduler/job_table.h"
#include "scheduler/ledger.h"
#include "scheduler/locator.h"
#include "scheduler/mailbox.h"
#include "scheduler/output_registry.h"
#include "scheduler/queue_policy.h"
#include "scheduler/reads.h"
#include "scheduler/start_sender.h"
#include "scheduler/submit_desk.h"
#include "scheduler/watch_hub.h"
#include "sd/event_loop.h"
#include "store/store.h"

namespace takt::scheduler {

struct CoreOptions {
  microseconds unreachable_after = limits::kUnreachableAfter;
  microseconds lost_after = limits::kLostAfter;
  Session::Begin begin_session;  // for tests; none: over channels
  QueuePolicy policy;
  rpc::See see = rpc::See::kOwn;
};

class Core {
 public:
  // Loop, store and credentials outlive the core. Takes over what was alive in the store.
  static Result<std::unique_ptr<Core>> create(sd::EventLoop& loop, store::Store& store,
                                              const rpc::Credentials& credentials,
                                              const CoreOptions& options);
  // After the loop has ended and the server is down.
  ~Core();
  Core(const Core&) = delete;
  Core& operator=(const Core&) = delete;

  // Runs `work` on the loop. Otherwise (the store is being loaded anew, too much waits) calls
  // `refuse` with the reason, on either thread. Any thread.
  void run(std::function<void()> work, const std::function<void(const Error&)>& refuse);

  // Ends the streams with a status that says to come again; nothing is sent out to workers any
  // more. Any thread.
  void end_streams();

  // Any thread.
  [[nodiscard]] Reads& reads() { return reads_; }
  [[nodiscard]] const Uuid& store_id() const { return store_.id(); }
  [[nodiscard]] const rpc::Credentials& credentials() const { return credentials_; }
  [[nodiscard]] Mailbox& mailbox() const { return *mailbox_; }
  [[nodiscard]] WatchHub& watches() { return watches_; }  // its watch() only
  [[nodiscard]] OutputRegistry& outputs() { return outputs_; }

  // Loop thread.
  [[nodiscard]] JobTable& jobs() { return jobs_; }
  [[nodiscard]] Ledger& ledger() { return ledger_; }
  [[nodiscard]] Fleet& fleet() { return fleet_; }
  [[nodiscard]] Locator& locator() { return locator_; }
  [[nodiscard]] FreezeDesk& freezes() { return freezes_; }
  [[nodiscard]] SubmitDesk& desk() { return desk_; }
  [[nodiscard]] ChangeDesk& changes() { return changes_; }
  [[nodiscard]] const JobTable& jobs() const { return jobs_; }
  [[nodiscard]] const Fleet& fleet() const { return fleet_; }
  [[nodiscard]] const Placer& placer() const { return dispatcher_.placer(); }
  [[nodiscard]] const QueuePolicy& policy() const { return policy_; }
  void set_policy(const QueuePolicy& policy);
  // "2 of 3 workers ready, 5 jobs queued, 7 on workers"
  [[nodiscard]] std::string status() const;

 private:
  Core(sd::EventLoop& loop, store::Store& store, const rpc::Credentials& credentials,
       std::shared_ptr<Mailbox> mailbox, const CoreOptions& options);
  void take_over(store::Snapshot snapshot);
  void on_store_failed(const Error& error);
  void on_loaded(Result<store::Snapshot> snapshot);
  void load_again();
  void on_turn_end();
  JobTable::Hooks table_hooks();

  sd::EventLoop& loop_;
  store::Store& store_;
  const rpc::Credentials& credentials_;
  const std::shared_ptr<Mailbox> mailbox_;
  std::atomic<bool> closing_ = false;  // the loop may take no more timers
  bool loading_ = false;               // the live state is not there
  bool status_told_ = false;           // in this turn, so that telling it causes no next time
  std::string status_;
  sd::Source again_;
  sd::Source status_timer_;

  Reads reads_;
  QueuePolicy policy_;
  Ledger ledger_;
  JobTable jobs_;
  Dispatcher dispatcher_;
  StartSender starts_;
  FreezeDesk freezes_;
  Fleet fleet_;
  Locator locator_;
  SubmitDesk desk_;
  ChangeDesk changes_;
  WatchHub watches_;
  OutputRegistry outputs_;
};

}  // namespace takt::scheduler
