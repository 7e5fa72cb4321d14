// SPDX-License-Identifier: Apache-2.0
#include "job/placement.h"

#include <algorithm>
#include <cstdint>
#include <queue>
#include <utility>

namespace takt {
namespace {

// A worker's load when it was looked at; loads only grow in a pass, so an old look is too low.
struct Look {
  double load;
  int used;
  std::size_t offer;
  // std::priority_queue gives the largest first: the least loaded, then the first offered.
  bool operator<(const Look& other) const {
    return load != other.load ? load > other.load : offer > other.offer;
  }
};

Look look_at(const std::vector<Offer>& offers, std::size_t index) {
  const Offer& offer = offers[index];
  return {static_cast<double>(offer.used) / offer.slots, offer.used, index};
}

// One line's way through the pass.
class LinePass {
 public:
  LinePass(const Queue::Line& line, const std::vector<Offer>& offers, const Excluded& excluded)
      : line_(line), next_(line.jobs.begin()) {
    for (std::size_t index = 0; index < offers.size(); ++index) {
      const Offer& offer = offers[index];
      if (offer.has_room() && suits(offer, line.demand) && !excluded(offer, line))
        looks_.push(look_at(offers, index));
    }
  }

  [[nodiscard]] std::int64_t age() const { return next_->first; }

  // The least loaded worker with room; looks again at those that filled up meanwhile.
  bool best(const std::vector<Offer>& offers, std::size_t& index) {
    while (!looks_.empty()) {
      const Look look = looks_.top();
      if (offers[look.offer].used == look.used) {
        index = look.offer;
        return true;
      }
      looks_.pop();
      if (offers[look.offer].has_room()) looks_.push(look_at(offers, look.offer));
    }
    return false;
  }

  Uuid take() {
    const Uuid job = next_->second;
    ++next_;
    return job;
  }
  [[nodiscard]] bool done() const { return next_ == line_.jobs.end(); }

 private:
  const Queue::Line& line_;
  std::map<std::int64_t, Uuid>::const_iterator next_;
  std::priority_queue<Look> looks_;
};

}  // namespace

Labels effective_labels(const WorkerRecord& worker) {
  Labels labels = worker.labels;
  labels["worker"] = worker.name;
  return labels;
}

bool suits(const Offer& offer, const Demand& demand) {
  const bool launcher = demand.launcher == Launcher::kDefault ||
                        std::find(offer.launchers.begin(), offer.launchers.end(),
                                  demand.launcher) != offer.launchers.end();
  return launcher && constraints_hold(demand.constraints, offer.labels);
}

std::vector<Placement> place(const Queue& queue, std::vector<Offer>& offers, std::size_t most,
                             const Excluded& excluded) {
  std::vector<Placement> placements;
  std::int64_t room = 0;
  for (const Offer& offer : offers) room += std::max(0, offer.slots - offer.used);
  if (room == 0) return placements;

  std::vector<LinePass> lines;
  for (const Queue::Line* line : queue.waiting_lines()) lines.emplace_back(*line, offers, excluded);
  using Head = std::pair<std::int64_t, std::size_t>;  // age, index into lines
  std::priority_queue<Head, std::vector<Head>, std::greater<>> heads;
  for (std::size_t index = 0; index < lines.size(); ++index)
    heads.emplace(lines[index].age(), index);

  while (!heads.empty() && room > 0 && placements.size() < most) {
    const std::size_t index = heads.top().second;
    heads.pop();
    LinePass& line = lines[index];
    std::size_t offer = 0;
    if (!line.best(offers, offer)) continue;  // nothing for this line in this pass
    placements.push_back({line.take(), offer});
    ++offers[offer].used;
    --room;
    if (!line.done()) heads.emplace(line.age(), index);
  }
  return placements;
}

}  // namespace takt
