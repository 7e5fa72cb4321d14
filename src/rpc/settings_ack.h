// SPDX-License-Identifier: Apache-2.0
// Looks for the acknowledgement of SETTINGS in what an HTTP/2 client sends. gRPC 1.51 lets a client
// that never acknowledges open any number of streams; so a connection gets to gRPC after that.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace takt::rpc {

// A server's SETTINGS frame (RFC 9113, 6.5) with this number of concurrent streams.
std::string settings_frame(std::uint32_t streams_max);

class SettingsAckFinder {
 public:
  enum class Found {
    kNotYet,
    kAcknowledged,
    kOther,  // it does not speak HTTP/2
  };

  // The next bytes, in order. Not to be called again after another answer than kNotYet.
  Found feed(std::string_view bytes);

 private:
  std::size_t preface_ = 0;  // bytes of it that have come
  std::string header_;       // of the frame that has begun
  std::size_t payload_ = 0;  // of it that is still to come
};

}  // namespace takt::rpc
