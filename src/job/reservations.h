// SPDX-License-Identifier: Apache-2.0
// Workers that are held for jobs which fit nowhere now, so that smaller jobs, of which there are
// always some, do not starve a larger one that came first. Guarantees: what comes after such a job
// gets onto its worker only if it leaves room for it; so that job starts when what was there before
// has ended. Few at a time. Not thread-safe.
#pragma once

#include <cstddef>
#include <map>
#include <unordered_map>
#include <vector>

#include "base/uuid.h"
#include "job/offer.h"
#include "job/queue.h"

namespace takt {

class Reservations {
 public:
  // Whether a job of this rank that needs so much leaves room for those before it.
  [[nodiscard]] bool allows(const Offer& offer, const Rank& rank, const Amounts& need) const;

  // A job of this rank is on the worker from now on, and then not any more.
  void placed(const Offer& offer, const Rank& rank, const Uuid& job, const Amounts& amounts);
  void vacated(const Offer& offer, const Uuid& job);

  // Whether one for that rank would be taken: there is room, or a later job has to give way.
  [[nodiscard]] bool wants(const Rank& rank) const;
  [[nodiscard]] bool holds(const Offer& offer) const;
  // The worker held for the job of this rank; none: null.
  [[nodiscard]] const Offer* held_for(const Rank& rank) const;

  // Holds the worker. Returns the one that is free again for it, or null.
  Offer* add(const Rank& rank, const Amounts& need, Offer& offer);

  // The job of this rank has a worker. Returns the one that was held for it, or null.
  Offer* release(const Rank& rank);

  // Drops those whose job waits at the head of its line no more, or whose worker cannot take it any
  // more; returns the workers.
  std::vector<Offer*> drop_stale(const Queue& queue);

  // The worker is gone.
  void drop(const Offer& offer);

 private:
  struct Reservation {
    Amounts need;
    Offer* offer = nullptr;
    Amounts beside;  // what came after it, and is still there
    std::unordered_map<Uuid, Amounts> jobs_beside;
  };

  std::map<Rank, Reservation> held_;
};

}  // namespace takt
