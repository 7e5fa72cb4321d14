// SPDX-License-Identifier: Apache-2.0
// RegisterWorker and DeregisterWorker.
#include <utility>

#include "scheduler/convert_worker.h"
#include "scheduler/verbs.h"

namespace takt::scheduler {

void register_worker(Core& core, const v1::RegisterWorkerRequest& request,
                     const rpc::UnaryReply<v1::RegisterWorkerResponse>& reply) {
  auto worker = worker_from_registration(request);
  if (!worker) {
    reply.fail(worker.error());
    return;
  }
  core.run(
      [&core, worker = std::move(*worker), reply] {
        core.fleet().register_worker(worker, [&core, reply](const Result<void>& done) {
          if (!done) {
            reply.fail(done.error());
            return;
          }
          v1::RegisterWorkerResponse response;
          response.set_store_id(core.store_id().str());
          reply.finish(std::move(response));
        });
      },
      [reply](const Error& error) { reply.fail(error); });
}

void deregister_worker(Core& core, const v1::DeregisterWorkerRequest& request,
                       const rpc::UnaryReply<v1::DeregisterWorkerResponse>& reply) {
  const auto id = Uuid::parse(request.worker_id(), "worker_id");
  if (!id) {
    reply.fail(id.error());
    return;
  }
  core.run(
      [&core, id = *id, reply] {
        core.fleet().deregister_worker(id, [reply](const Result<void>& done) {
          if (!done) {
            reply.fail(done.error());
          } else {
            reply.finish(v1::DeregisterWorkerResponse());
          }
        });
      },
      [reply](const Error& error) { reply.fail(error); });
}

}  // namespace takt::scheduler
