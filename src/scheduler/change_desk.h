// SPDX-License-Identifier: Apache-2.0
// Requests that change a job together with its parts: each is small, and writes a row for each of
// them. Guarantees: those of users are made one at a time, each once the one before is on disk and
// the ledger has room; accounts take turns, so that one with many delays another by one change;
// those of operators do not wait for them. A change whose client has gone is not begun; one that
// was begun is made for all parts. Loop thread only.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <string>

#include "base/result.h"
#include "job/principal.h"
#include "scheduler/ledger.h"

namespace takt::scheduler {

class ChangeDesk {
 public:
  // One of the last two is called, or none where the client has gone.
  struct Change {
    std::function<bool()> has_gone;
    std::function<void()> make;
    std::function<void(const Error&)> fail;
  };

  // The ledger outlives it.
  explicit ChangeDesk(Ledger& ledger) : ledger_(ledger) {}

  // Makes the change: an operator's now, or it fails with kResourceExhausted where too much waits
  // for the disk; a user's in its turn.
  void make(const Principal& principal, Change change);

  // All that wait fail: the live state is gone.
  void fail_all(const Error& error);

 private:
  void next();
  void wait_for_commit();
  Change pop();

  Ledger& ledger_;
  std::map<std::string, std::deque<Change>> waiting_;  // by account; none is empty
  std::deque<std::string> turns_;                      // the accounts in waiting_
  bool under_way_ = false;                             // next() is called with a commit
};

}  // namespace takt::scheduler
