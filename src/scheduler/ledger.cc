// SPDX-License-Identifier: Apache-2.0
#include "scheduler/ledger.h"

#include <utility>

#include "base/check.h"
#include "base/limits.h"

namespace takt::scheduler {
namespace {

// Rows of jobs that are not on disk, as full batches.
constexpr std::size_t kUsersBatches = 2;
constexpr std::size_t kOperatorsBatches = 3;

Error unavailable(const Error& cause) {
  return make_error(ErrorCode::kUnavailable,
                    "the scheduler cannot write its store (" + cause.message + "); try again");
}

}  // namespace

Ledger::Ledger(store::Writer& writer, std::shared_ptr<Mailbox> mailbox, Hooks hooks)
    : writer_(writer), mailbox_(std::move(mailbox)), hooks_(std::move(hooks)) {}

void Ledger::record(store::JobWrite write, std::size_t spec_bytes) {
  if (write.is_new) {
    const auto bytes = limits::kJobStoreBytes + static_cast<std::int64_t>(spec_bytes);
    open_entry_.new_bytes += bytes;
    new_bytes_ += bytes;
  }
  ++rows_;
  open_entry_.changes.push_back(store::change_of(write));
  open_.jobs.push_back(std::move(write));
}

void Ledger::record(WorkerRecord worker) { open_.workers.push_back({std::move(worker)}); }

void Ledger::record_forgotten(WorkerRecord worker) {
  open_.workers.push_back({std::move(worker), true});
}

void Ledger::record(store::RequestWrite request) { open_.requests.push_back(std::move(request)); }

void Ledger::after_commit(Action action) { open_entry_.actions.push_back(std::move(action)); }

Result<void> Ledger::check_room(bool for_operator) const {
  const std::size_t batches = for_operator ? kOperatorsBatches : kUsersBatches;
  const bool open_full = open_.jobs.size() >= limits::kLedgerOpenMax ||
                         open_entry_.actions.size() >= limits::kLedgerOpenMax;
  if (rows_ < batches * limits::kLedgerOpenMax && (for_operator || !open_full)) return {};
  return make_error(ErrorCode::kResourceExhausted,
                    "too many changes wait for the disk; try again later");
}

void Ledger::abandon() {
  open_ = {};
  const Entry entry = std::exchange(open_entry_, {});
  new_bytes_ -= entry.new_bytes;
  rows_ -= entry.changes.size();
  if (entry.actions.empty()) return;
  TAKT_CHECK(failure_.has_value(), "changes are given up though nothing failed");
  for (const Action& action : entry.actions) action(*failure_);
}

void Ledger::flush() {
  if (failure_) return abandon();
  if (open_.empty() && open_entry_.actions.empty()) return;
  // Too many under way: what gathers goes out with the next result.
  if (under_way_.size() >= limits::kWriterBatchesMax / 2) return;
  under_way_.push_back(std::exchange(open_entry_, {}));
  const bool taken = writer_.commit(std::exchange(open_, {}),
                                    [this, mailbox = mailbox_](const Result<void>& result) {
                                      mailbox->post([this, result] { on_result(result); });
                                    });
  TAKT_CHECK(taken, "the writer takes as many batches as the ledger sends");
}

void Ledger::on_result(const Result<void>& result) {
  Entry entry = std::move(under_way_.front());
  under_way_.pop_front();
  new_bytes_ -= entry.new_bytes;
  rows_ -= entry.changes.size();
  const bool first_failure = !result && !failure_;
  if (first_failure) failure_ = unavailable(result.error());
  if (result && !entry.changes.empty()) {
    committed_ = entry.changes.back().revision;
    hooks_.on_committed(std::move(entry.changes));
  }
  const Result<void> outcome = result ? Result<void>() : Result<void>(*failure_);
  for (const Action& action : entry.actions) action(outcome);
  if (first_failure) hooks_.on_failed(result.error());
}

void Ledger::resume(std::int64_t revision) {
  TAKT_CHECK(under_way_.empty(), "batches are under way while the store is loaded");
  revision_ = revision;
  committed_ = revision;
  failure_.reset();
}

}  // namespace takt::scheduler
