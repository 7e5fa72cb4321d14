// SPDX-License-Identifier: Apache-2.0
// The reads that wait for the reader's thread, one queue an account (Principal::payer()).
// Guarantees: accounts take turns, so that one with many reads delays another by one read; the
// scheduler's own come first and are never refused; an account may have as many waiting as there
// are places free, so that however many flood the queue there is room for one more; the last
// limits::kReadsReserve places are for operators. Not thread-safe.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "job/principal.h"

namespace takt::store {

class Connection;

// Who asks for a read.
struct Asker {
  Principal principal;
  std::function<bool()> has_gone;  // no client waits for the answer; empty: never. Any thread.
};

// Reads that the scheduler needs for itself.
inline Asker own_asker() { return {daemon_principal(), {}}; }

// Reads by the connection and answers; without one (null) it answers that the asker has gone.
using ReadTask = std::function<void(Connection*)>;

// A read that is due.
struct DueRead {
  ReadTask task;
  std::function<bool()> has_gone;  // as the asker's: then the rest of it is for nothing
};

// The reads that wait.
struct ReadUse {
  std::size_t mine = 0;  // of the account
  std::size_t all = 0;
  std::size_t places = 0;  // for accounts like this one
};

class ReadQueue {
 public:
  // kResourceExhausted, naming limit and use: too many wait.
  Result<void> push(const Asker& asker, ReadTask task);

  // The next one. Not when empty.
  DueRead pop();

  // Takes out those whose askers have gone.
  std::vector<ReadTask> take_gone();

  [[nodiscard]] ReadUse use(const std::string& account, bool is_operator) const;

  [[nodiscard]] bool empty() const { return own_.empty() && turns_.empty(); }

 private:
  std::deque<DueRead> own_;                             // of the scheduler
  std::map<std::string, std::deque<DueRead>> waiting_;  // by account; none is empty
  std::deque<std::string> turns_;                       // the accounts in waiting_
  std::size_t count_ = 0;                               // in waiting_
};

}  // namespace takt::store
