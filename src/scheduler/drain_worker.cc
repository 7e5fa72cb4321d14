// SPDX-License-Identifier: Apache-2.0
// DrainWorker, UndrainWorker and ForgetWorker, by an operator. Answered once it is on disk.
#include <utility>

#include "base/limits.h"
#include "rpc/convert.h"
#include "scheduler/audit.h"
#include "scheduler/convert_worker.h"
#include "scheduler/verbs.h"

namespace takt::scheduler {
namespace {

// Runs `change` on the loop with the worker that the key names; then `answer`, when it is on disk.
template <class Response>
void change_worker(Core& core, const std::string& key, const rpc::UnaryReply<Response>& reply,
                   std::function<Result<void>(const Uuid&)> change,
                   std::function<Response(const Uuid&)> answer) {
  core.run(
      [&core, key, reply, change = std::move(change), answer = std::move(answer)] {
        const auto id = core.fleet().resolve(key);
        if (!id) return (void)reply.fail(id.error());
        if (auto changed = change(*id); !changed) return (void)reply.fail(changed.error());
        core.ledger().after_commit([reply, id = *id, answer](const Result<void>& committed) {
          if (!committed) return (void)reply.fail(committed.error());
          reply.finish(answer(id));
        });
      },
      [reply](const Error& error) { reply.fail(error); });
}

v1::Worker worker_now(const Core& core, const Uuid& id) {
  const WorkerEntry* entry = core.fleet().find(id);
  if (entry == nullptr) return {};
  return worker_to_proto({entry->record, static_cast<int>(entry->jobs.size())});
}

Result<Drain> drain_from(const Principal& principal, const v1::DrainWorkerRequest& request) {
  if (auto good = check_reason(request.reason()); !good) return good.error();
  if (request.requeue() && !request.has_deadline())
    return invalid("requeue", "is given without a deadline; say when jobs are stopped");
  Drain drain{principal.display_name(), request.reason(), wall_now(), {}, request.requeue()};
  if (request.has_deadline()) {
    const auto span =
        rpc::duration_from_proto(request.deadline(), "deadline", limits::kRunTimeLimitMax);
    if (!span) return span.error();
    drain.deadline = drain.start_time + *span;
  }
  return drain;
}

}  // namespace

void drain_worker(Core& core, const Principal& principal, const v1::DrainWorkerRequest& request,
                  const rpc::UnaryReply<v1::DrainWorkerResponse>& reply) {
  auto drain = drain_from(principal, request);
  if (!drain) {
    reply.fail(drain.error());
    return;
  }
  change_worker<v1::DrainWorkerResponse>(
      core, request.worker_id(), reply,
      [&core, drain = std::move(*drain)](const Uuid& id) -> Result<void> {
        core.fleet().drain(id, drain);
        return {};
      },
      [&core](const Uuid& id) {
        v1::DrainWorkerResponse response;
        *response.mutable_worker() = worker_now(core, id);
        return response;
      });
}

void undrain_worker(Core& core, const Principal& principal, const v1::UndrainWorkerRequest& request,
                    const rpc::UnaryReply<v1::UndrainWorkerResponse>& reply) {
  change_worker<v1::UndrainWorkerResponse>(
      core, request.worker_id(), reply,
      [&core, by = principal.display_name()](const Uuid& id) -> Result<void> {
        return core.fleet().undrain(id, by);
      },
      [&core](const Uuid& id) {
        v1::UndrainWorkerResponse response;
        *response.mutable_worker() = worker_now(core, id);
        return response;
      });
}

void forget_worker(Core& core, const Principal& principal, const v1::ForgetWorkerRequest& request,
                   const rpc::UnaryReply<v1::ForgetWorkerResponse>& reply) {
  change_worker<v1::ForgetWorkerResponse>(
      core, request.worker_id(), reply,
      [&core, by = principal.display_name()](const Uuid& id) {
        return core.fleet().forget(id, by);
      },
      [](const Uuid&) { return v1::ForgetWorkerResponse(); });
}

}  // namespace takt::scheduler
