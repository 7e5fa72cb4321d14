// SPDX-License-Identifier: Apache-2.0
#include "scheduler/core.h"

#include <utility>

#include "base/limits.h"
#include "scheduler/audit.h"

namespace takt::scheduler {
namespace {

Error try_again(const std::string& what) { return make_error(ErrorCode::kUnavailable, what); }

}  // namespace

Result<std::unique_ptr<Core>> Core::create(sd::EventLoop& loop, store::Store& store,
                                           const rpc::Credentials& credentials,
                                           const CoreOptions& options) {
  auto mailbox = Mailbox::create(loop);
  if (!mailbox) return mailbox.error();
  std::unique_ptr<Core> core(new Core(loop, store, credentials, std::move(*mailbox), options));
  core->take_over(store.take_snapshot());
  loop.on_turn_end([self = core.get()] { self->on_turn_end(); });
  return core;
}

Core::Core(sd::EventLoop& loop, store::Store& store, const rpc::Credentials& credentials,
           std::shared_ptr<Mailbox> mailbox, const CoreOptions& options)
    : loop_(loop),
      store_(store),
      credentials_(credentials),
      mailbox_(std::move(mailbox)),
      reads_(store.reader(), options.see),
      policy_(options.policy),
      ledger_(store.writer(), mailbox_,
              {[this](std::vector<store::JobChange> changes) {
                 watches_.on_committed(std::move(changes));
               },
               [this](const Error& error) { on_store_failed(error); }}),
      jobs_(loop, ledger_, table_hooks()),
      dispatcher_(loop, jobs_.queue(),
                  [this](const Uuid& job, const Uuid& worker) {
                    LiveJob* live = jobs_.find(job);
                    const WorkerEntry* entry = fleet_.find(worker);
                    jobs_.change(*live, Placed{worker, entry->record.name, entry->record.boot_id});
                    audit_placed(live->job);
                    ledger_.after_commit(
                        [this, id = live->job.current_attempt()->id](const Result<void>& done) {
                          if (done) starts_.start(id);
                        });
                  }),
      starts_(loop, store.reader(), mailbox_, jobs_,
              [this](const LiveJob& live, const JobSpec& spec) { fleet_.send_start(live, spec); }),
      freezes_(loop),
      fleet_({loop, credentials, mailbox_, store.reader(), ledger_, jobs_, dispatcher_,
              [this](const AttemptId& attempt) { starts_.start(attempt); },
              [this](const LiveJob& live) { freezes_.on_report(live); }},
             {store.id(), store.epoch(), options.unreachable_after, options.lost_after,
              options.begin_session}),
      locator_(jobs_, fleet_),
      desk_(store.reader(), mailbox_, ledger_, jobs_, policy_,
            [this](const JobSpec& spec) { return fleet_.names_for(spec); }),
      changes_(ledger_),
      watches_(loop, store.reader(), mailbox_, ledger_) {
  set_policy(options.policy);
}

void Core::set_policy(const QueuePolicy& policy) {
  policy_ = policy;
  dispatcher_.placer().set_strategy(policy.placement);
}

Core::~Core() {
  fleet_.clear();
  mailbox_->close();
}

JobTable::Hooks Core::table_hooks() {
  return {[this](const Uuid& worker, const LiveJob& live) { fleet_.on_occupied(worker, live); },
          [this](const Uuid& worker, const LiveJob& live) { fleet_.on_vacated(worker, live); },
          [this](const LiveJob& live) { locator_.on_changed(live); },
          [this](const Uuid& job) { locator_.on_gone(job); }};
}

// Workers first: jobs take their slots. Their sessions say nothing before the loop runs.
void Core::take_over(store::Snapshot snapshot) {
  ledger_.resume(snapshot.revision);
  fleet_.restore(std::move(snapshot.workers));
  jobs_.restore(std::move(snapshot.jobs));
  loading_ = false;
}

void Core::run(std::function<void()> work, const std::function<void(const Error&)>& refuse) {
  const bool posted = loop_.post([this, work = std::move(work), refuse] {
    if (loading_) {
      return refuse(try_again("the scheduler loads its store anew; try again"));
    }
    loop_.run_within(work);
  });
  if (!posted) refuse(try_again("the scheduler is overloaded or stops; try again"));
}

void Core::end_streams() {
  const Error error = try_again("the scheduler restarts; take it up again");
  closing_ = true;
  outputs_.end_all(error);
  mailbox_->post([this, error] { watches_.end_all(error, true); });
}

void Core::on_store_failed(const Error& error) {
  audit_store_failed(error);
  loading_ = true;
  const Error again = try_again("the scheduler's store failed and is loaded anew; try again");
  starts_.clear();
  fleet_.clear();
  jobs_.clear();
  ledger_.abandon();
  locator_.fail_all(again);
  freezes_.fail_all(again);
  changes_.fail_all(again);
  watches_.end_all(again, false);
  load_again();
}

void Core::load_again() {
  store_.writer().reload([this, mailbox = mailbox_](Result<store::Snapshot> snapshot) {
    mailbox->post(
        [this, snapshot = std::move(snapshot)]() mutable { on_loaded(std::move(snapshot)); });
  });
}

void Core::on_loaded(Result<store::Snapshot> snapshot) {
  if (!snapshot && snapshot.error().code == ErrorCode::kFailedPrecondition) {
    log_error("the scheduler ends: " + snapshot.error().message);
    return loop_.exit(1);
  }
  if (!snapshot) {
    log_error("the store cannot be loaded, which is tried again: " + snapshot.error().message);
    again_ = loop_.add_timer(nanoseconds(limits::kReloadPause), [this] { load_again(); });
    return;
  }
  take_over(std::move(*snapshot));
  audit_store_reloaded();
}

void Core::on_turn_end() {
  // The last turn's end comes when the loop takes no more timers.
  if (!loading_ && !closing_) dispatcher_.run();
  ledger_.flush();
  if (closing_ || status_timer_ || std::exchange(status_told_, false)) return;
  status_timer_ = loop_.add_timer(nanoseconds(limits::kStatusPause), [this] {
    status_timer_.reset();
    status_told_ = true;
    std::string now = status();
    if (now != status_) loop_.set_status(status_ = std::move(now));
  });
}

std::string Core::status() const {
  if (loading_) return "The store failed and is loaded anew";
  return std::to_string(fleet_.count(WorkerState::kReady)) + " of " +
         std::to_string(fleet_.size()) + " workers ready, " +
         std::to_string(jobs_.in_state(JobState::kQueued)) + " jobs queued, " +
         std::to_string(jobs_.placed()) + " on workers";
}

}  // namespace takt::scheduler
