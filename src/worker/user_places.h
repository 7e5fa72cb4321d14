// SPDX-License-Identifier: Apache-2.0
// Which users have a place for their jobs (a slice, a cgroup), and whose may go: an empty place
// costs PID 1 and the kernel memory, and making one for each job costs time. Pure.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>

#include "base/limits.h"

namespace takt::worker {

class UserPlaces {
 public:
  // One more job of the user, whose place is kept while it is there.
  void acquire(uid_t uid) {
    Place& place = places_[uid];
    idle_.erase(place.idle_since);
    ++place.jobs;
  }

  // One job fewer; acquire() was called for it.
  void release(uid_t uid) {
    const auto found = places_.find(uid);
    if (found == places_.end() || found->second.jobs == 0 || --found->second.jobs > 0) return;
    found->second.idle_since = ++clock_;
    idle_[clock_] = uid;
  }

  // A place that was found, and may have no job.
  void found(uid_t uid) {
    acquire(uid);
    release(uid);
  }

  [[nodiscard]] bool has(uid_t uid) const { return places_.contains(uid); }

  // Where more than limits::kIdleUserPlaces have no job: the user who has had none for longest, no
  // longer known here. The caller removes the place.
  std::optional<uid_t> evict() {
    if (idle_.size() <= limits::kIdleUserPlaces) return {};
    const uid_t uid = idle_.begin()->second;
    idle_.erase(idle_.begin());
    places_.erase(uid);
    return uid;
  }

 private:
  struct Place {
    std::size_t jobs = 0;
    std::uint64_t idle_since = 0;  // as clock_ was; 0: it has jobs, or never had one
  };
  std::map<uid_t, Place> places_;
  std::map<std::uint64_t, uid_t> idle_;  // of those without jobs, by when
  std::uint64_t clock_ = 0;
};

}  // namespace takt::worker
