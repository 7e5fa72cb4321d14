// SPDX-License-Identifier: Apache-2.0
#include "support/http2.h"

namespace takt::test::http2 {
namespace {

constexpr std::uint8_t kData = 0;
constexpr std::uint8_t kHeaders = 1;
constexpr std::uint8_t kSettings = 4;
constexpr std::uint8_t kAck = 1;
constexpr std::uint8_t kEndStream = 1;
constexpr std::uint8_t kEndHeaders = 4;

std::string frame(std::uint8_t type, std::uint8_t flags, std::uint32_t stream,
                  const std::string& payload) {
  std::string out;
  for (const int shift : {16, 8, 0}) out += static_cast<char>(payload.size() >> shift);
  out += static_cast<char>(type);
  out += static_cast<char>(flags);
  for (const int shift : {24, 16, 8, 0}) out += static_cast<char>(stream >> shift);
  return out + payload;
}

// A string of HPACK, not compressed; shorter than 16,511 bytes.
std::string text(const std::string& value) {
  std::string out;
  if (value.size() < 127) {
    out += static_cast<char>(value.size());
  } else {
    out += static_cast<char>(127);
    std::size_t rest = value.size() - 127;
    for (; rest >= 128; rest /= 128) out += static_cast<char>(rest % 128 + 128);
    out += static_cast<char>(rest);
  }
  return out + value;
}

std::string field(const std::string& name, const std::string& value) {
  return std::string(1, '\0') + text(name) + text(value);  // literal, not indexed
}

}  // namespace

std::string preface() { return "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(kSettings, 0, 0, ""); }

std::string settings_ack() { return frame(kSettings, kAck, 0, ""); }

std::string open_call(std::uint32_t stream, const std::string& path, std::size_t filler) {
  const std::string headers = field(":method", "POST") + field(":scheme", "http") +
                              field(":path", path) + field(":authority", "x") +
                              field("content-type", "application/grpc") + field("te", "trailers") +
                              field("filler", std::string(filler, 'x'));
  return frame(kHeaders, kEndHeaders, stream, headers);
}

std::string empty_call(std::uint32_t stream, const std::string& path) {
  return open_call(stream, path, 0) + frame(kData, kEndStream, stream, std::string(5, '\0'));
}

}  // namespace takt::test::http2
