// SPDX-License-Identifier: Apache-2.0
// Starts on their way out. Specs are in the store only, so they are read there, a few at a time,
// when their attempts are committed. Guarantees: an attempt that has changed meanwhile is not
// started; what cannot be sent is left to its worker's next list. Loop thread only.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <vector>

#include "job/job.h"
#include "scheduler/job_table.h"
#include "scheduler/mailbox.h"
#include "sd/event_loop.h"
#include "store/reader.h"

namespace takt::scheduler {

class StartSender {
 public:
  using Send = std::function<void(const LiveJob&, const JobSpec&)>;

  StartSender(sd::EventLoop& loop, store::Reader& reader, std::shared_ptr<Mailbox> mailbox,
              JobTable& jobs, Send send);

  // Sends the start of a committed attempt.
  void start(const AttemptId& attempt);

  void clear();

 private:
  void pump();
  void on_specs(const std::vector<AttemptId>& attempts, const Result<std::vector<JobSpec>>& specs);
  [[nodiscard]] LiveJob* wanted(const AttemptId& attempt);

  sd::EventLoop& loop_;
  store::Reader& reader_;
  const std::shared_ptr<Mailbox> mailbox_;
  JobTable& jobs_;
  const Send send_;
  std::deque<AttemptId> waiting_;
  std::uint64_t generation_ = 0;  // of clear(); answers to older questions are dropped
  bool reading_ = false;
  sd::Source again_;
};

}  // namespace takt::scheduler
