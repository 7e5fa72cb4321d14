// SPDX-License-Identifier: Apache-2.0
// Plays PID 1's own socket, for a process that is PID 1 of its namespaces. Guarantees: serves one
// caller, who is told the state, and only once the test says so.
#pragma once

#include <future>
#include <string>
#include <thread>

#include "base/unique_fd.h"

struct sd_bus_message;

namespace takt::supervisor {

class FakeInit {
 public:
  // Takes over /run in this mount namespace.
  explicit FakeInit(std::string state);
  FakeInit(const FakeInit&) = delete;
  FakeInit& operator=(const FakeInit&) = delete;
  ~FakeInit();

  // From now on who asks is answered.
  void answer();

 private:
  struct Handlers;
  void serve();

  std::string state_;
  UniqueFd listener_;
  std::promise<void> answer_;
  std::thread thread_;
};

}  // namespace takt::supervisor
