// SPDX-License-Identifier: Apache-2.0
// What ReadOutput may be asked, of a scheduler and of a worker: their requests have the same
// fields.
#pragma once

#include <cstdint>
#include <string>

#include "base/limits.h"
#include "base/result.h"
#include "takt/v1/output.pb.h"

namespace takt::rpc {

// kInvalid, naming the field, its value and what is accepted.
template <class Request>
Result<void> check_output_request(const Request& request) {
  const auto bad = [](const std::string& field, std::int64_t value, const std::string& accepted) {
    return invalid(field, std::to_string(value) + " is not accepted; " + accepted);
  };
  if (request.attempt() < 0) return bad("attempt", request.attempt(), "0 is the latest");
  if (request.stdout_offset() < 0)
    return bad("stdout_offset", request.stdout_offset(), "0 is the first byte");
  if (request.stderr_offset() < 0)
    return bad("stderr_offset", request.stderr_offset(), "0 is the first byte");
  if (!v1::OutputStream_IsValid(request.stream()))
    return bad("stream", request.stream(), "UNSPECIFIED, STDOUT and STDERR are");
  const std::int64_t lines = request.tail_lines();
  if (lines < 0 || lines > static_cast<std::int64_t>(limits::kTailLinesMax))
    return bad("tail_lines", lines, "0 to " + std::to_string(limits::kTailLinesMax) + " are");
  const auto& since = request.since_time();
  if (since.seconds() < 0 || since.nanos() < 0 || since.nanos() >= 1'000'000'000)
    return bad("since_time", since.seconds(), "times from 1970 on are");
  return {};
}

}  // namespace takt::rpc
