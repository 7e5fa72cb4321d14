// SPDX-License-Identifier: Apache-2.0
#include "cli/top_sample.h"

#include <signal.h>
#include <sys/eventfd.h>

#include <tuple>
#include <utility>

#include "rpc/convert.h"

namespace takt::cli {

Result<TopSample> take_sample(Client& client) {
  TopSample sample;
  v1::ListWorkersRequest workers;
  workers.set_page_size(static_cast<int>(limits::kPageSizeMax));
  auto fleet = client.call(&v1::OperatorService::Stub::ListWorkers, workers);
  if (!fleet) return fleet.error();
  sample.workers.assign(std::make_move_iterator(fleet->mutable_workers()->begin()),
                        std::make_move_iterator(fleet->mutable_workers()->end()));
  sample.more_workers = !fleet->next_page_token().empty();
  sample.time =
      fleet->has_scheduler_time() ? rpc::time_from_proto(fleet->scheduler_time()) : wall_now();
  auto counts = client.call(&v1::JobService::Stub::CountJobs, v1::CountJobsRequest());
  if (!counts) return counts.error();
  sample.counts = *counts;
  v1::ListJobsRequest jobs;
  jobs.set_page_size(static_cast<int>(limits::kPageSizeMax));
  for (const v1::JobState state :
       {v1::JOB_STATE_RUNNING, v1::JOB_STATE_PAUSED, v1::JOB_STATE_ENDING})
    jobs.add_states(state);
  auto page = client.call(&v1::JobService::Stub::ListJobs, jobs);
  if (!page) return page.error();
  sample.jobs.assign(std::make_move_iterator(page->mutable_jobs()->begin()),
                     std::make_move_iterator(page->mutable_jobs()->end()));
  sample.more_jobs = !page->next_page_token().empty();
  return sample;
}

Result<std::unique_ptr<Sampler>> Sampler::start(Client& client, milliseconds interval) {
  UniqueFd ready(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!ready) return system_error("make an event descriptor");
  return std::unique_ptr<Sampler>(new Sampler(client, interval, std::move(ready)));
}

Sampler::Sampler(Client& client, milliseconds interval, UniqueFd ready)
    : client_(client), interval_(interval), ready_(std::move(ready)), thread_([this] { run(); }) {}

Sampler::~Sampler() {
  {
    const std::lock_guard lock(mutex_);
    quit_ = true;
  }
  changed_.notify_all();
  client_.interrupts().deliver(SIGTERM);
  thread_.join();
}

void Sampler::run() {
  do {
    Result<TopSample> sample = take_sample(client_);
    const std::lock_guard lock(mutex_);
    newest_ = std::move(sample);
    ::eventfd_write(ready_.get(), 1);
  } while (wait());
}

// Until the next sample is due; false: there is to be none.
bool Sampler::wait() {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, interval_, [this] { return hurried_ || quit_; });
  hurried_ = false;
  return !quit_;
}

std::optional<Result<TopSample>> Sampler::take() {
  const std::lock_guard lock(mutex_);
  eventfd_t drained = 0;
  std::ignore = ::eventfd_read(ready_.get(), &drained);
  return std::exchange(newest_, std::nullopt);
}

void Sampler::hurry() {
  {
    const std::lock_guard lock(mutex_);
    hurried_ = true;
  }
  changed_.notify_all();
}

}  // namespace takt::cli
