// SPDX-License-Identifier: Apache-2.0
#include "support/failing_disk.h"

#include <sqlite3.h>

#include <condition_variable>
#include <mutex>
#include <optional>
#include <utility>

#include "base/check.h"

namespace takt::test {
namespace {

std::condition_variable healed;
std::mutex mutex;  // guards what follows
std::optional<DiskCall> held_call;
FailingDisk::Failure failure;
int countdown = 0;  // 0: nothing fails
bool failed = false;

// What this call has to answer instead, or SQLITE_OK to go on.
int verdict(DiskCall call) {
  std::unique_lock lock(mutex);
  healed.wait(lock, [call] { return held_call != call; });
  if (countdown == 0 || failure.call != call) return SQLITE_OK;
  if (countdown > 1) return --countdown, SQLITE_OK;
  if (!failure.lasts) countdown = 0;
  failed = true;
  return failure.code;
}

sqlite3_vfs* real = nullptr;

// A file of ours is followed by the real one.
struct File {
  sqlite3_file base;
};

sqlite3_file* below(sqlite3_file* file) {
  return reinterpret_cast<sqlite3_file*>(reinterpret_cast<File*>(file) + 1);
}

const sqlite3_io_methods* methods(sqlite3_file* file) { return below(file)->pMethods; }

int close(sqlite3_file* file) { return methods(file)->xClose(below(file)); }

int read(sqlite3_file* file, void* data, int bytes, sqlite3_int64 offset) {
  if (const int code = verdict(DiskCall::kRead); code != SQLITE_OK) return code;
  return methods(file)->xRead(below(file), data, bytes, offset);
}

int write(sqlite3_file* file, const void* data, int bytes, sqlite3_int64 offset) {
  if (const int code = verdict(DiskCall::kWrite); code != SQLITE_OK) return code;
  if (const int code = verdict(DiskCall::kTorn); code != SQLITE_OK) {
    static_cast<void>(methods(file)->xWrite(below(file), data, bytes / 2, offset));
    return code;
  }
  return methods(file)->xWrite(below(file), data, bytes, offset);
}

int truncate(sqlite3_file* file, sqlite3_int64 bytes) {
  if (const int code = verdict(DiskCall::kTruncate); code != SQLITE_OK) return code;
  return methods(file)->xTruncate(below(file), bytes);
}

int sync(sqlite3_file* file, int flags) {
  if (const int code = verdict(DiskCall::kSync); code != SQLITE_OK) return code;
  return methods(file)->xSync(below(file), flags);
}

int file_size(sqlite3_file* file, sqlite3_int64* bytes) {
  return methods(file)->xFileSize(below(file), bytes);
}

int lock(sqlite3_file* file, int kind) { return methods(file)->xLock(below(file), kind); }

int unlock(sqlite3_file* file, int kind) { return methods(file)->xUnlock(below(file), kind); }

int check_lock(sqlite3_file* file, int* held) {
  return methods(file)->xCheckReservedLock(below(file), held);
}

int file_control(sqlite3_file* file, int what, void* argument) {
  return methods(file)->xFileControl(below(file), what, argument);
}

int sector_size(sqlite3_file* file) { return methods(file)->xSectorSize(below(file)); }

int characteristics(sqlite3_file* file) {
  return methods(file)->xDeviceCharacteristics(below(file));
}

int shm_map(sqlite3_file* file, int region, int bytes, int extend, volatile void** memory) {
  return methods(file)->xShmMap(below(file), region, bytes, extend, memory);
}

int shm_lock(sqlite3_file* file, int offset, int count, int flags) {
  return methods(file)->xShmLock(below(file), offset, count, flags);
}

void shm_barrier(sqlite3_file* file) { methods(file)->xShmBarrier(below(file)); }

int shm_unmap(sqlite3_file* file, int remove) {
  return methods(file)->xShmUnmap(below(file), remove);
}

// Version 2: no reading past us by mapping the file.
const sqlite3_io_methods kMethods{.iVersion = 2,
                                  .xClose = close,
                                  .xRead = read,
                                  .xWrite = write,
                                  .xTruncate = truncate,
                                  .xSync = sync,
                                  .xFileSize = file_size,
                                  .xLock = lock,
                                  .xUnlock = unlock,
                                  .xCheckReservedLock = check_lock,
                                  .xFileControl = file_control,
                                  .xSectorSize = sector_size,
                                  .xDeviceCharacteristics = characteristics,
                                  .xShmMap = shm_map,
                                  .xShmLock = shm_lock,
                                  .xShmBarrier = shm_barrier,
                                  .xShmUnmap = shm_unmap,
                                  .xFetch = nullptr,
                                  .xUnfetch = nullptr};

int open(sqlite3_vfs*, const char* name, sqlite3_file* file, int flags, int* given) {
  file->pMethods = nullptr;
  if (const int code = verdict(DiskCall::kOpen); code != SQLITE_OK) return code;
  const int code = real->xOpen(real, name, below(file), flags, given);
  if (below(file)->pMethods != nullptr) file->pMethods = &kMethods;
  return code;
}

sqlite3_vfs& ours() {
  static sqlite3_vfs vfs{};
  return vfs;
}

}  // namespace

// All that is not about open files is the real one's, which gets its own object by these.
FailingDisk::FailingDisk() {
  TAKT_CHECK(real == nullptr, "two failing disks");
  heal();
  real = sqlite3_vfs_find(nullptr);
  ours() = *real;
  ours().zName = "takt-failing-disk";
  ours().szOsFile = static_cast<int>(sizeof(File)) + real->szOsFile;
  ours().pNext = nullptr;
  ours().xOpen = open;
  TAKT_CHECK(sqlite3_vfs_register(&ours(), 1) == SQLITE_OK, "vfs");
}

FailingDisk::~FailingDisk() {
  static_cast<void>(sqlite3_vfs_unregister(&ours()));
  static_cast<void>(sqlite3_vfs_register(real, 1));
  real = nullptr;
}

void FailingDisk::fail(const Failure& what) {
  const std::lock_guard lock(mutex);
  failed = false;
  failure = what;
  countdown = what.nth;
}

void FailingDisk::hold(DiskCall call) {
  const std::lock_guard lock(mutex);
  held_call = call;
}

bool FailingDisk::heal() {
  const std::lock_guard lock(mutex);
  countdown = 0;
  held_call.reset();
  healed.notify_all();
  return std::exchange(failed, false);
}

}  // namespace takt::test
