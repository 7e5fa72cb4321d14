// SPDX-License-Identifier: Apache-2.0
#include "base/fs.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <memory>
#include <tuple>

namespace takt {
namespace {

constexpr const char* kTemporary = ".tmp";

struct CloseDir {
  void operator()(DIR* dir) const { ::closedir(dir); }
};
using UniqueDir = std::unique_ptr<DIR, CloseDir>;

// Renames the temporary file over `name`.
Result<void> take_place(int dir, const std::string& name) {
  const std::string temporary = name + kTemporary;
  if (::renameat(dir, temporary.c_str(), dir, name.c_str()) != 0)
    return system_error("rename " + temporary);
  return {};
}

}  // namespace

Result<UniqueFd> open_at(int dir, const std::string& name, int flags, mode_t mode) {
  int fd = -1;
  do {
    fd = ::openat(dir, name.c_str(), flags | O_CLOEXEC, mode);
  } while (fd < 0 && errno == EINTR);
  if (fd < 0) return system_error("open " + name);
  return UniqueFd(fd);
}

Result<UniqueFd> open_directory(int dir, const std::string& name) {
  return open_at(dir, name, O_RDONLY | O_DIRECTORY);
}

Result<std::string> read_all(int fd, std::size_t max_bytes, const std::string& name) {
  std::string data;
  char buffer[16384];
  for (;;) {
    const ssize_t got = ::read(fd, buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return system_error("read " + name);
    if (got == 0) return data;
    if (data.size() + static_cast<std::size_t>(got) > max_bytes)
      return make_error(ErrorCode::kResourceExhausted,
                        name + " holds more than " + std::to_string(max_bytes) + " bytes");
    data.append(buffer, static_cast<std::size_t>(got));
  }
}

Result<std::string> read_file(int dir, const std::string& name, std::size_t max_bytes) {
  auto fd = open_at(dir, name, O_RDONLY);
  if (!fd) return fd.error();
  return read_all(fd->get(), max_bytes, name);
}

Result<void> write_all(int fd, std::string_view data, const std::string& name) {
  while (!data.empty()) {
    const ssize_t put = ::write(fd, data.data(), data.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return system_error("write " + name);
    data.remove_prefix(static_cast<std::size_t>(put));
  }
  return {};
}

Result<void> write_file(int dir, const std::string& name, std::string_view data, mode_t mode) {
  auto fd = open_at(dir, name, O_WRONLY | O_CREAT | O_TRUNC, mode);
  if (!fd) return fd.error();
  return write_all(fd->get(), data, name);
}

Result<void> replace_file(int dir, const std::string& name, std::string_view data, mode_t mode) {
  const std::string temporary = name + kTemporary;
  auto written = write_file(dir, temporary, data, mode);
  return written ? take_place(dir, name) : written;
}

Result<void> replace_file_synced(int dir, const std::string& name, std::string_view data,
                                 mode_t mode) {
  const std::string temporary = name + kTemporary;
  auto written = write_file(dir, temporary, data, mode);
  if (written) written = sync_file(dir, temporary);
  return written ? take_place(dir, name) : written;
}

Result<void> sync_file(int dir, const std::string& name) {
  auto fd = open_at(dir, name, O_RDONLY);
  if (!fd) return fd.error();
  if (::fdatasync(fd->get()) != 0) return system_error("fdatasync " + name);
  return {};
}

Result<void> sync_directory(int dir, const std::string& name) {
  auto fd = open_directory(dir, name);
  if (!fd) return fd.error();
  if (::fsync(fd->get()) != 0) return system_error("fsync " + name);
  return {};
}

Result<void> make_directory(int dir, const std::string& name, mode_t mode) {
  if (::mkdirat(dir, name.c_str(), mode) == 0 || errno == EEXIST) return {};
  return system_error("mkdir " + name);
}

Result<void> make_directories(const std::string& path, mode_t mode) {
  for (std::size_t slash = path.find('/', 1); slash != std::string::npos;
       slash = path.find('/', slash + 1)) {
    auto made = make_directory(AT_FDCWD, path.substr(0, slash), mode);
    if (!made) return made;
  }
  return make_directory(AT_FDCWD, path, mode);
}

Result<std::vector<std::string>> list_directory(int dir, const std::string& name) {
  auto fd = open_directory(dir, name);
  if (!fd) return fd.error();
  UniqueDir stream(::fdopendir(fd->get()));
  if (!stream) return system_error("list " + name);
  std::ignore = fd->release();
  std::vector<std::string> names;
  for (;;) {
    errno = 0;
    const dirent* entry = ::readdir(stream.get());  // NOLINT(concurrency-mt-unsafe): own stream
    if (entry == nullptr) break;
    const std::string_view found = entry->d_name;
    if (found != "." && found != "..") names.emplace_back(found);
  }
  if (errno != 0) return system_error("list " + name);
  return names;
}

Result<void> remove_file(int dir, const std::string& name) {
  if (::unlinkat(dir, name.c_str(), 0) == 0 || errno == ENOENT) return {};
  return system_error("remove " + name);
}

Result<void> remove_tree(int dir, const std::string& name) {
  if (::unlinkat(dir, name.c_str(), 0) == 0 || errno == ENOENT) return {};
  if (errno != EISDIR && errno != EPERM) return system_error("remove " + name);
  auto folder = open_at(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  if (!folder) return folder.error();
  auto names = list_directory(folder->get());
  if (!names) return names.error();
  for (const std::string& inner : *names) {
    auto removed = remove_tree(folder->get(), inner);
    if (!removed) return removed;
  }
  if (::unlinkat(dir, name.c_str(), AT_REMOVEDIR) == 0 || errno == ENOENT) return {};
  return system_error("remove " + name);
}

Result<void> set_nonblocking(int fd, bool on) {
  const int flags = ::fcntl(fd, F_GETFL);
  if (flags < 0) return system_error("F_GETFL");
  if (::fcntl(fd, F_SETFL, on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK) != 0)
    return system_error("F_SETFL");
  return {};
}

}  // namespace takt
