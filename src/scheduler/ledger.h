// SPDX-License-Identifier: Apache-2.0
// The gate between memory and the world. Events are applied in memory at once; what follows from
// them (answers, starts, acknowledgements, watch events) is given to after_commit() and runs once
// the changes recorded before it are on disk. Guarantees: actions run in order, on the loop,
// exactly once each, with the outcome of their commit; after a failed commit all fail until
// resume(). Loop thread only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "base/result.h"
#include "scheduler/mailbox.h"
#include "store/types.h"
#include "store/writer.h"

namespace takt::scheduler {

class Ledger {
 public:
  using Action = std::function<void(const Result<void>&)>;
  struct Hooks {
    // Changes that were committed, before the actions of their batch.
    std::function<void(std::vector<store::JobChange>)> on_committed;
    // The first failed commit, after the actions of its batch.
    std::function<void(const Error&)> on_failed;
  };

  Ledger(store::Writer& writer, std::shared_ptr<Mailbox> mailbox, Hooks hooks);

  // The revision for the next change; to be recorded in this order.
  std::int64_t next_revision() { return ++revision_; }

  // `spec_bytes`: of a new job's spec (stored_bytes).
  void record(store::JobWrite write, std::size_t spec_bytes = 0);
  void record(WorkerRecord worker);
  void record_forgotten(WorkerRecord worker);
  void record(store::RequestWrite request);

  // Runs `action` after all that was recorded so far is committed, or has failed.
  void after_commit(Action action);

  // Hands what gathered to the writer: at the end of each turn of the loop.
  void flush();

  // Ok, or kResourceExhausted: so much waits for the disk, here and under way to the writer, that
  // what is not yet begun should wait. Operators have a higher mark than users.
  [[nodiscard]] Result<void> check_room(bool for_operator) const;

  // About what the store takes once all that was recorded so far is in it.
  [[nodiscard]] std::int64_t store_bytes() const { return writer_.used_bytes() + new_bytes_; }

  // The newest revision on disk.
  [[nodiscard]] std::int64_t committed_revision() const { return committed_; }
  [[nodiscard]] bool failed() const { return failure_.has_value(); }

  // Lets go what was recorded and not handed on, and fails its actions: after a failed commit.
  void abandon();

  // Goes on from a state loaded anew, or for the first time.
  void resume(std::int64_t revision);

 private:
  struct Entry {
    std::vector<store::JobChange> changes;
    std::vector<Action> actions;
    std::int64_t new_bytes = 0;  // of new jobs and their specs
  };

  void on_result(const Result<void>& result);

  store::Writer& writer_;
  const std::shared_ptr<Mailbox> mailbox_;
  const Hooks hooks_;

  std::int64_t revision_ = 0;
  std::int64_t committed_ = 0;
  std::optional<Error> failure_;  // until resume()
  std::int64_t new_bytes_ = 0;    // of all entries
  std::size_t rows_ = 0;          // of jobs, in all entries
  store::Batch open_;
  Entry open_entry_;
  std::deque<Entry> under_way_;
};

}  // namespace takt::scheduler
