// SPDX-License-Identifier: Apache-2.0
#include "job/explain.h"

#include <algorithm>
#include <functional>
#include <optional>

#include "base/units.h"

namespace takt {
namespace {

using Offers = std::vector<const Offer*>;

constexpr std::size_t kNamesShown = 3;

std::string name_of(const Offer& offer) { return offer.labels.at("worker"); }

// "db-1, db-2, db-3 and 4 more"
std::string names_of(const Offers& offers) {
  std::string text;
  for (std::size_t at = 0; at < std::min(offers.size(), kNamesShown); ++at)
    text += (at == 0 ? "" : ", ") + name_of(*offers[at]);
  if (offers.size() > kNamesShown)
    text += " and " + std::to_string(offers.size() - kNamesShown) + " more";
  return text;
}

// "db-1 is unreachable, db-2 is draining"
std::string states_of(const Offers& offers) {
  std::string text;
  for (std::size_t at = 0; at < std::min(offers.size(), kNamesShown); ++at) {
    const WorkerState state = offers[at]->state;
    text +=
        (at == 0 ? "" : ", ") + name_of(*offers[at]) + " is " +
        (state == WorkerState::kReady ? "being settled" : std::string(worker_state_name(state)));
  }
  if (offers.size() > kNamesShown)
    text += ", and " + std::to_string(offers.size() - kNamesShown) + " more are not ready";
  return text;
}

std::string constraint_text(const Constraint& constraint) {
  switch (constraint.op) {
    case ConstraintOperator::kExists:
      return constraint.key;
    case ConstraintOperator::kEqual:
      return constraint.key + "=" + constraint.values.front();
    case ConstraintOperator::kNotEqual:
      return constraint.key + "!=" + constraint.values.front();
    case ConstraintOperator::kIn:
      break;
  }
  std::string text = constraint.key + "=";
  for (std::size_t at = 0; at < constraint.values.size(); ++at)
    text += (at == 0 ? "" : ",") + constraint.values[at];
  return text;
}

// One thing that a job may need, and how its amount is read.
struct Thing {
  std::function<std::int64_t(const Amounts&)> amount;
  std::function<std::string(std::int64_t)> number;
  std::string unit;    // after the number
  std::string advice;  // "less memory"
};

std::vector<Thing> things_of(const Amounts& need) {
  const auto plain = [](std::int64_t amount) { return std::to_string(amount); };
  std::vector<Thing> things;
  if (need.cpu_millicores > 0)
    things.push_back({[](const Amounts& of) { return of.cpu_millicores; }, format_millicores,
                      need.cpu_millicores == 1000 ? " CPU" : " CPUs", "fewer CPUs"});
  if (need.memory_bytes > 0)
    things.push_back({[](const Amounts& of) { return of.memory_bytes; },
                      [](std::int64_t bytes) {
                        return format_bytes(
                            static_cast<std::uint64_t>(std::max<std::int64_t>(bytes, 0)));
                      },
                      " of memory", "less memory"});
  if (need.tasks > 0)
    things.push_back({[](const Amounts& of) { return of.tasks; }, plain, " tasks", "fewer tasks"});
  for (const auto& [name, count] : need.counted)
    things.push_back({[name = name](const Amounts& of) {
                        const auto found = of.counted.find(name);
                        return found == of.counted.end() ? 0 : found->second;
                      },
                      plain, " of " + name, "less of " + name});
  return things;
}

std::string said(const Thing& thing, std::int64_t amount) {
  return thing.number(amount) + thing.unit;
}

std::string all_said(const Amounts& need) {
  const auto words = needs_in_words(need);
  std::string text;
  for (std::size_t at = 0; at < words.size(); ++at)
    text += (at == 0 ? "" : at + 1 == words.size() ? " and " : ", ") + words[at];
  return text;
}

const Offer* largest(const Offers& offers,
                     const std::function<std::int64_t(const Offer&)>& amount) {
  return *std::max_element(offers.begin(), offers.end(), [&](const Offer* a, const Offer* b) {
    return amount(*a) != amount(*b) ? amount(*a) < amount(*b) : name_of(*a) > name_of(*b);
  });
}

// What could be taken of a worker now.
std::int64_t free_of(const Thing& thing, const Offer& offer) {
  return thing.amount(offer.total) - thing.amount(offer.used);
}

// None of these ready workers suits.
Explanation unsuited(const Offers& open, const Demand& demand) {
  for (const Constraint& constraint : demand.constraints) {
    const bool met = std::any_of(open.begin(), open.end(), [&](const Offer* offer) {
      return constraints_hold({constraint}, offer->labels);
    });
    if (!met)
      return {"no ready worker has " + constraint_text(constraint),
              "Take that condition out, or give a worker that label (labels in worker.conf)."};
  }
  std::string all;
  for (const Constraint& constraint : demand.constraints)
    all += (all.empty() ? "" : " and ") + constraint_text(constraint);
  if (std::none_of(open.begin(), open.end(), [&](const Offer* offer) {
        return constraints_hold(demand.constraints, offer->labels);
      }))
    return {"no ready worker has " + all + " together", "Take one of these conditions out."};
  return {"no ready worker" + (all.empty() ? "" : " with " + all) +
              " starts jobs with the launcher that it asks for",
          "Leave the launcher to the worker."};
}

// None of these workers, which suit, has so much.
Explanation too_large(const Offers& suited, const Demand& demand) {
  for (const Thing& thing : things_of(demand.amounts)) {
    const std::int64_t need = thing.amount(demand.amounts);
    const Offer* most =
        largest(suited, [&](const Offer& offer) { return thing.amount(offer.total); });
    const std::int64_t has = thing.amount(most->total);
    if (has >= need) continue;
    return {
        "needs " + said(thing, need) + "; the largest ready worker that fits otherwise (" +
            name_of(*most) + ") has " + thing.number(has),
        "Ask for " + thing.advice + ", or add a worker with at least " + said(thing, need) + "."};
  }
  if (demand.amounts.counted.empty() && things_of(demand.amounts).empty())
    return {"the ready workers that fit (" + names_of(suited) + ") have no slots",
            "Give one of them slots in worker.conf."};
  return {"needs " + all_said(demand.amounts) + "; no ready worker has that together",
          "Ask for less of one of them, or add a worker with all of it."};
}

// These workers could hold it, and have no room now.
Explanation busy(const Placer& placer, const Offers& able, const Demand& demand, const Rank& rank) {
  if (const Offer* held = placer.reservations().held_for(rank))
    return {"needs " + all_said(demand.amounts) + "; " + name_of(*held) +
            " is kept free for it, until what runs there now leaves room"};
  Offers with_slot;
  std::copy_if(able.begin(), able.end(), std::back_inserter(with_slot),
               [](const Offer* offer) { return offer->used.slots < offer->total.slots; });
  if (with_slot.empty()) {
    std::int64_t slots = 0;
    for (const Offer* offer : able) slots += offer->total.slots;
    const std::string whose =
        able.size() == 1 ? name_of(*able.front()) + ", the only ready worker that fits,"
                         : "the " + std::to_string(able.size()) + " ready workers that fit";
    return {slots == 1 ? "the slot of " + whose + " is taken"
                       : "all " + std::to_string(slots) + " slots of " + whose + " are taken"};
  }
  for (const Thing& thing : things_of(demand.amounts)) {
    const std::int64_t need = thing.amount(demand.amounts);
    const Offer* most =
        largest(with_slot, [&](const Offer& offer) { return free_of(thing, offer); });
    if (free_of(thing, *most) < need)
      return {"needs " + said(thing, need) +
              "; the most that is free on a ready worker that fits (" + name_of(*most) + ") is " +
              thing.number(std::max<std::int64_t>(free_of(thing, *most), 0))};
  }
  Offers with_room;
  std::copy_if(with_slot.begin(), with_slot.end(), std::back_inserter(with_room),
               [&](const Offer* offer) { return fits(demand.amounts, offer->used, offer->total); });
  if (with_room.empty())
    return {"needs " + all_said(demand.amounts) + "; no ready worker has that free together"};
  const bool kept = std::none_of(with_room.begin(), with_room.end(), [&](const Offer* offer) {
    return placer.reservations().allows(*offer, rank, demand.amounts);
  });
  if (kept)
    return {names_of(with_room) + (with_room.size() == 1 ? " has" : " have") +
            " room, which is kept for a larger job that came before"};
  return {names_of(with_room) + (with_room.size() == 1 ? " has" : " have") +
          " room, but refused a start of this kind a moment ago (the job's earlier attempts say "
          "why); it is tried again soon"};
}

}  // namespace

std::vector<std::string> needs_in_words(const Amounts& amounts) {
  std::vector<std::string> words;
  for (const Thing& thing : things_of(amounts)) words.push_back(said(thing, thing.amount(amounts)));
  return words;
}

Explanation explain(const Placer& placer, const Demand& demand, const Rank& rank) {
  Offers open;
  Offers closed_but_able;
  Offers closed;
  for (const auto& [id, offer] : placer.offers()) {
    if (offer.open) {
      open.push_back(&offer);
    } else {
      closed.push_back(&offer);
      if (could_hold(offer, demand)) closed_but_able.push_back(&offer);
    }
  }
  const auto by_name = [](const Offer* a, const Offer* b) { return name_of(*a) < name_of(*b); };
  for (Offers* offers : {&open, &closed, &closed_but_able})
    std::sort(offers->begin(), offers->end(), by_name);
  if (open.empty() && closed.empty())
    return {"no worker has registered",
            "Start one: systemctl enable --now takt-worker, on a host that is to run jobs.", true};
  Offers suited;
  Offers able;
  for (const Offer* offer : open) {
    if (suits(*offer, demand)) suited.push_back(offer);
    if (could_hold(*offer, demand)) able.push_back(offer);
  }
  if (!able.empty()) return busy(placer, able, demand, rank);
  Explanation why;
  if (open.empty()) {
    why = {"no worker is ready: " + states_of(closed), "takt doctor, on their hosts, says more."};
  } else {
    why = suited.empty() ? unsuited(open, demand) : too_large(suited, demand);
    if (!closed_but_able.empty()) why.text += "; " + states_of(closed_but_able) + ", and would fit";
  }
  why.never = closed_but_able.empty();
  return why;
}

}  // namespace takt
