// SPDX-License-Identifier: Apache-2.0
// A copy of a scheduler's database while that is in use, or not. Guarantees: the copy is the state
// of one moment, whole and checked, or there is none; a file that is there is never touched; the
// scheduler is not held up, and no lock of its is taken.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "base/uuid.h"

namespace takt::store {

struct BackupReport {
  Uuid store_id;
  std::int64_t revision = 0;  // the newest that is in it
  std::int64_t jobs = 0;
  std::int64_t bytes = 0;  // of the file
};

// Copies the store of a state directory to `file`: beside it first, then checked, synced and
// renamed. Readable by the owner only. Errors: kExists (the file), kNotFound (the store),
// kPermissionDenied, kDataLoss (the database is damaged), kResourceExhausted (no room), kSystem.
// What a process that is killed leaves is named as the file, with ".partial" and its pid. Blocks.
Result<BackupReport> back_up(const std::string& directory, const std::string& file);

}  // namespace takt::store
