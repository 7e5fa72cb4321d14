// SPDX-License-Identifier: Apache-2.0
#include "support/flood.h"

#include <grpcpp/create_channel_posix.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <chrono>
#include <deque>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/fs.h"
#include "support/connect_as.h"
#include "support/http2.h"

namespace takt::test {
namespace {

constexpr std::chrono::minutes kTimeMax{4};
constexpr std::uint64_t kAnswersMax = 20'000'000;
constexpr std::size_t kLanes = 4;
constexpr std::size_t kCallsOfLane = 128;
constexpr std::size_t kSentOfLane = 16;          // then the first of them is reset, if any is
constexpr std::size_t kConnections = 400;        // more than one account may have
constexpr std::size_t kLookAfter = 16;           // new connections
constexpr std::size_t kHeaderBytes = 3000;       // of a call, below the limit of 4 KiB
constexpr std::chrono::milliseconds kPause{20};  // of what waits for an event; then it looks up

class Bounds {
 public:
  [[nodiscard]] bool reached(std::uint64_t answers) const {
    return answers > kAnswersMax || std::chrono::steady_clock::now() > end_;
  }

 private:
  const std::chrono::steady_clock::time_point end_ = std::chrono::steady_clock::now() + kTimeMax;
};

// One call after another, as a state of the operation that is under way.
struct Call {
  enum class Step { kStart, kWrite, kRead, kFinish };

  std::unique_ptr<grpc::ClientContext> context;
  std::unique_ptr<grpc::GenericClientAsyncReaderWriter> stream;
  grpc::ByteBuffer message;
  grpc::Status status;
  Step step = Step::kStart;
  bool reads = true;
};

class CallFlood final : public Flood {
 public:
  CallFlood(const FloodOf& of, const FloodCalls& calls) : calls_(calls) {
    for (std::size_t lane = 0; lane < kLanes; ++lane)
      connectors_.push_back(
          std::make_unique<UserConnector>(of.socket, of.uid, of.gid, std::vector<gid_t>()));
    for (std::size_t lane = 0; lane < kLanes; ++lane)
      lanes_.emplace_back([this, &connector = *connectors_[lane]] { run(connector); });
  }
  ~CallFlood() override {
    ending_ = true;
    for (std::thread& lane : lanes_) lane.join();
  }

 private:
  // A connection that broke is made again.
  void run(UserConnector& connector) {
    while (!over()) {
      UniqueFd connection = connector.connect();
      if (!connection || !set_nonblocking(connection.get(), true).ok()) continue;
      grpc::GenericStub stub(grpc::CreateInsecureChannelFromFd("flood", connection.release()));
      call_all(stub);
    }
  }

  void call_all(grpc::GenericStub& stub) {
    grpc::CompletionQueue queue;
    std::vector<Call> calls(kCallsOfLane);
    std::size_t open = 0;
    bool broken = false;
    for (std::size_t at = 0; at < calls.size(); ++at) {
      calls[at].reads =
          calls_.reading == Reading::kAll || (calls_.reading == Reading::kSome && at % 2 == 0);
      begin(calls[at], stub, queue);
      ++open;
    }
    std::deque<Call*> sent;
    bool ending = false;
    while (open > 0) {
      if (!ending && (broken || over())) {
        ending = true;
        for (const Call& call : calls) call.context->TryCancel();
      }
      void* tag = nullptr;
      bool ok = false;
      const auto next = queue.AsyncNext(&tag, &ok, std::chrono::system_clock::now() + kPause);
      if (next != grpc::CompletionQueue::GOT_EVENT) continue;
      Call& call = *static_cast<Call*>(tag);
      if (!advance(call, ok)) {
        if (call.step == Call::Step::kFinish) reset_one(sent, call);
        continue;
      }
      broken = broken || call.status.error_code() == grpc::StatusCode::UNAVAILABLE;
      --open;
      if (ending || broken) continue;
      begin(call, stub, queue);
      ++open;
    }
    queue.Shutdown();
    void* tag = nullptr;
    bool ok = false;
    while (queue.Next(&tag, &ok)) {
    }
  }

  void begin(Call& call, grpc::GenericStub& stub, grpc::CompletionQueue& queue) {
    call.stream.reset();
    call.context = std::make_unique<grpc::ClientContext>();
    call.stream = stub.PrepareCall(call.context.get(), calls_.method, &queue);
    call.step = Call::Step::kStart;
    call.stream->StartCall(&call);
  }

  // This call is sent: if calls are reset, the one that was sent a while before is.
  void reset_one(std::deque<Call*>& sent, Call& call) {
    if (calls_.reading != Reading::kReset) return;
    sent.push_back(&call);
    if (sent.size() <= kSentOfLane) return;
    sent.front()->context->TryCancel();
    sent.pop_front();
  }

  // Of a call whose messages are not read, that ends when it is refused or cancelled.
  static void finish(Call& call) {
    call.step = Call::Step::kFinish;
    call.stream->Finish(&call.status, &call);
  }

  // True if the call is over.
  bool advance(Call& call, bool ok) {
    const Call::Step done = call.step;
    if (done == Call::Step::kFinish) {
      if (call.status.error_code() == grpc::StatusCode::RESOURCE_EXHAUSTED) ++refused_;
      if (call.status.error_code() == grpc::StatusCode::CANCELLED) ++served_;
      return true;
    }
    if (ok && done == Call::Step::kStart) {
      call.step = Call::Step::kWrite;
      const grpc::Slice slice(calls_.request);
      call.stream->WriteLast(grpc::ByteBuffer(&slice, 1), grpc::WriteOptions(), &call);
      return false;
    }
    if (ok && done == Call::Step::kRead) ++served_;
    const bool first = done == Call::Step::kWrite && calls_.reading == Reading::kSome;
    if (ok && (call.reads || first)) {
      call.step = Call::Step::kRead;
      call.stream->Read(&call.message, &call);
    } else {
      finish(call);
    }
    return false;
  }

  [[nodiscard]] bool over() {
    if (bounds_.reached(served_ + refused_)) running_ = false;
    return ending_ || !running_;
  }

  const FloodCalls calls_;
  const Bounds bounds_;
  std::vector<std::unique_ptr<UserConnector>> connectors_;  // one a lane
  std::atomic<bool> ending_ = false;
  std::vector<std::thread> lanes_;
};

// Connections that are written to by hand.
class ConnectionFlood final : public Flood {
 public:
  // Of each connection: what it sends at first, and what it sends with each further stream.
  struct Words {
    std::string first;
    std::string path;  // of the further streams; empty: none
  };

  ConnectionFlood(const FloodOf& of, Words words)
      : words_(std::move(words)), connector_(of.socket, of.uid, of.gid, {}) {
    thread_ = std::thread([this] { run(); });
  }
  ~ConnectionFlood() override {
    ending_ = true;
    thread_.join();
  }

 private:
  struct Connection {
    UniqueFd fd;
    std::string rest;  // to be sent
    std::uint32_t stream = 1;
    bool answered = false;
  };

  void run() {
    for (std::size_t made = 0; !ending_ && running_; ++made) {
      UniqueFd fd = connector_.connect();
      if (fd) open_.push_back({std::move(fd), words_.first, 1, false});
      if (open_.size() > kConnections) open_.pop_front();
      if (made % kLookAfter == 0) std::erase_if(open_, [this](Connection& c) { return !look(c); });
      if (bounds_.reached(served_ + refused_)) running_ = false;
    }
    open_.clear();
  }

  // Sends and receives what can be; false if the daemon has closed it.
  bool look(Connection& connection) {
    std::array<char, 16384> sink{};
    const int fd = connection.fd.get();
    while (true) {
      if (connection.rest.empty() && !words_.path.empty()) {
        connection.rest = http2::open_call(connection.stream, words_.path, kHeaderBytes);
        connection.stream += 2;
      }
      if (connection.rest.empty()) break;
      const ssize_t put =
          ::send(fd, connection.rest.data(), connection.rest.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (put <= 0) break;
      connection.rest.erase(0, static_cast<std::size_t>(put));
    }
    while (true) {
      const ssize_t got = ::recv(fd, sink.data(), sink.size(), MSG_DONTWAIT);
      if (got > 0 && !std::exchange(connection.answered, true)) ++served_;
      if (got > 0) continue;
      if (got < 0 && errno == EAGAIN) return true;
      ++refused_;
      return false;
    }
  }

  const Words words_;
  const Bounds bounds_;
  UserConnector connector_;
  std::deque<Connection> open_;
  std::atomic<bool> ending_ = false;
  std::thread thread_;
};

}  // namespace

std::unique_ptr<Flood> flood_calls(const FloodOf& of, const FloodCalls& calls) {
  return std::make_unique<CallFlood>(of, calls);
}

std::unique_ptr<Flood> flood_connections(const FloodOf& of, const std::string& method) {
  return std::make_unique<ConnectionFlood>(
      of, ConnectionFlood::Words{
              http2::preface() + http2::settings_ack() + http2::empty_call(1, method), ""});
}

std::unique_ptr<Flood> flood_headers(const FloodOf& of, const std::string& method) {
  return std::make_unique<ConnectionFlood>(of, ConnectionFlood::Words{http2::preface(), method});
}

}  // namespace takt::test
