// SPDX-License-Identifier: Apache-2.0
// Tells where a job's output is, once it can be there: when the attempt runs, or the job has ended.
// Loop thread only.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "base/uuid.h"
#include "scheduler/fleet.h"
#include "scheduler/job_table.h"

namespace takt::scheduler {

// Where a worker is dialled, and who has to answer.
struct Endpoint {
  std::string address;
  std::string name;
};

struct Location {
  bool ended = false;  // the job is not alive: the store knows the rest
  int attempt = 0;     // that runs now
  Endpoint worker;
};

class Locator {
 public:
  using Done = std::function<void(const Result<Location>&)>;

  Locator(JobTable& jobs, const Fleet& fleet) : jobs_(jobs), fleet_(fleet) {}

  // Calls `done` once, now or later; gives a ticket for cancel(). Without `wait` it tells of a job
  // that does not run yet at once, with attempt 0.
  std::uint64_t locate(const Uuid& job, bool wait, Done done);
  // `done` is not called any more.
  void cancel(std::uint64_t ticket);

  // Where a worker is, empty if it is not known.
  [[nodiscard]] Endpoint endpoint_of(const Uuid& worker) const;

  // A job has changed.
  void on_changed(const LiveJob& live);
  // A job has left the table: its end is committed.
  void on_gone(const Uuid& job);
  // All that wait are told the error.
  void fail_all(const Error& error);

 private:
  struct Waiter {
    Uuid job;
    Done done;
  };

  [[nodiscard]] bool ready(const Job& job) const;
  [[nodiscard]] Location location_of(const Job& job) const;
  void tell(const Uuid& job, const Location& location);

  JobTable& jobs_;
  const Fleet& fleet_;
  std::uint64_t next_ = 1;
  std::unordered_map<std::uint64_t, Waiter> waiters_;
  std::unordered_multimap<Uuid, std::uint64_t> by_job_;
};

}  // namespace takt::scheduler
