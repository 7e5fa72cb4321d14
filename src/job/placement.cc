// SPDX-License-Identifier: Apache-2.0
#include "job/placement.h"

#include <algorithm>
#include <limits>
#include <queue>
#include <utility>

namespace takt {

// The workers that one line may go to in a pass, the best one first. In a pass loads only grow, so
// a worker that has no room has none until the end.
class Placer::Candidates {
 public:
  void add(double cost, Offer& offer) { looks_.push({cost, &offer}); }
  [[nodiscard]] bool empty() const { return looks_.empty(); }

  // The best one with room for a job of this rank, or null. Looks again at those that took jobs
  // meanwhile.
  Offer* best(const Placer& placer, const Rank& rank, const Amounts& need) {
    while (!looks_.empty()) {
      const Look look = looks_.top();
      Offer* const offer = look.offer;
      const double cost = placer.cost_of(*offer);
      const bool room = placer.has_room(*offer, rank, need);
      if (room && cost == look.cost) return offer;
      looks_.pop();
      if (room) looks_.push({cost, offer});
    }
    return nullptr;
  }

 private:
  struct Look {
    double cost;
    Offer* offer;
    // std::priority_queue gives the largest first. Ties by id, so that equal input has equal
    // output.
    bool operator<(const Look& other) const {
      return cost != other.cost ? cost > other.cost : offer->worker_id > other.offer->worker_id;
    }
  };
  std::priority_queue<Look> looks_;
};

double Placer::cost_of(const Offer& offer) const {
  const double load = load_of(offer.used, offer.total);
  return strategy_ == Strategy::kPack ? -load : load;
}

bool Placer::has_room(const Offer& offer, const Rank& rank, const Amounts& need) const {
  return offer.open && fits(need, offer.used, offer.total) &&
         reservations_.allows(offer, rank, need);
}

void Placer::set_offer(Offer news) {
  Offer& offer = offers_[news.worker_id];
  // What is used is what direct jobs use, and what the scheduler's do: that is kept.
  news.used = offer.used;
  news.used -= offer.direct;
  news.used += news.direct;
  const bool same_terms =
      offer.labels == news.labels && offer.launchers == news.launchers && offer.total == news.total;
  offer = std::move(news);
  if (!same_terms)
    queue_.rejoin_if([&](const Demand& demand) { return could_hold(offer, demand); });
  if (offer.open) changed_.insert(&offer);
}

void Placer::remove(const Uuid& worker) {
  const auto found = offers_.find(worker);
  if (found == offers_.end()) return;
  changed_.erase(&found->second);
  reservations_.drop(found->second);
  offers_.erase(found);
}

void Placer::clear() {
  changed_.clear();
  reservations_ = {};
  offers_.clear();
}

void Placer::take(const Uuid& worker, const Rank& rank, const Uuid& job, const Amounts& amounts) {
  const auto found = offers_.find(worker);
  if (found == offers_.end()) return;
  found->second.used += amounts;
  reservations_.placed(found->second, rank, job, amounts);
}

void Placer::give_back(const Uuid& worker, const Uuid& job, const Amounts& amounts) {
  const auto found = offers_.find(worker);
  if (found == offers_.end()) return;
  found->second.used -= amounts;
  reservations_.vacated(found->second, job);
  changed_.insert(&found->second);
}

void Placer::look_again(const Uuid& worker) {
  const auto found = offers_.find(worker);
  if (found != offers_.end()) changed_.insert(&found->second);
}

// Those without a free slot are of no use to any line; in a pass they get none back.
bool Placer::changed_ones_have_room() {
  while (!changed_.empty()) {
    const Offer& first = **changed_.begin();
    if (first.open && first.used.slots < first.total.slots) return true;
    changed_.erase(changed_.begin());
  }
  return false;
}

template <class Visit>
void Placer::each_offer(bool all, Visit visit) {
  if (!all) {
    for (Offer* offer : changed_) visit(*offer);
    return;
  }
  for (auto& [id, offer] : offers_) visit(offer);
}

// Holds the worker that is nearest to having room, for a line that found none.
void Placer::reserve(const Queue::Line& line, const Rank& rank, bool look_at_all) {
  if (!reservations_.wants(rank)) return;
  Offer* nearest = nullptr;
  double least = std::numeric_limits<double>::max();
  each_offer(look_at_all, [&](Offer& offer) {
    if (!offer.open || !could_hold(offer, line.demand) || reservations_.holds(offer) ||
        excluded_(offer.worker_id, line.id))
      return;
    Amounts used = offer.used;
    used += line.demand.amounts;
    const double load = load_of(used, offer.total);
    if (load < least || (load == least && offer.worker_id < nearest->worker_id)) {
      least = load;
      nearest = &offer;
    }
  });
  if (nearest == nullptr) return;
  if (Offer* const released = reservations_.add(rank, line.demand.amounts, *nearest))
    changed_.insert(released);
}

Placer::Candidates Placer::candidates_of(const Queue::Line& line, const Rank& rank, bool all) {
  Candidates candidates;
  each_offer(all, [&](Offer& offer) {
    if (has_room(offer, rank, line.demand.amounts) && suits(offer, line.demand) &&
        !excluded_(offer.worker_id, line.id))
      candidates.add(cost_of(offer), offer);
  });
  return candidates;
}

bool Placer::anybody_could_hold(const Demand& demand) const {
  return std::any_of(offers_.begin(), offers_.end(),
                     [&](const auto& entry) { return could_hold(entry.second, demand); });
}

bool Placer::pass(std::size_t most, const Place& place) {
  for (Offer* const released : reservations_.drop_stale(queue_)) changed_.insert(released);
  struct Tried {
    bool all;  // every worker, or only those that changed
    Candidates candidates;
  };
  std::unordered_map<std::uint64_t, Tried> tried;  // by line
  std::optional<Rank> cursor;
  for (std::size_t placed = 0; placed < most;) {
    const Queue::Line* const line =
        changed_ones_have_room() ? queue_.next_line(cursor) : queue_.next_new_line(cursor);
    if (line == nullptr) {
      changed_.clear();
      return false;
    }
    const Rank rank = line->jobs.begin()->first;
    const Uuid job = line->jobs.begin()->second;
    cursor = rank;
    // Most lines find nothing, and are not met again: they leave no trace.
    auto found = tried.find(line->id);
    const bool all = found == tried.end() ? queue_.is_new(*line) : found->second.all;
    if (found == tried.end()) {
      Candidates candidates = candidates_of(*line, rank, all);
      if (!candidates.empty())
        found = tried.emplace(line->id, Tried{all, std::move(candidates)}).first;
    }
    const Offer* const best =
        found == tried.end() ? nullptr
                             : found->second.candidates.best(*this, rank, line->demand.amounts);
    if (best != nullptr) {
      ++placed;
      place(job, best->worker_id);
      if (Offer* const released = reservations_.release(rank)) changed_.insert(released);
    } else {
      queue_.looked_at(*line);
      if (all && !anybody_could_hold(line->demand)) {
        queue_.set_apart(*line);
      } else {
        reserve(*line, rank, all);
      }
    }
  }
  return true;
}

std::optional<Uuid> Placer::choose(const Demand& demand, const Rank& rank,
                                   const Queue::Line* line) const {
  const Offer* best = nullptr;
  for (const auto& [id, offer] : offers_) {
    if (!has_room(offer, rank, demand.amounts) || !suits(offer, demand)) continue;
    if (line != nullptr && excluded_(id, line->id)) continue;
    const bool better = best == nullptr || cost_of(offer) < cost_of(*best) ||
                        (cost_of(offer) == cost_of(*best) && id < best->worker_id);
    if (better) best = &offer;
  }
  if (best == nullptr) return std::nullopt;
  return best->worker_id;
}

}  // namespace takt
