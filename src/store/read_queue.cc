// SPDX-License-Identifier: Apache-2.0
#include "store/read_queue.h"

#include <algorithm>
#include <utility>

#include "base/limits.h"

namespace takt::store {
namespace {

// By when it is begun the asker may have gone.
ReadTask unless_gone(ReadTask task, const std::function<bool()>& has_gone) {
  if (!has_gone) return task;
  return [task = std::move(task), has_gone](Connection* connection) {
    task(has_gone() ? nullptr : connection);
  };
}

}  // namespace

Result<void> ReadQueue::push(const Asker& asker, ReadTask task) {
  DueRead read{unless_gone(std::move(task), asker.has_gone), asker.has_gone};
  if (asker.principal.via == Via::kDaemon) {
    own_.push_back(std::move(read));
    return {};
  }
  const std::string account = asker.principal.payer();
  const ReadUse now = use(account, asker.principal.is_operator());
  const std::size_t free = now.places - std::min(now.places, now.all);
  if (now.mine >= free)
    return make_error(ErrorCode::kResourceExhausted,
                      std::to_string(now.mine) + " reads of " + account + " wait, and " +
                          std::to_string(free) + " of " + std::to_string(now.places) +
                          " places are free; an account may have as many waiting as there are "
                          "places free; try again (takt limits shows how many wait)");
  if (now.mine == 0) turns_.push_back(account);
  waiting_[account].push_back(std::move(read));
  ++count_;
  return {};
}

ReadUse ReadQueue::use(const std::string& account, bool is_operator) const {
  const auto found = waiting_.find(account);
  return {.mine = found == waiting_.end() ? 0 : found->second.size(),
          .all = count_,
          .places = limits::kReaderQueriesMax - (is_operator ? 0 : limits::kReadsReserve)};
}

DueRead ReadQueue::pop() {
  if (!own_.empty()) {
    DueRead read = std::move(own_.front());
    own_.pop_front();
    return read;
  }
  std::string account = std::move(turns_.front());
  turns_.pop_front();
  const auto found = waiting_.find(account);
  DueRead read = std::move(found->second.front());
  found->second.pop_front();
  --count_;
  if (found->second.empty()) {
    waiting_.erase(found);
  } else {
    turns_.push_back(std::move(account));
  }
  return read;
}

std::vector<ReadTask> ReadQueue::take_gone() {
  std::vector<ReadTask> gone;
  for (auto at = waiting_.begin(); at != waiting_.end();) {
    std::deque<DueRead>& reads = at->second;
    const auto first = std::stable_partition(reads.begin(), reads.end(), [](const DueRead& read) {
      return !read.has_gone || !read.has_gone();
    });
    for (auto read = first; read != reads.end(); ++read) gone.push_back(std::move(read->task));
    reads.erase(first, reads.end());
    if (reads.empty()) {
      std::erase(turns_, at->first);
      at = waiting_.erase(at);
    } else {
      ++at;
    }
  }
  count_ -= gone.size();
  return gone;
}

}  // namespace takt::store
