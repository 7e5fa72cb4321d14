// SPDX-License-Identifier: Apache-2.0
#include "scheduler/start_sender.h"

#include <utility>

#include "base/limits.h"
#include "base/log.h"

namespace takt::scheduler {

StartSender::StartSender(sd::EventLoop& loop, store::Reader& reader,
                         std::shared_ptr<Mailbox> mailbox, JobTable& jobs, Send send)
    : loop_(loop),
      reader_(reader),
      mailbox_(std::move(mailbox)),
      jobs_(jobs),
      send_(std::move(send)) {}

void StartSender::start(const AttemptId& attempt) {
  waiting_.push_back(attempt);
  pump();
}

void StartSender::clear() {
  ++generation_;
  waiting_.clear();
  reading_ = false;
  again_.reset();
}

// The job, if this attempt of it is still to be started.
LiveJob* StartSender::wanted(const AttemptId& attempt) {
  LiveJob* live = jobs_.find(attempt.job_id);
  const Attempt* current = live == nullptr ? nullptr : live->job.current_attempt();
  const bool fits = current != nullptr && current->id == attempt && !has_ended(current->state);
  return fits ? live : nullptr;
}

void StartSender::pump() {
  if (reading_) return;
  std::vector<AttemptId> attempts;
  std::vector<std::int64_t> numbers;
  while (!waiting_.empty() && numbers.size() < limits::kSpecsPerRead) {
    if (const LiveJob* live = wanted(waiting_.front())) {
      attempts.push_back(waiting_.front());
      numbers.push_back(live->number);
    }
    waiting_.pop_front();
  }
  if (numbers.empty()) return;
  reading_ = true;
  reader_.specs(std::move(numbers), [this, mailbox = mailbox_, attempts = std::move(attempts),
                                     generation = generation_](Result<std::vector<JobSpec>> specs) {
    mailbox->post([this, attempts, generation, specs = std::move(specs)] {
      if (generation == generation_) on_specs(attempts, specs);
    });
  });
}

void StartSender::on_specs(const std::vector<AttemptId>& attempts,
                           const Result<std::vector<JobSpec>>& specs) {
  reading_ = false;
  if (!specs) {
    log_error("starts wait: " + specs.error().message);
    waiting_.insert(waiting_.begin(), attempts.begin(), attempts.end());
    again_ = loop_.add_timer(nanoseconds(limits::kReloadPause), [this] { pump(); });
    return;
  }
  for (std::size_t at = 0; at < attempts.size(); ++at) {
    if (const LiveJob* live = wanted(attempts[at])) send_(*live, (*specs)[at]);
  }
  pump();
}

}  // namespace takt::scheduler
