// SPDX-License-Identifier: Apache-2.0
#include "attempt/folder.h"

#include <charconv>

namespace takt::attempt {
namespace {

constexpr std::string_view kUnitPrefix = "takt-job-";
constexpr std::string_view kUnitSuffix = ".scope";
constexpr std::size_t kUuidLength = 36;

Error bad_name(std::string_view text) {
  return make_error(ErrorCode::kInvalid, "\"" + std::string(text.substr(0, 128)) +
                                             "\" does not name an attempt as <job id>.<attempt>");
}

}  // namespace

std::string folder_path(const AttemptName& name) {
  return std::string(kJobsFolder) + "/" + name.job_id.str() + "/" + std::to_string(name.number);
}

std::string link_name(const AttemptName& name) {
  return name.job_id.str() + "." + std::to_string(name.number);
}

Result<AttemptName> parse_link_name(std::string_view text) {
  if (text.size() < kUuidLength + 2 || text[kUuidLength] != '.') return bad_name(text);
  auto id = Uuid::parse(text.substr(0, kUuidLength));
  if (!id) return bad_name(text);
  AttemptName name{.job_id = *id, .number = 0};
  const std::string_view digits = text.substr(kUuidLength + 1);
  const char* const end = digits.data() + digits.size();
  const auto parsed = std::from_chars(digits.data(), end, name.number);
  // Comparing with the canonical form refuses upper case, leading zeros and attempt 0 at once.
  if (parsed.ec != std::errc() || parsed.ptr != end || name.number == 0 || link_name(name) != text)
    return bad_name(text);
  return name;
}

std::string unit_name(const AttemptName& name) {
  return std::string(kUnitPrefix) + link_name(name) + std::string(kUnitSuffix);
}

Result<AttemptName> parse_unit_name(std::string_view text) {
  std::string_view inner = text;
  if (!inner.starts_with(kUnitPrefix) || !inner.ends_with(kUnitSuffix)) return bad_name(text);
  inner.remove_prefix(kUnitPrefix.size());
  if (inner.size() < kUnitSuffix.size()) return bad_name(text);
  inner.remove_suffix(kUnitSuffix.size());
  return parse_link_name(inner);
}

}  // namespace takt::attempt
