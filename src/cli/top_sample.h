// SPDX-License-Identifier: Apache-2.0
// What takt top knows at one moment. Guarantees: three calls, one page each, whatever there is.
#pragma once

#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/unique_fd.h"
#include "cli/client.h"

namespace takt::cli {

struct TopSample {
  WallTime time;  // of the scheduler
  std::vector<v1::Worker> workers;
  std::vector<v1::Job> jobs;  // running, paused or ending; the newest first
  v1::CountJobsResponse counts;
  bool more_workers = false;  // there are more than one page holds
  bool more_jobs = false;
};

Result<TopSample> take_sample(Client& client);

// Takes samples beside the thread that draws, so that a scheduler out of reach holds up no key.
class Sampler {
 public:
  // The client is for nobody else meanwhile. Takes the first one at once.
  static Result<std::unique_ptr<Sampler>> start(Client& client, milliseconds interval);
  // Ends the call under way as a signal would.
  ~Sampler();
  Sampler(const Sampler&) = delete;
  Sampler& operator=(const Sampler&) = delete;

  // Readable when there is something to take.
  [[nodiscard]] int fd() const { return ready_.get(); }
  // The newest sample, or why there is none; once.
  std::optional<Result<TopSample>> take();
  // Does not wait for the next interval.
  void hurry();

 private:
  Sampler(Client& client, milliseconds interval, UniqueFd ready);
  void run();
  bool wait();

  Client& client_;
  const milliseconds interval_;
  const UniqueFd ready_;
  std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  std::optional<Result<TopSample>> newest_;
  bool hurried_ = false;
  bool quit_ = false;
  std::thread thread_;  // the last: it uses the others
};

}  // namespace takt::cli
