// SPDX-License-Identifier: Apache-2.0
// Which job goes to which worker: by rank, to a worker that fits, the least loaded one (spread) or
// the fullest (pack). A line whose head fits nowhere blocks no other, but for the worker that is
// held for it (job/reservations). Pure, but for what it calls.
// Cost of a pass: a step for each new head of a line and worker; a step for each line and worker
// that has changed, until the changed ones are full; and a step for each job that is placed. Never
// one for each job that waits, nor for lines that no worker could hold: they are set apart until
// one could.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "base/uuid.h"
#include "job/offer.h"
#include "job/queue.h"
#include "job/reservations.h"

namespace takt {

enum class Strategy { kSpread, kPack };

class Placer {
 public:
  // Whether a worker that suits must not be tried for a line now.
  using Excluded = std::function<bool(const Uuid& worker, std::uint64_t line)>;
  // Puts the job there: before it returns the job is out of the queue, and take() was called.
  using Place = std::function<void(const Uuid& job, const Uuid& worker)>;

  // The queue outlives it.
  Placer(Queue& queue, Excluded excluded) : queue_(queue), excluded_(std::move(excluded)) {}

  void set_strategy(Strategy strategy) { strategy_ = strategy; }

  // A worker, as offer_of() makes it; what jobs of the scheduler take there is kept.
  void set_offer(Offer news);
  void remove(const Uuid& worker);
  void clear();

  // A job is on the worker, and then not any more.
  void take(const Uuid& worker, const Rank& rank, const Uuid& job, const Amounts& amounts);
  void give_back(const Uuid& worker, const Uuid& job, const Amounts& amounts);

  // The worker is to be tried again for every line, such as after an exclusion.
  void look_again(const Uuid& worker);

  // Places up to `most` jobs; true if it was stopped by that.
  bool pass(std::size_t most, const Place& place);

  // Where a job of this demand and rank would go now, at the head of its line; absent: nowhere.
  // `line` is null if there is none yet.
  [[nodiscard]] std::optional<Uuid> choose(const Demand& demand, const Rank& rank,
                                           const Queue::Line* line) const;

  [[nodiscard]] const std::unordered_map<Uuid, Offer>& offers() const { return offers_; }
  [[nodiscard]] const Reservations& reservations() const { return reservations_; }

 private:
  class Candidates;

  bool changed_ones_have_room();
  Candidates candidates_of(const Queue::Line& line, const Rank& rank, bool all);
  [[nodiscard]] bool has_room(const Offer& offer, const Rank& rank, const Amounts& need) const;
  [[nodiscard]] double cost_of(const Offer& offer) const;
  [[nodiscard]] bool anybody_could_hold(const Demand& demand) const;
  void reserve(const Queue::Line& line, const Rank& rank, bool look_at_all);
  template <class Visit>
  void each_offer(bool all, Visit visit);

  Queue& queue_;
  const Excluded excluded_;
  Strategy strategy_ = Strategy::kSpread;
  std::unordered_map<Uuid, Offer> offers_;  // an offer's address stays
  std::unordered_set<Offer*> changed_;      // since the last pass, such that more may fit
  Reservations reservations_;
};

}  // namespace takt
