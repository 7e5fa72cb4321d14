// SPDX-License-Identifier: Apache-2.0
// Output of the parts of a job, several at once, as it comes: each line behind the name of its
// part. Guarantees: parts are taken up by index, up to limits::kClientPartsMax at once; every
// part's output is written whole.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "cli/follow.h"
#include "cli/part_console.h"

namespace takt::cli {

// What a part is called before its lines: its worker, or its index.
std::string part_name(const v1::Job& part);

class PartsFollower {
 public:
  // `request` says which output, but for the job. `tried_again` as of JobFollower.
  PartsFollower(Client& client, const Io& io, Console& console, v1::ReadOutputRequest request,
                std::vector<v1::Job> parts, bool tried_again);
  PartsFollower(const PartsFollower&) = delete;
  PartsFollower& operator=(const PartsFollower&) = delete;
  // Gives up what is under way.
  ~PartsFollower();

  // Until all is written. Call it again after kInterrupted only.
  FollowEnd run();

  [[nodiscard]] const Error& error() const { return error_; }

 private:
  struct Hand {
    Interrupts interrupts;
    std::thread thread;
  };

  void start();
  void work(Hand& hand);
  FollowEnd follow(Client& client, const v1::Job& part);

  Client& client_;
  const Io& io_;
  SharedConsole shared_;
  const v1::ReadOutputRequest request_;
  const std::vector<v1::Job> parts_;
  const bool tried_again_;

  std::mutex mutex_;  // guards what follows, but for the threads themselves
  std::condition_variable changed_;
  std::size_t next_ = 0;
  std::size_t working_ = 0;
  FollowEnd end_ = FollowEnd::kComplete;  // or the first other one
  Error error_;
  std::vector<std::unique_ptr<Hand>> hands_;
};

}  // namespace takt::cli
