// SPDX-License-Identifier: Apache-2.0
// Lists the attempts on this worker, page by page. Guarantees: neither the loop nor the threads
// that make starts and ends durable read the history for it; of one account, one page is read at a
// time; an attempt that is on this worker from the call to its answer is listed once, in order of
// id. Loop thread only.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "base/result.h"
#include "job/principal.h"
#include "takt/v1/worker_service.pb.h"
#include "worker/core.h"
#include "worker/disk_thread.h"
#include "worker/stored.h"

namespace takt::worker {

struct ListRequest {
  Principal principal;
  std::optional<AttemptId> after;  // the attempts with a greater id
  std::size_t page_size = 0;       // above 0
  // Whether the answer is of no use any more: then there may be none.
  std::function<bool()> is_over;
  std::function<void(Result<v1::WorkerServiceListJobsResponse>)> answer;
};

class Listing {
 public:
  explicit Listing(Core& core) : core_(core), thread_(core.loop) {}

  // Answers later, with what the principal may see. kResourceExhausted: the account has too many
  // calls that wait.
  void list(ListRequest request);

 private:
  struct Account {
    std::deque<ListRequest> requests;   // the page of the first one is being read
    std::map<AttemptId, LivePtr> live;  // which it may have, as they were when that began
  };

  void begin(const std::string& payer);
  void finish(const std::string& payer, const Result<HistoryPage>& page);
  [[nodiscard]] v1::WorkerServiceListJobsResponse answer_of(
      const ListRequest& request, const HistoryPage& page,
      const std::map<AttemptId, LivePtr>& live) const;
  [[nodiscard]] std::optional<Attempt> find(const Principal& principal, const HistoryEntry& entry,
                                            const std::map<AttemptId, LivePtr>& live) const;

  Core& core_;
  std::map<std::string, Account> accounts_;  // by Principal::payer(), of those with requests
  DiskThread thread_;                        // one page for each account at most
};

}  // namespace takt::worker
