// SPDX-License-Identifier: Apache-2.0
// The part of the state folder that lies behind: attempts that nobody is owed anything of. Runs on
// another thread than the rest, so nothing here trusts what it saw a moment ago.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/fs.h"
#include "worker/state_folder.h"

namespace takt::worker {
namespace {

constexpr std::uint64_t kBlockBytes = 512;  // of st_blocks, whatever the file system has

WallTime changed_at(const struct stat& info) {
  return from_unix_time(info.st_mtim.tv_sec, info.st_mtim.tv_nsec);
}

bool is_link(int folder, const std::string& name) {
  struct stat info {};
  return ::fstatat(folder, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0;
}

// Nothing if it went meanwhile.
std::optional<StoredAttempt> look_at(int jobs, const AttemptId& id) {
  auto folder = open_directory(jobs, id.job_id.str() + "/" + std::to_string(id.number));
  if (!folder) return std::nullopt;
  struct stat info {};
  if (::fstat(folder->get(), &info) != 0) return std::nullopt;
  std::optional<WallTime> ended;
  StoredAttempt attempt{.id = id, .ended = false, .time = changed_at(info), .bytes = 0};
  const auto files = list_directory(folder->get());
  if (!files) return std::nullopt;
  for (const std::string& file : *files) {
    if (::fstatat(folder->get(), file.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) continue;
    attempt.bytes += static_cast<std::uint64_t>(info.st_blocks) * kBlockBytes;
    if (file == attempt::kExitFile) ended = changed_at(info);
    attempt.time = std::max(attempt.time, changed_at(info));
  }
  attempt.ended = ended.has_value();
  attempt.time = ended.value_or(attempt.time);  // without an end: when it last did anything
  return attempt;
}

}  // namespace

Result<std::vector<StoredAttempt>> StateFolder::stored(const std::atomic<bool>& stop) const {
  auto names = list_directory(jobs_.get());
  if (!names) return names.error();
  std::vector<StoredAttempt> found;
  for (const std::string& name : *names) {
    if (stop) break;
    const auto job_id = Uuid::parse(name);
    if (!job_id || job_id->str() != name) continue;
    for (const int number : attempts_of(*job_id)) {
      const AttemptId id{*job_id, number};
      const std::string link = attempt::link_name(name_of(id));
      if (is_link(active_.get(), link)) continue;
      auto attempt = look_at(jobs_.get(), id);
      if (!attempt) continue;
      // Set aside, its end is still owed to somebody, if ever it can be told: age alone ends that.
      if (is_link(damaged_.get(), link)) attempt->ended = false;
      found.push_back(*attempt);
    }
  }
  return found;
}

Result<void> StateFolder::remove_stored(const AttemptId& id) const {
  if (is_link(active_.get(), attempt::link_name(name_of(id)))) return {};
  const std::string job = id.job_id.str();
  auto removed = remove_tree(jobs_.get(), job + "/" + std::to_string(id.number));
  if (!removed && removed.error().error_number != ENOENT) return removed;
  // The job's folder goes with its last attempt.
  std::ignore = ::unlinkat(jobs_.get(), job.c_str(), AT_REMOVEDIR);
  return remove_file(damaged_.get(), attempt::link_name(name_of(id)));
}

}  // namespace takt::worker
