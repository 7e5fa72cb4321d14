// SPDX-License-Identifier: Apache-2.0
// The folder that the scripts of old clients are run from. Guarantees: what resolve() gives names a
// regular file below the folder as it was at that moment, by a path without links, "." and "..";
// so only somebody who may write below the folder can put another file in its place before the
// command opens it, and such a one could as well have changed the script itself. Thread-safe.
#pragma once

#include <string>

#include "base/result.h"
#include "base/unique_fd.h"

namespace takt::compat {

class ScriptFolder {
 public:
  // `path` is absolute; kSystem if it is no folder.
  static Result<ScriptFolder> open(const std::string& path);

  // A path as a client gives it, relative to the folder → the same file's path without links, also
  // relative. kInvalid, naming `path`, for one that is empty, absolute, has "..", leads out of the
  // folder, or is no regular file.
  [[nodiscard]] Result<std::string> resolve(const std::string& path) const;

  // As configured.
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  ScriptFolder(std::string path, UniqueFd folder)
      : path_(std::move(path)), folder_(std::move(folder)) {}

  std::string path_;
  UniqueFd folder_;
};

}  // namespace takt::compat
