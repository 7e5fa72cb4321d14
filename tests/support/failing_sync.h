// SPDX-License-Identifier: Apache-2.0
// fdatasync() and fsync() of this process, with failures as Linux has them: an error is reported
// once, and the next call for the same file succeeds although its bytes may be lost. Guarantees:
// all other calls go to the real disk. One object at a time; any thread.
#pragma once

#include <sys/types.h>

#include <map>
#include <string>

namespace takt::test {

class FailingSync {
 public:
  // Refuses the first call for each path that ends with `suffix`, with EIO.
  explicit FailingSync(std::string suffix);
  ~FailingSync();
  FailingSync(const FailingSync&) = delete;
  FailingSync& operator=(const FailingSync&) = delete;

  // The inodes that were refused, by path.
  [[nodiscard]] std::map<std::string, ino_t> refused() const;
};

}  // namespace takt::test
