// SPDX-License-Identifier: Apache-2.0
#include "attempt/contact.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdint>

#include "base/fs.h"
#include "base/unique_fd.h"
#include "base/units.h"

namespace takt::attempt {
namespace {

constexpr mode_t kMode = 0600;
constexpr std::size_t kDigits = 20;
constexpr std::size_t kMaxBytes = 128;

}  // namespace

// "<boot id> <microseconds of its clock>", written over in place. What a reader sees of two writes
// mixed is either in the future, or no later than the newer one, which is of this very moment.
std::string encode_contact(const std::string& boot, BootTime when) {
  const auto us = std::chrono::duration_cast<microseconds>(when.time_since_epoch()).count();
  std::string digits = std::to_string(us);
  digits.insert(0, kDigits - digits.size(), '0');
  return boot + " " + digits + "\n";
}

std::optional<BootTime> decode_contact(std::string_view text, const std::string& boot,
                                       BootTime now) {
  const std::string prefix = boot + " ";
  if (text.size() != prefix.size() + kDigits + 1 || !text.starts_with(prefix) ||
      !text.ends_with('\n'))
    return std::nullopt;
  const char* const first = text.data() + prefix.size();
  const char* const last = first + kDigits;
  std::uint64_t us = 0;  // unsigned: of signs nothing is written, so none is read
  const auto parsed = std::from_chars(first, last, us);
  const auto most = static_cast<std::uint64_t>(
      std::chrono::duration_cast<microseconds>(now.time_since_epoch()).count());
  if (parsed.ec != std::errc() || parsed.ptr != last || us > most) return std::nullopt;
  return BootTime(microseconds(static_cast<std::int64_t>(us)));
}

Result<void> write_contact(const std::string& path, BootTime when) {
  const UniqueFd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, kMode));
  if (!file) return system_error("open " + path);
  const std::string text = encode_contact(boot_id(), when);
  const ssize_t written = ::pwrite(file.get(), text.data(), text.size(), 0);
  if (written < 0) return system_error("write " + path);
  if (static_cast<std::size_t>(written) != text.size())
    return system_error("write " + path, ENOSPC);
  return {};
}

std::optional<BootTime> read_contact(const std::string& path, BootTime now) {
  const auto text = read_file(AT_FDCWD, path, kMaxBytes);
  if (!text) return std::nullopt;
  return decode_contact(*text, boot_id(), now);
}

std::string lease_over_text(microseconds lease) {
  return "nothing was heard from its scheduler within its lease of " + format_duration(lease);
}

}  // namespace takt::attempt
