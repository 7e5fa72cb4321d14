// SPDX-License-Identifier: Apache-2.0
// Hands committed changes to the WatchJobs streams, and signs of life to the idle ones. A stream
// whose reader is too slow reads the history until it has caught up. Loop thread only, except where
// said.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <unordered_set>
#include <vector>

#include "base/result.h"
#include "rpc/shares.h"
#include "scheduler/ledger.h"
#include "scheduler/mailbox.h"
#include "scheduler/watch.h"
#include "sd/event_loop.h"
#include "store/reader.h"

namespace takt::scheduler {

class WatchHub {
 public:
  WatchHub(sd::EventLoop& loop, store::Reader& reader, std::shared_ptr<Mailbox> mailbox,
           const Ledger& ledger);

  // Starts a stream, which holds `share` until it is over; without a revision, from now on. Any
  // thread.
  grpc::ServerWriteReactor<v1::WatchJobsResponse>* watch(Viewer viewer,
                                                         std::optional<std::int64_t> after,
                                                         std::unordered_set<Uuid> jobs,
                                                         rpc::ShareLease share = {});

  void on_committed(std::vector<store::JobChange> changes);

  // Ends all streams, and those that come from now on if `for_good`.
  void end_all(const Error& error, bool for_good);

  [[nodiscard]] std::size_t size() const { return watches_.size(); }

 private:
  using WatchPtr = std::shared_ptr<Watch>;

  void on_hungry(const WatchPtr& watch);
  void on_page(const WatchPtr& watch, std::int64_t up_to, Result<store::EventPage> page);
  void on_end(const WatchPtr& watch);
  bool admit(const WatchPtr& watch);
  void signs_of_life();

  sd::EventLoop& loop_;
  store::Reader& reader_;
  const std::shared_ptr<Mailbox> mailbox_;
  const Ledger& ledger_;
  std::unordered_set<WatchPtr> watches_;  // all
  std::unordered_set<WatchPtr> live_;     // those that get each commit
  std::optional<Error> ended_;
  sd::Source beat_;
};

}  // namespace takt::scheduler
