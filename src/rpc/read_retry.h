// SPDX-License-Identifier: Apache-2.0
// Distinguishes a message that cannot be parsed from the end of a stream. gRPC reports both as a
// read that failed, and keeps the stream open after the first: it would stay open and unread. After
// an end every further read fails at once; after such a message the next one is read. Not
// thread-safe: its stream locks.
#pragma once

#include <cstddef>

#include "base/result.h"

namespace takt::rpc {

class ReadRetry {
 public:
  // A read failed. True: read again, for that may have been a message.
  [[nodiscard]] bool failed() { return ++failures_ <= kRetries; }

  // A read succeeded. True: an earlier one was a message that could not be parsed.
  [[nodiscard]] bool was_message() const { return failures_ > 0; }

  // What the stream ends with then.
  [[nodiscard]] static Error error() {
    return make_error(ErrorCode::kDataLoss,
                      "a message of the peer cannot be parsed: it holds a text that is not UTF-8, "
                      "or is damaged");
  }

 private:
  static constexpr std::size_t kRetries = 8;  // such messages in a row

  std::size_t failures_ = 0;
};

}  // namespace takt::rpc
