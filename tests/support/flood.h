// SPDX-License-Identifier: Apache-2.0
// A user who takes all that a daemon gives: calls, streams or connections, again and again.
// Guarantees: each flood runs on threads of its own, from its constructor to its destructor, or to
// its bounds in time and count; it goes on whatever the daemon answers.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace takt::test {

// Who floods what.
struct FloodOf {
  std::string socket;  // path of the daemon's unix socket
  uid_t uid = 0;
  gid_t gid = 0;
};

class Flood {
 public:
  virtual ~Flood() = default;
  Flood(const Flood&) = delete;
  Flood& operator=(const Flood&) = delete;

  // What the daemon has answered so far: messages, or connections; of calls that are reset, how
  // many were. Any thread, as the next two.
  [[nodiscard]] std::uint64_t served() const { return served_; }
  // What it has refused: calls with RESOURCE_EXHAUSTED, or connections, by closing them.
  [[nodiscard]] std::uint64_t refused() const { return refused_; }
  // False once it has reached its bounds.
  [[nodiscard]] bool running() const { return running_; }

 protected:
  Flood() = default;

  std::atomic<std::uint64_t> served_ = 0;
  std::atomic<std::uint64_t> refused_ = 0;
  std::atomic<bool> running_ = true;
};

// How a flood of calls reads what the daemon sends.
enum class Reading {
  kAll,
  kSome,  // every second call reads its first message only, and stays open
  kNone,
  kReset,  // reads nothing, and resets a call soon after it is sent
};

struct FloodCalls {
  std::string method;   // "/takt.v1.JobService/GetJob"
  std::string request;  // encoded
  Reading reading = Reading::kAll;
};

// 512 calls at once on four connections; what has ended is called again.
std::unique_ptr<Flood> flood_calls(const FloodOf& of, const FloodCalls& calls);

// Hundreds of connections, each with one call; the oldest is closed for the next.
std::unique_ptr<Flood> flood_connections(const FloodOf& of, const std::string& method);

// Hundreds of connections that open call after call and do not acknowledge the SETTINGS.
std::unique_ptr<Flood> flood_headers(const FloodOf& of, const std::string& method);

}  // namespace takt::test
