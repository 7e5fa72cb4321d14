// SPDX-License-Identifier: Apache-2.0
// What the verbs share.
#include "scheduler/verbs.h"

#include <algorithm>

#include "base/limits.h"
#include "rpc/convert.h"

namespace takt::scheduler {

namespace {

// By its whole id, with the index of a part behind it.
const LiveJob* find_live(Core& core, const std::string& key) {
  const std::size_t slash = key.find('/');
  const auto id = Uuid::parse(key.substr(0, slash));
  if (!id) return nullptr;
  if (slash == std::string::npos) return core.jobs().find(*id);
  const Wholes::Whole* whole = core.jobs().whole(*id);
  if (whole == nullptr) return nullptr;
  for (const auto& [number, part] : whole->live) {
    const LiveJob* live = core.jobs().find(part);
    if (std::to_string(live->job.part->index) == key.substr(slash + 1)) return live;
  }
  return nullptr;
}

}  // namespace

void with_job(Core& core, const Asking& asking, const std::string& key,
              std::function<void(const Error&)> fail, std::function<void(const Uuid&)> act) {
  core.run(
      [&core, asking, key, fail, act = std::move(act)] {
        if (const LiveJob* live = find_live(core, key)) {
          const auto allowed = core.reads().may(asking.principal, asking.action, live->job);
          return allowed ? act(live->job.id) : fail(allowed.error());
        }
        core.reads().job(asking, key, false,
                         [&core, fail, act](const Result<store::JobView>& view) {
                           if (!view) return fail(view.error());
                           core.run([act, id = view->job.id] { act(id); }, fail);
                         });
      },
      fail);
}

void change_job(Core& core, const Asking& asking, const std::string& key,
                std::function<void(const Error&)> fail, std::function<void(const Uuid&)> change) {
  with_job(core, asking, key, fail,
           [&core, asking, fail, change = std::move(change)](const Uuid& id) {
             if (core.jobs().whole(id) == nullptr) return change(id);
             core.changes().make(asking.principal,
                                 {asking.has_gone, [change, id] { change(id); }, fail});
           });
}

std::vector<Uuid> with_parts(Core& core, const Uuid& id) {
  std::vector<Uuid> jobs{id};
  if (const Wholes::Whole* whole = core.jobs().whole(id))
    for (const auto& [number, part] : whole->live) jobs.push_back(part);
  return jobs;
}

Result<void> is_no_whole(const Job& job, const std::string& what) {
  if (job.parts == 0) return {};
  const std::string id = job.id.str();
  return make_error(ErrorCode::kFailedPrecondition,
                    "job " + id + " has " + std::to_string(job.parts) + " parts; " + what +
                        " one of them, such as " + id.substr(0, 8) + "/0");
}

Result<void> check_reason(const std::string& reason) {
  if (reason.size() <= limits::kReasonMaxBytes) return {};
  return invalid("reason", "has " + std::to_string(reason.size()) + " bytes; at most " +
                               std::to_string(limits::kReasonMaxBytes) + " are accepted");
}

namespace {

// A job of a thousand attempts with long ends would fit no answer: the oldest go.
void shorten(v1::Job& job) {
  std::size_t bytes = job.ByteSizeLong();
  int dropped = 0;
  while (bytes > limits::kJobMaxBytes && dropped + 1 < job.attempts_size())
    bytes -= job.attempts(dropped++).ByteSizeLong();
  job.mutable_attempts()->DeleteSubrange(0, dropped);
}

}  // namespace

v1::Job view_to_proto(const store::JobView& view) {
  v1::Job job = rpc::job_to_proto(view.job);
  job.set_is_summary(view.is_summary);
  job.set_input_removed(view.input_removed && !view.is_summary);
  if (view.unreachable_since)
    *job.mutable_unreachable_since_time() = rpc::time_to_proto(*view.unreachable_since);
  if (view.parts) {
    v1::PartCounts* parts = job.mutable_parts();
    parts->set_total(view.parts->total);
    parts->set_queued(view.parts->queued);
    parts->set_active(view.parts->active);
    parts->set_succeeded(view.parts->succeeded);
    parts->set_failed(view.parts->failed);
    parts->set_stopped(view.parts->stopped);
  }
  shorten(job);
  return job;
}

}  // namespace takt::scheduler
