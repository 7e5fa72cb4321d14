// SPDX-License-Identifier: Apache-2.0
// The worker's end of the spawner. Guarantees: a spawner runs whenever one is needed; a request
// that was unanswered when it died is asked again, with a new control socket, so that a supervisor
// it may have forked sees the end of its own and goes. Loop thread only.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "attempt/control.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "sd/event_loop.h"

namespace takt::worker {

// A parked supervisor, and our end of its control socket.
struct Parked {
  pid_t pid = 0;
  UniqueFd pidfd;
  UniqueFd control;
};

class Spawner {
 public:
  using Done = std::function<void(Result<Parked>)>;

  // `program` is takt-supervisor's path. Nothing is started before the first request.
  Spawner(sd::EventLoop& loop, std::string program);
  ~Spawner();
  Spawner(const Spawner&) = delete;
  Spawner& operator=(const Spawner&) = delete;

  // Has a supervisor forked; with `cgroup` straight into that one. `done` is called later.
  void spawn(UniqueFd cgroup, Done done);

 private:
  struct Request {
    UniqueFd cgroup;
    UniqueFd control;  // our end, of the latest try
    int tries = 0;
    Done done;
  };

  Result<void> start();
  void ask_all();
  Result<void> ask(std::uint64_t number, Request& request);
  void on_socket();
  void on_answer(const attempt::SpawnAnswer& answer, attempt::Packet& packet);
  void lost();
  void answer(std::uint64_t number, Result<Parked> result);

  sd::EventLoop& loop_;
  const std::string program_;
  pid_t pid_ = 0;  // our child, reaped by us only
  UniqueFd pidfd_;
  UniqueFd socket_;
  sd::Source socket_source_;
  sd::Source retry_;
  std::uint64_t next_number_ = 1;
  std::map<std::uint64_t, Request> requests_;
};

}  // namespace takt::worker
