// SPDX-License-Identifier: Apache-2.0
// SQLite's view of the disk, with failures. Guarantees: all calls go to the real disk, but for
// those of the kind asked for, of which the n-th fails, and the ones after it too if it is to last;
// or all of which wait.
// It is the default file system of SQLite while an object lives; one at a time.
#pragma once

#include <string>

namespace takt::test {

// What may fail. A kTorn write puts half of its bytes on the disk first.
enum class DiskCall { kRead, kWrite, kTorn, kSync, kTruncate, kOpen };

class FailingDisk {
 public:
  FailingDisk();
  ~FailingDisk();
  FailingDisk(const FailingDisk&) = delete;
  FailingDisk& operator=(const FailingDisk&) = delete;

  struct Failure {
    DiskCall call = DiskCall::kWrite;
    int nth = 1;         // counted from 1
    int code = 0;        // of SQLite
    bool lasts = false;  // the ones after it fail, too
  };
  // From now on. Any thread.
  static void fail(const Failure& failure);
  // From now on calls of this kind wait until heal(). Any thread.
  static void hold(DiskCall call);
  // Nothing fails or waits any more. True if something has failed since fail(). Any thread.
  static bool heal();
};

}  // namespace takt::test
