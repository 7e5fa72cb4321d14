// SPDX-License-Identifier: Apache-2.0
// What a live attempt uses now, and what is left of one that is ENDING, from the kernel's files
// about its cgroup. What the kernel does not tell stays unknown.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "takt/v1/worker_service.pb.h"
#include "worker/live_attempt.h"

namespace takt::worker {

// A count of the kernel as the API has it.
constexpr std::optional<std::int64_t> as_signed(const std::optional<std::uint64_t>& count) {
  if (!count) return std::nullopt;
  return static_cast<std::int64_t>(*count);
}

// Brings record.usage, and while it is ENDING record.remaining, up to date.
void refresh_usage(LiveAttempt& live);

// What these use, of those that have not ended, in as many messages of a session as it takes.
std::vector<v1::SessionResponse> usage_messages(const std::vector<LivePtr>& attempts);

}  // namespace takt::worker
