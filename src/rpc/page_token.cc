// SPDX-License-Identifier: Apache-2.0
#include "rpc/page_token.h"

#include <algorithm>
#include <charconv>
#include <limits>

#include "base/limits.h"
#include "base/units.h"

namespace takt::rpc {
namespace {

constexpr std::size_t kIdLength = 36;

Error no_token() {
  return invalid("page_token", "is not one that an answer gave; leave it empty for the first page");
}

}  // namespace

std::string job_token(std::int64_t number) { return std::to_string(number); }

Result<std::int64_t> read_job_token(const std::string& token) {
  if (token.empty()) return 0;
  std::int64_t number = 0;
  const char* const end = token.data() + token.size();
  const auto parsed = std::from_chars(token.data(), end, number);
  if (parsed.ec != std::errc() || parsed.ptr != end || number <= 0) return no_token();
  return number;
}

std::string worker_token(const Uuid& id, const std::string& name) { return id.str() + name; }

Result<WorkerPlace> read_worker_token(const std::string& token) {
  if (token.empty()) return WorkerPlace{};
  if (token.size() <= kIdLength || !Uuid::parse(token.substr(0, kIdLength)).ok()) return no_token();
  return WorkerPlace{token.substr(kIdLength), token.substr(0, kIdLength)};
}

std::string attempt_token(const AttemptId& id) { return id.str(); }

Result<std::optional<AttemptId>> read_attempt_token(const std::string& token) {
  if (token.empty()) return std::optional<AttemptId>();
  const std::size_t dot = token.find('.');
  const auto job = Uuid::parse(token.substr(0, dot), "page_token");
  if (!job) return job.error();
  constexpr int kLast = std::numeric_limits<int>::max();
  if (dot == std::string::npos) return std::optional(AttemptId{*job, kLast});
  const auto number = parse_integer(token.substr(dot + 1), "page_token", 0, kLast);
  if (!number) return number.error();
  return std::optional(AttemptId{*job, static_cast<int>(*number)});
}

Result<std::size_t> page_size(int asked) {
  if (asked < 0)
    return invalid("page_size", std::to_string(asked) + " is negative; give 0 (the default) to " +
                                    std::to_string(limits::kPageSizeMax));
  if (asked == 0) return limits::kPageSizeDefault;
  return std::min(static_cast<std::size_t>(asked), limits::kPageSizeMax);
}

}  // namespace takt::rpc
