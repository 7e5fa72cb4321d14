// SPDX-License-Identifier: Apache-2.0
// When each scheduler has last heard this worker, as far as it is certain; for the attempts that
// have a lease. Guarantees: a time never goes back. Loop thread only.
#pragma once

#include <map>
#include <string>

#include "base/clock.h"

namespace takt::worker {

class Contacts {
 public:
  // `directory`: where the files are.
  explicit Contacts(std::string directory) : directory_(std::move(directory)) {}

  // The scheduler of this store has heard what was said at `said`.
  void heard(const std::string& store, BootTime said);

  // Notes that time in the scheduler's file, for supervisors to read; the log says if it cannot.
  void note(const std::string& store);

  // The latest such time; the beginning of time if there was none.
  [[nodiscard]] BootTime last(const std::string& store) const;

  // The scheduler's file.
  [[nodiscard]] std::string path(const std::string& store) const;

 private:
  std::string directory_;
  std::map<std::string, BootTime> last_;
  bool complained_ = false;  // since it last worked
};

}  // namespace takt::worker
