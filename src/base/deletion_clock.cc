// SPDX-License-Identifier: Apache-2.0
#include "base/deletion_clock.h"

#include <fcntl.h>

#include <cerrno>
#include <utility>

#include "base/fs.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/units.h"

namespace takt {
namespace {

constexpr const char* kMemoryFile = "clock";
constexpr const char* kConfirmedFile = "clock.confirmed";
constexpr std::size_t kFileMaxBytes = 4 * limits::kKiB;
constexpr mode_t kMode = 0644;

std::string path_of(const std::string& directory, const char* file) {
  return directory + "/" + file;
}

}  // namespace

Result<void> DeletionClock::confirm(const std::string& directory) {
  return replace_file(AT_FDCWD, path_of(directory, kConfirmedFile), encode(read_clocks()), kMode);
}

void DeletionClock::begin() {
  const std::string path = path_of(options_.directory, kMemoryFile);
  const auto record = read_file(AT_FDCWD, path, kFileMaxBytes);
  auto memory = record ? decode_clock_memory(*record) : Result<ClockGuard::Memory>(record.error());
  if (memory) {
    guard_.emplace(std::move(*memory));
  } else if (memory.error().error_number == ENOENT) {
    guard_.emplace(std::nullopt);  // the first start
  } else {
    unreadable_ = path + " cannot be read (" + memory.error().message + ")";
    guard_.emplace(ClockGuard::Memory());  // as after a jump from 1970
  }
}

bool DeletionClock::may_delete(microseconds age) {
  const bool first = !guard_;
  if (first) begin();
  const ClockReading now = options_.read();
  const bool could_delete = guard_->may_delete();
  guard_->look(now, age);
  bool confirmed = false;
  if (!guard_->may_delete() && now.boot >= next_look_) {
    next_look_ = now.boot + limits::kWallClockLook;
    confirmed = take_confirmation(now, age);
  }
  if (could_delete != guard_->may_delete()) log_change(confirmed);
  if (first || could_delete != guard_->may_delete() || now.boot >= next_save_) {
    next_save_ = now.boot + limits::kClockSave;
    save();
  }
  return guard_->may_delete();
}

// One that was given for another time is of no use.
bool DeletionClock::take_confirmation(const ClockReading& now, microseconds age) {
  const std::string path = path_of(options_.directory, kConfirmedFile);
  const auto record = read_file(AT_FDCWD, path, kFileMaxBytes);
  if (!record && record.error().error_number == ENOENT) return false;
  const auto given = record ? decode_clock_reading(*record) : Result<ClockReading>(record.error());
  if (auto removed = remove_file(AT_FDCWD, path); !removed) log_warning(removed.error().message);
  const bool good = given && agree(*given, now, age);
  if (good) {
    guard_->confirm(now);
  } else {
    log_warning(path + " is not for the time that the clocks show now" +
                (given ? "" : " (" + given.error().message + ")") + "; run " + options_.program +
                " --confirm-clock again if that is right");
  }
  return good;
}

void DeletionClock::log_change(bool confirmed) const {
  if (guard_->may_delete()) {
    return log_notice("history is deleted by its age again: " +
                      std::string(confirmed ? "the wall clock was confirmed"
                                            : "the wall clock and the boot clock agree"));
  }
  const std::string why =
      unreadable_.empty() ? "the wall clock has jumped " + format_duration(guard_->ahead()) +
                                " ahead, and nothing explains that"
                          : unreadable_ + ", so it is not known whether the wall clock has jumped";
  log_warning(why + ": history is not deleted by its age until the clocks have agreed for " +
                  format_duration(guard_->left()) + "; if the time is right, run " +
                  options_.program + " --confirm-clock",
              {message_id(kClockJumpedId)});
}

void DeletionClock::save() {
  const std::string path = path_of(options_.directory, kMemoryFile);
  const auto saved = replace_file_synced(AT_FDCWD, path, encode(guard_->memory()), kMode);
  if (!saved && !complained_)
    log_warning("what was seen of the clocks cannot be kept: " + saved.error().message);
  complained_ = !saved;
}

}  // namespace takt
