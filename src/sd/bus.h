// SPDX-License-Identifier: Apache-2.0
// A connection to the system bus, attached to the loop. Guarantees: it never blocks; it connects
// again by itself, with back-off; at most `in_flight_max` calls are sent and unanswered, further
// ones wait in a bounded line, also while there is no connection; every call's callback is called
// exactly once, later, on the loop's thread (never inside call()). Destroying the Bus drops
// callbacks uncalled. Loop thread only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/limits.h"
#include "base/result.h"
#include "sd/event_loop.h"

struct sd_bus;
struct sd_bus_message;

namespace takt::sd {

class Bus {
 public:
  struct Options {
    std::string address;  // empty: the system bus
    std::size_t in_flight_max = limits::kBusCallsInFlight;
    std::size_t waiting_max = limits::kBusCallsWaiting;
    nanoseconds reconnect_min = limits::kReconnectMin;
    nanoseconds reconnect_max = limits::kReconnectMax;
  };

  struct Method {
    std::string destination;
    std::string path;
    std::string interface;
    std::string member;
  };

  // Appends the arguments; a negative errno fails the call with kInvalid.
  using Fill = std::function<int(sd_bus_message*)>;
  // The reply, valid during the callback only. Errors: kUnavailable (the connection or the peer was
  // lost after sending: the call may have had its effect), kDeadlineExceeded (no connection or no
  // reply in time), kResourceExhausted (the line is full), else as error_from_name() says.
  using Done = std::function<void(Result<sd_bus_message*>)>;
  using OnSignal = std::function<void(sd_bus_message*)>;

  // Starts to connect.
  Bus(EventLoop& loop, Options options);
  ~Bus();
  Bus(const Bus&) = delete;
  Bus& operator=(const Bus&) = delete;

  // Calls a method; `timeout` counts from now, the wait for a connection included.
  void call(Method method, nanoseconds timeout, Fill fill, Done done);

  // Receives the signals of a match rule, on this and every later connection, for the life of the
  // Bus. The rule's sender is not proof: check the message's.
  void add_match(std::string rule, OnSignal fn);

  // Calls `fn` each time that a connection has come up, before waiting calls are sent; calls made
  // in it are sent first. If it is up already: at the next time.
  void on_connected(std::function<void()> fn);

  [[nodiscard]] bool connected() const { return connected_; }
  [[nodiscard]] std::size_t in_flight() const { return in_flight_.size(); }
  [[nodiscard]] std::size_t waiting() const { return waiting_.size(); }

  // The Error for a D-Bus error: kExists for UnitExists, kNotFound for NoSuchUnit …
  static Error error_from_name(const std::string& name, const std::string& message);

 private:
  struct Call;
  struct Match;
  struct Handlers;
  using Calls = std::map<std::uint64_t, std::unique_ptr<Call>>;  // by number: in order of calling

  Result<void> open();
  void connect();
  void close();
  void up();
  void lost(const std::string& why);
  void install(Match& match);
  [[nodiscard]] bool can_send() const;
  void pump();
  void send(std::unique_ptr<Call> call);
  void expire(std::uint64_t number);
  void fail_later(std::unique_ptr<Call> call, Error error);

  EventLoop& loop_;
  Options options_;
  sd_bus* bus_ = nullptr;
  bool connected_ = false;
  bool greeting_ = false;    // in the hooks of a new connection
  bool complained_ = false;  // about the connection that is lost
  nanoseconds backoff_;
  Source timer_;  // to connect again, or the end of patience with connecting
  std::uint64_t next_number_ = 0;
  Calls waiting_;
  Calls in_flight_;
  Calls failed_;  // their callbacks are about to be called
  std::vector<std::unique_ptr<Match>> matches_;
  std::vector<std::function<void()>> on_connected_;
};

}  // namespace takt::sd
