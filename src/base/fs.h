// SPDX-License-Identifier: Apache-2.0
// Files by directory descriptor. Guarantees: every descriptor is close-on-exec; EINTR is hidden;
// reads are bounded; errors name the file. `dir` may be AT_FDCWD.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

namespace takt {

// open(2) relative to `dir`; O_CLOEXEC is added.
Result<UniqueFd> open_at(int dir, const std::string& name, int flags, mode_t mode = 0);

// A directory to be used as `dir`.
Result<UniqueFd> open_directory(int dir, const std::string& name);

// The whole file; kResourceExhausted if it holds more than `max_bytes`.
Result<std::string> read_file(int dir, const std::string& name, std::size_t max_bytes);

// All that is left to read from `fd`, with the same bound.
Result<std::string> read_all(int fd, std::size_t max_bytes, const std::string& name);

// Writes all of `data`, however often it takes. EAGAIN is an error like any other.
Result<void> write_all(int fd, std::string_view data, const std::string& name);

// Creates or truncates `name` and writes `data`. Not synced.
Result<void> write_file(int dir, const std::string& name, std::string_view data, mode_t mode);

// Writes "name.tmp" and renames it over `name`, so that a reader sees the old or the new whole.
// Not synced: make it durable with sync_file and sync_directory.
Result<void> replace_file(int dir, const std::string& name, std::string_view data, mode_t mode);

// The same, and the new one is synced before it has the name: after power loss the old or the new
// is there, whole.
Result<void> replace_file_synced(int dir, const std::string& name, std::string_view data,
                                 mode_t mode);

// fdatasync of a file; fsync of a directory. What survives power loss once they returned.
Result<void> sync_file(int dir, const std::string& name);
Result<void> sync_directory(int dir, const std::string& name = ".");

// mkdir unless it is there; the parents too for make_directories.
Result<void> make_directory(int dir, const std::string& name, mode_t mode);
Result<void> make_directories(const std::string& path, mode_t mode);

// Names in a directory without "." and "..", unsorted.
Result<std::vector<std::string>> list_directory(int dir, const std::string& name = ".");

// unlink; a file that is not there is no error.
Result<void> remove_file(int dir, const std::string& name);

// Removes a folder and all below it, never following a link. Not there is no error.
Result<void> remove_tree(int dir, const std::string& name);

// O_NONBLOCK on or off.
Result<void> set_nonblocking(int fd, bool on);

}  // namespace takt
