// SPDX-License-Identifier: Apache-2.0
#include "scheduler/change_desk.h"

#include <utility>

namespace takt::scheduler {

void ChangeDesk::make(const Principal& principal, Change change) {
  if (principal.is_operator()) {
    if (auto room = ledger_.check_room(true); !room) return change.fail(room.error());
    return change.make();
  }
  const std::string account = principal.payer();
  std::deque<Change>& queue = waiting_[account];
  if (queue.empty()) turns_.push_back(account);
  queue.push_back(std::move(change));
  if (!under_way_) next();
}

ChangeDesk::Change ChangeDesk::pop() {
  const auto account = waiting_.find(turns_.front());
  turns_.pop_front();
  Change change = std::move(account->second.front());
  account->second.pop_front();
  if (account->second.empty()) {
    waiting_.erase(account);
  } else {
    turns_.push_back(account->first);
  }
  return change;
}

void ChangeDesk::next() {
  under_way_ = false;
  while (!turns_.empty()) {
    if (!ledger_.check_room(false)) return wait_for_commit();
    const Change change = pop();
    if (change.has_gone && change.has_gone()) continue;
    change.make();
    return wait_for_commit();
  }
}

void ChangeDesk::wait_for_commit() {
  under_way_ = true;
  ledger_.after_commit([this](const Result<void>& committed) {
    if (committed) return next();
    under_way_ = false;  // and fail_all() follows
  });
}

void ChangeDesk::fail_all(const Error& error) {
  under_way_ = false;
  turns_.clear();
  for (const auto& [account, changes] : std::exchange(waiting_, {}))
    for (const Change& change : changes) change.fail(error);
}

}  // namespace takt::scheduler
