// SPDX-License-Identifier: Apache-2.0
// ExplainJob and PlanJob: why a job waits, and where one would go.
#include <algorithm>
#include <limits>
#include <utility>

#include "base/limits.h"
#include "base/units.h"
#include "base/utf8.h"
#include "job/explain.h"
#include "rpc/convert_spec.h"
#include "scheduler/verbs.h"

namespace takt::scheduler {
namespace {

// "41 jobs", "more than 1000 jobs": those of the line that come before this rank.
std::string jobs_before(const Queue::Line& line, const Rank& rank, std::size_t& count) {
  count = 0;
  for (const auto& [other, id] : line.jobs) {
    if (!(other < rank) || count == limits::kQueuePlacesMax) break;
    ++count;
  }
  if (count == 1) return "1 job";
  return (count == limits::kQueuePlacesMax ? "more than " : "") + std::to_string(count) + " jobs";
}

// Of a demand at this place of its line, which may not be there.
Explanation explain_place(const Core& core, const Queue::Line* line, const Demand& demand,
                          const Rank& rank) {
  std::size_t before = 0;
  const std::string text = line == nullptr ? "" : jobs_before(*line, rank, before);
  const Rank head = before == 0 ? rank : line->jobs.begin()->first;
  if (core.placer().choose(demand, head, line))
    return {before == 0 ? "it is about to start" : text + " before it in its line, which moves on"};
  Explanation why = explain(core.placer(), demand, head);
  if (before > 0) why.text = text + " before it in its line; the first one " + why.text;
  return why;
}

std::string condition_text(DependencyCondition condition) {
  switch (condition) {
    case DependencyCondition::kSuccess:
      return "to succeed";
    case DependencyCondition::kEnd:
      return "to end";
    case DependencyCondition::kFailure:
      return "to fail";
  }
  return "";
}

// Of one that waits for others.
Explanation explain_blocked(Core& core, const std::vector<Dependency>& dependencies) {
  const Dependency& first = dependencies.front();
  const LiveJob* other = core.jobs().find(first.job_id);
  std::string text = "it waits for job " + first.job_id.str() + " " +
                     condition_text(first.condition) + ", which is " +
                     std::string(other == nullptr ? "ended" : state_name(other->job.state));
  if (dependencies.size() > 1)
    text += "; and for " + std::to_string(dependencies.size() - 1) + " more";
  return {text, "See why that one takes its time: takt explain " + first.job_id.str().substr(0, 8)};
}

Explanation explain_queued(Core& core, const LiveJob& live) {
  const Uuid& waits = live.job.part ? live.job.part->whole : live.job.id;
  if (core.jobs().dependencies().waits(waits))
    return explain_blocked(core, core.jobs().dependencies().of(waits));
  if (live.job.hold)
    return {"it is held by " + live.job.hold->by,
            "Let it start: takt release " + live.job.id.str().substr(0, 8)};
  if (live.job.not_before && *live.job.not_before > wall_now())
    return {(live.job.tries == 0 ? "it is not to start before "
                                 : "its attempt failed; it is not tried again before ") +
            format_time(*live.job.not_before)};
  if (live.job.part && !live.admitted) {
    const Wholes::Whole* whole = core.jobs().whole(live.job.part->whole);
    return {"at most " + std::to_string(whole->max_running) +
            " parts of its job may run at once, and others come first"};
  }
  Explanation why = explain_place(core, live.ticket.line(), live.demand(), live.rank());
  if (const auto time = live.give_up_time())
    why.text += "; it is given up at " + format_time(*time);
  return why;
}

std::string on_worker_text(const Core& core, const Job& job) {
  const Attempt& attempt = *job.current_attempt();
  std::string text = "is " + std::string(state_name(job.state)) + " on " + attempt.worker_name;
  const WorkerEntry* entry = core.fleet().find(attempt.worker_id);
  if (entry != nullptr && entry->record.state != WorkerState::kReady)
    text += ", which is " + std::string(worker_state_name(entry->record.state)) + " since " +
            format_time(entry->record.state_time) +
            "; the job keeps its state until the worker is heard of again";
  return text;
}

// Of a job with parts: how they stand, and why the first of those that wait does.
Explanation explain_whole(Core& core, const LiveJob& live, const Wholes::Whole& whole) {
  const PartCounts& counts = whole.counts;
  Explanation why{"of " + std::to_string(counts.total) + " parts " + std::to_string(counts.queued) +
                  " wait, " + std::to_string(counts.active) + " are on workers and " +
                  std::to_string(counts.succeeded + counts.failed + counts.stopped) +
                  " have ended"};
  if (core.jobs().dependencies().waits(live.job.id)) return explain_queued(core, live);
  for (const auto& [number, id] : whole.live) {
    const LiveJob* part = core.jobs().find(id);
    if (part->job.state != JobState::kQueued) continue;
    const Explanation first = explain_queued(core, *part);
    why.text += "; the first that waits (index " + std::to_string(part->job.part->index) + ") " +
                first.text;
    why.advice = first.advice;
    why.never = first.never;
    break;
  }
  return why;
}

v1::ExplainJobResponse to_proto(const Explanation& explanation) {
  v1::ExplainJobResponse message;
  message.set_explanation(clean_text(explanation.text));
  message.set_advice(clean_text(explanation.advice));
  message.set_never(explanation.never);
  return message;
}

v1::ExplainJobResponse in_words(const std::string& text) { return to_proto({text}); }

// On the loop, of a job that had not ended.
v1::ExplainJobResponse explain_now(Core& core, const Uuid& id) {
  const LiveJob* live = core.jobs().find(id);
  if (live == nullptr || has_ended(live->job.state)) return in_words("has ended just now");
  if (const Wholes::Whole* whole = core.jobs().whole(id))
    return to_proto(explain_whole(core, *live, *whole));
  if (live->job.state == JobState::kQueued) return to_proto(explain_queued(core, *live));
  return in_words(on_worker_text(core, live->job));
}

// On the loop.
v1::PlanJobResponse plan(Core& core, const JobSpec& spec) {
  v1::PlanJobResponse response;
  for (const Dependency& dependency : spec.dependencies) {
    const LiveJob* other = core.jobs().find(dependency.job_id);
    if (other == nullptr || has_ended(other->job.state)) continue;
    *response.mutable_waiting() = to_proto(explain_blocked(core, {dependency}));
    return response;
  }
  if (spec.hold) {
    *response.mutable_waiting() = in_words("it would be held");
    return response;
  }
  if (spec.not_before && *spec.not_before > wall_now()) {
    *response.mutable_waiting() =
        in_words("it is not to start before " + format_time(*spec.not_before));
    return response;
  }
  const Demand demand = demand_of(spec);
  const Rank rank{spec.priority, std::numeric_limits<std::int64_t>::max()};
  const Queue::Line* line = core.jobs().queue().find(demand);
  const bool first = line == nullptr || line->jobs.empty() || rank < line->jobs.begin()->first;
  const auto worker = first ? core.placer().choose(demand, rank, line) : std::nullopt;
  if (!worker) {
    *response.mutable_waiting() = to_proto(explain_place(core, line, demand, rank));
    return response;
  }
  response.set_worker_id(worker->str());
  response.set_worker_name(core.fleet().find(*worker)->record.name);
  return response;
}

}  // namespace

void explain_job(Core& core, const Principal& principal, const v1::ExplainJobRequest& request,
                 const rpc::UnaryReply<v1::ExplainJobResponse>& reply) {
  const Asking who = ask_as(principal, rpc::Action::kExplainJob, reply);
  core.reads().job(
      who, request.job_id(), false, [&core, reply](const Result<store::JobView>& view) {
        if (!view) return (void)reply.fail(view.error());
        if (view->job.end)
          return (void)reply.finish(in_words("has ended: " + end_message(*view->job.end)));
        core.run(
            [&core, reply, id = view->job.id] {
              answer_committed<v1::ExplainJobResponse>(core, reply, explain_now(core, id));
            },
            [reply](const Error& error) { reply.fail(error); });
      });
}

void plan_job(Core& core, const Principal& principal, const v1::PlanJobRequest& request,
              const rpc::UnaryReply<v1::PlanJobResponse>& reply) {
  auto spec = checked_spec(principal, request.spec(), "");
  if (!spec) {
    reply.fail(spec.error());
    return;
  }
  core.run(
      [&core, reply, spec = std::move(*spec), may = principal.is_operator()] {
        if (auto given = may_give(core.policy(), may, spec.priority, "spec.priority"); !given)
          return (void)reply.fail(given.error());
        reply.finish(plan(core, spec));
      },
      [reply](const Error& error) { reply.fail(error); });
}

}  // namespace takt::scheduler
