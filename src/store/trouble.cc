// SPDX-License-Identifier: Apache-2.0
#include "store/trouble.h"

#include <unistd.h>

#include <cerrno>

namespace takt::store {
namespace {

constexpr const char* kWayOut =
    "; put back a backup, or what sqlite3's .recover saves of it: takt-scheduler(8) says how";

// Why access() said no.
Error no_access(const std::string& path, int error_number) {
  switch (error_number) {
    case ENOENT:
      return make_error(ErrorCode::kNotFound,
                        "there is no " + path + "; make it, or name another state_directory");
    case EACCES:
    case EPERM:
      return make_error(ErrorCode::kPermissionDenied,
                        "user " + std::to_string(::geteuid()) + " may not use " + path +
                            "; run this as root or as the scheduler's user, to whom all in its "
                            "state_directory has to belong (chown)");
    case EROFS:
      return make_error(ErrorCode::kUnavailable,
                        path +
                            " is on a file system that is read-only; the kernel's log (dmesg) "
                            "may say why it became so");
    default:
      return system_error("cannot use " + path, error_number);
  }
}

}  // namespace

Error damaged(std::string_view what, std::string_view words) {
  return make_error(ErrorCode::kDataLoss, std::string(what) + ": the database is damaged (" +
                                              std::string(words) + ")" + kWayOut);
}

Result<void> check_folder(const std::string& directory) {
  if (::access(directory.c_str(), R_OK | W_OK | X_OK) != 0) return no_access(directory, errno);
  return {};
}

Error not_usable(const std::string& path, bool write, std::string_view words) {
  if (::access(path.c_str(), write ? R_OK | W_OK : R_OK) != 0) return no_access(path, errno);
  const std::size_t slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  if (auto good = check_folder(folder); !good) return good.error();
  return make_error(ErrorCode::kUnavailable, "cannot open " + path + ": " + std::string(words));
}

}  // namespace takt::store
