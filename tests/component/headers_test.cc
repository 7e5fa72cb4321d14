// SPDX-License-Identifier: Apache-2.0
// A client that opens stream after stream and never acknowledges the daemon's SETTINGS, so that the
// number of concurrent streams does not bind it.
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cstdint>
#include <fstream>
#include <string>
#include <vector>

#include "base/fs.h"
#include "component/fleet.h"
#include "support/connect_as.h"
#include "support/http2.h"

namespace takt::component {
namespace {

constexpr std::size_t kHeaderBytes = 3000;           // of a stream, below the limit of 4 KiB
constexpr std::size_t kSentBytes = 512UL << 20;      // at most, by one client
constexpr std::size_t kConnections = 8;              // at most, of one client
constexpr std::size_t kMemoryMaxKib = 256UL * 1024;  // of the daemon

// Writes it all, and reads what comes meanwhile; false if the daemon has closed the connection, or
// takes no more.
bool send_and_drain(int fd, std::string_view bytes) {
  std::array<char, 65536> sink{};
  while (!bytes.empty()) {
    pollfd polled{fd, POLLOUT, 0};
    if (::poll(&polled, 1, 1000) != 1) return false;
    while (::recv(fd, sink.data(), sink.size(), MSG_DONTWAIT) > 0) {
    }
    const ssize_t put = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (put < 0 && errno == EAGAIN) continue;
    if (put < 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(put));
  }
  return true;
}

// Opens calls on several connections, for as long as the daemon takes them, and keeps all of that.
std::vector<UniqueFd> flood(const std::string& socket, const std::string& path) {
  std::vector<UniqueFd> connections;
  std::size_t sent = 0;
  while (sent < kSentBytes && connections.size() < kConnections) {
    connections.push_back(test::connect_as(socket, kNobody, kNogroup, {}));
    const int fd = connections.back().get();
    bool open = send_and_drain(fd, test::http2::preface());
    for (std::uint32_t stream = 1; open && sent < kSentBytes; stream += 2) {
      const std::string call = test::http2::open_call(stream, path, kHeaderBytes);
      open = send_and_drain(fd, call);
      sent += call.size();
    }
  }
  return connections;
}

std::size_t peak_kib(pid_t pid) {
  std::ifstream status("/proc/" + std::to_string(pid) + "/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("VmHWM:")) return std::stoul(line.substr(6));
  return SIZE_MAX;
}

class HeadersWithoutEnd : public Fleet {
 protected:
  void SetUp() override {
    Fleet::SetUp();
    v1::CountJobsResponse response;  // it listens
    ASSERT_TRUE(jobs_->CountJobs(context().get(), v1::CountJobsRequest(), &response).ok());
  }
  std::string scheduler_extra() override { return "[access]\ngroup = nogroup\n"; }
  static std::string path_of(const DaemonProcess& daemon) {
    return daemon.socket().substr(sizeof "unix:" - 1);
  }
};

TEST_F(HeadersWithoutEnd, TakeBoundedMemoryOfTheScheduler) {
  const auto held = flood(path_of(*scheduler_), "/takt.v1.JobService/GetJob");
  EXPECT_LT(peak_kib(scheduler_->pid()), kMemoryMaxKib);
  v1::CountJobsResponse response;
  EXPECT_TRUE(jobs_->CountJobs(context().get(), v1::CountJobsRequest(), &response).ok()) << "root";
}

TEST_F(HeadersWithoutEnd, TakeBoundedMemoryOfAWorker) {
  const WorkerProcess& worker =
      add_worker("one", {.labels = "", .extra = "[access]\ngroup = nogroup\n"});
  const auto held = flood(path_of(worker), "/takt.v1.WorkerService/QueryJob");
  EXPECT_LT(peak_kib(worker.pid()), kMemoryMaxKib);
  EXPECT_EQ(follow(submit(sh("echo served"))).out, "served\n");
}

}  // namespace
}  // namespace takt::component
