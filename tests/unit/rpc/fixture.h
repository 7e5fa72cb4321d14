// SPDX-License-Identifier: Apache-2.0
// A real server on a temporary unix socket (or loopback TCP), whose service does what the test
// says. Every wait is for an event and ends after kPatience at the latest.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/unique_fd.h"
#include "echo.grpc.pb.h"
#include "rpc/server.h"

namespace takt::rpc {

using namespace std::chrono_literals;
using test::EchoRequest;
using test::EchoResponse;
using test::EchoService;

inline constexpr auto kPatience = 20s;

// Hands values from gRPC's threads to the test's.
template <class T>
class Mailbox {
 public:
  void put(T value) {
    const std::lock_guard lock(mutex_);
    values_.push_back(std::move(value));
    changed_.notify_all();
  }
  // The next value; nothing if none comes in time.
  std::optional<T> take(std::chrono::milliseconds patience = kPatience) {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, patience, [this] { return !values_.empty(); }))
      return std::nullopt;
    std::optional<T> value = std::move(values_.front());
    values_.pop_front();
    return value;
  }
  [[nodiscard]] std::size_t size() const {
    const std::lock_guard lock(mutex_);
    return values_.size();
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<T> values_;
};

// What the service does. Empty: Echo answers at once with the caller; the others UNIMPLEMENTED.
struct Script {
  std::function<grpc::ServerUnaryReactor*(grpc::CallbackServerContext*, const EchoRequest&,
                                          EchoResponse*)>
      echo;
  std::function<grpc::ServerWriteReactor<EchoResponse>*(const EchoRequest&)> push;
  std::function<grpc::ServerWriteReactor<EchoResponse>*(const EchoRequest&)> pull;
  std::function<grpc::ServerBidiReactor<EchoRequest, EchoResponse>*()> talk;
};

// A folder that goes away with all in it; anybody may look into it.
class TempFolder {
 public:
  TempFolder();
  ~TempFolder();
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

class RpcTest : public ::testing::Test {
 protected:
  // The server ends first, while all that its handlers use is there.
  void TearDown() override { server_.reset(); }

  // The socket of this test: "unix:/tmp/…/server.sock".
  [[nodiscard]] std::string address() const { return "unix:" + folder_.path() + "/server.sock"; }
  [[nodiscard]] std::string socket_path() const { return folder_.path() + "/server.sock"; }

  // A server on a socket that anybody may connect to.
  void start(AccessPolicy policy = everybody());
  void start_on(std::vector<ListenSocket> sockets, AccessPolicy policy = everybody());

  // A policy in which this process may do all.
  static AccessPolicy everybody();

  // A channel without retries, and a stub on it.
  std::unique_ptr<EchoService::Stub> stub();
  std::unique_ptr<EchoService::Stub> stub(const std::string& address);

  // One Echo call with a deadline.
  static grpc::Status echo(EchoService::Stub& stub, EchoResponse* response,
                           const std::string& payload = "");

  TempFolder folder_;
  Script script_;
  std::function<Result<AccessPolicy>()> resolve_policy_;  // set before start()
  std::function<void()> end_streams_;
  std::shared_ptr<const Tls> tls_;  // of start_on()
  std::shared_ptr<Shares> shares_ = std::make_shared<Shares>();
  std::unique_ptr<Server> server_;
};

// Gives the context kPatience.
void set_deadline(grpc::ClientContext& context);

// Connects, reads the first byte that the server sends (its HTTP/2 SETTINGS). False if it hangs up.
bool connect_and_greet(const std::string& path);

}  // namespace takt::rpc
