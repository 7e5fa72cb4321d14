// SPDX-License-Identifier: Apache-2.0
// Cuts the pages of lists by their encoded size: an answer beyond gRPC's limit would be none at
// all.
#pragma once

#include <google/protobuf/message.h>

#include <cstddef>

#include "base/limits.h"

namespace takt::rpc {

class PageRoom {
 public:
  // Whether `entry` fits the page as one more; then it counts as taken. The first one always fits.
  [[nodiscard]] bool takes(const google::protobuf::Message& entry) {
    const std::size_t bytes = entry.ByteSizeLong() + kFrameBytes;
    if (taken_ > 0 && bytes_ + bytes > limits::kPageMaxBytes) return false;
    bytes_ += bytes;
    ++taken_;
    return true;
  }

 private:
  static constexpr std::size_t kFrameBytes = 8;  // tag and length of an entry, at most

  std::size_t taken_ = 0;
  std::size_t bytes_ = 0;
};

}  // namespace takt::rpc
