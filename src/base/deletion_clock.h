// SPDX-License-Identifier: Apache-2.0
// A daemon's ClockGuard, kept in its state folder. Guarantees: what was seen of the clocks outlives
// the daemon and the boot, and where that cannot be read again nothing is deleted by age either;
// the log says once when deletion by age stops, with the way out, and once when it goes on. One
// thread; blocks on the disk now and then.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock_guard.h"
#include "base/result.h"

namespace takt {

// Never change it: catalogs and scripts know it.
inline constexpr std::string_view kClockJumpedId = "7a1c40e5d2f64d0bb0f3a1f2c9d83e50";

class DeletionClock {
 public:
  struct Options {
    std::string directory;  // the daemon's state folder
    std::string program;    // "takt-worker", for the log
    std::function<ClockReading()> read = read_clocks;
  };

  // Reads nothing yet.
  explicit DeletionClock(Options options) : options_(std::move(options)) {}

  // Whether history that is older than `age` may be deleted now. Read the time that it is compared
  // with before: a jump in between is then seen here.
  bool may_delete(microseconds age);

  // Confirms the wall clock as it is now to the daemon of this state folder, which need not run: it
  // takes that up with its next look, unless the clock has jumped again. Any process that may write
  // to the folder.
  static Result<void> confirm(const std::string& directory);

 private:
  void begin();
  bool take_confirmation(const ClockReading& now, microseconds age);
  void log_change(bool confirmed) const;
  void save();

  const Options options_;
  std::optional<ClockGuard> guard_;
  BootTime next_look_;  // at the folder
  BootTime next_save_;
  bool complained_ = false;  // since it was last saved
  std::string unreadable_;   // why it is not known what was seen of the clocks before
};

}  // namespace takt
