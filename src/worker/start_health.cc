// SPDX-License-Identifier: Apache-2.0
#include "worker/start_health.h"

#include <algorithm>
#include <cerrno>
#include <string_view>

namespace takt::worker {
namespace {

constexpr int kShortages[] = {EAGAIN, ENOMEM, EMFILE, ENFILE, ENOSPC, EDQUOT, EROFS, EIO};
// What the host does for a start. The others follow the job's own wishes.
constexpr std::string_view kStepsOfHost[] = {"record", "user",  "script",
                                             "spawn",  "scope", "cgroup"};

bool contains(const auto& list, const auto& value) {
  return std::find(std::begin(list), std::end(list), value) != std::end(list);
}

}  // namespace

bool is_host_fault(const std::string& step, const Error& error) {
  if (!error.field.empty()) return false;
  if (contains(kShortages, error.error_number)) return true;
  switch (error.code) {
    case ErrorCode::kPermissionDenied:
    case ErrorCode::kUnavailable:
    case ErrorCode::kResourceExhausted:
    case ErrorCode::kDeadlineExceeded:
    case ErrorCode::kSystem:
      return contains(kStepsOfHost, step);
    default:
      return false;
  }
}

bool StartHealth::failed(const std::string& why, BootTime now) {
  why_ = why;
  ++in_a_row_;
  const bool closes =
      state_ == State::kProbing || (state_ == State::kOpen && in_a_row_ >= limits::kFaultsMax);
  if (!closes) return false;  // of those that were under way when it closed, too
  pause_ = std::clamp<nanoseconds>(pause_ * 2, limits::kProbeMin, limits::kProbeMax);
  probe_time_ = now + pause_;
  state_ = State::kClosed;
  return true;
}

bool StartHealth::worked() {
  const bool was_open = state_ == State::kOpen;
  *this = StartHealth();
  return !was_open;
}

std::string StartHealth::fault() const {
  if (state_ != State::kClosed) return "";
  return "the host failed to start " + std::to_string(in_a_row_) + " jobs in a row: " + why_;
}

}  // namespace takt::worker
