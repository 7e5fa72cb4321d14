// SPDX-License-Identifier: Apache-2.0
#include "compat/script_folder.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <utility>

#include "base/fs.h"

namespace takt::compat {
namespace {

constexpr int kRenameRetries = 16;  // openat2 says EAGAIN when a rename crosses its way

Error refused(const std::string& path, const std::string& why) {
  return invalid("path", "\"" + path + "\" " + why);
}

bool has_parent(const std::string& path) {
  return ("/" + path + "/").find("/../") != std::string::npos;
}

// An O_PATH descriptor of what is there, found without leaving the folder.
Result<UniqueFd> open_beneath(int folder, const std::string& path) {
  open_how how{};
  how.flags = O_PATH | O_CLOEXEC;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
  for (int tries = 0;; ++tries) {
    const long fd = ::syscall(SYS_openat2, folder, path.c_str(), &how, sizeof how);
    if (fd >= 0) return UniqueFd(static_cast<int>(fd));
    if (errno != EINTR && (errno != EAGAIN || tries >= kRenameRetries)) break;
  }
  switch (errno) {
    case EXDEV:
    case ELOOP:
      return refused(path, "leads out of the script folder");
    case ENOENT:
    case ENOTDIR:
      return refused(path, "is not in the script folder");
    default:
      return system_error("path \"" + path + "\"");
  }
}

// Where the kernel says that the descriptor's file is.
Result<std::string> place_of(int fd) {
  std::array<char, PATH_MAX> target{};
  const std::string link = "/proc/self/fd/" + std::to_string(fd);
  const ssize_t length = ::readlink(link.c_str(), target.data(), target.size());
  if (length < 0) return system_error("readlink " + link);
  return std::string(target.data(), static_cast<std::size_t>(length));
}

}  // namespace

Result<ScriptFolder> ScriptFolder::open(const std::string& path) {
  auto folder = open_at(AT_FDCWD, path, O_PATH | O_DIRECTORY);
  if (!folder) return folder.error();
  return ScriptFolder(path, std::move(*folder));
}

Result<std::string> ScriptFolder::resolve(const std::string& path) const {
  if (path.empty()) return refused(path, "is empty; give a file in the script folder");
  if (path.size() >= PATH_MAX || path.find('\0') != std::string::npos)
    return refused(path.substr(0, NAME_MAX), "is no path");
  if (path.front() == '/') return refused(path, "is absolute; give it relative to the folder");
  if (has_parent(path)) return refused(path, "has \"..\"; only what is in the folder is run");
  const auto file = open_beneath(folder_.get(), path);
  if (!file) return file.error();
  struct stat status {};
  if (::fstat(file->get(), &status) != 0) return system_error("path \"" + path + "\"");
  if (!S_ISREG(status.st_mode)) return refused(path, "is no file");
  const auto place = place_of(file->get());
  if (!place) return place.error();
  const auto root = place_of(folder_.get());
  if (!root) return root.error();
  const std::string head = *root == "/" ? *root : *root + "/";
  // A file that was moved or removed meanwhile is elsewhere, or "(deleted)".
  if (!place->starts_with(head) || place->ends_with(" (deleted)"))
    return refused(path, "is not in the script folder any more");
  return place->substr(head.size());
}

}  // namespace takt::compat
