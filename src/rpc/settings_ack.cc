// SPDX-License-Identifier: Apache-2.0
#include "rpc/settings_ack.h"

#include <algorithm>

namespace takt::rpc {
namespace {

constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
constexpr std::size_t kFrameHeader = 9;
constexpr char kSettings = 4;
constexpr char kAck = 1;
constexpr char kMaxConcurrentStreams = 3;

void append_number(std::string& out, std::uint32_t number) {
  for (const unsigned shift : {24U, 16U, 8U, 0U})
    out += static_cast<char>((number >> shift) & 0xff);
}

std::size_t payload_of(std::string_view header) {
  std::size_t size = 0;
  for (const char byte : header.substr(0, 3)) size = size << 8 | static_cast<unsigned char>(byte);
  return size;
}

}  // namespace

std::string settings_frame(std::uint32_t streams_max) {
  std::string frame{0, 0, 6, kSettings, 0, 0, 0, 0, 0, 0, kMaxConcurrentStreams};
  append_number(frame, streams_max);
  return frame;
}

SettingsAckFinder::Found SettingsAckFinder::feed(std::string_view bytes) {
  const std::size_t preface = std::min(bytes.size(), kPreface.size() - preface_);
  if (bytes.substr(0, preface) != kPreface.substr(preface_, preface)) return Found::kOther;
  preface_ += preface;
  bytes.remove_prefix(preface);
  while (!bytes.empty()) {
    const std::size_t skipped = std::min(bytes.size(), payload_);
    payload_ -= skipped;
    bytes.remove_prefix(skipped);
    const std::size_t taken = std::min(bytes.size(), kFrameHeader - header_.size());
    header_ += bytes.substr(0, taken);
    bytes.remove_prefix(taken);
    if (header_.size() < kFrameHeader) break;
    if (header_[3] == kSettings && (header_[4] & kAck) != 0) return Found::kAcknowledged;
    payload_ = payload_of(header_);
    header_.clear();
  }
  return Found::kNotYet;
}

}  // namespace takt::rpc
