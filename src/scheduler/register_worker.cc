// SPDX-License-Identifier: Apache-2.0
// RegisterWorker and DeregisterWorker.
#include <utility>

#include "scheduler/convert_worker.h"
#include "scheduler/verbs.h"

namespace takt::scheduler {
namespace {

// Over TLS, a worker speaks for the name in its certificate and no other.
Result<void> speaks_for(const Principal& principal, const std::string& name) {
  const rpc::CertificateName worker{rpc::Role::kWorker, name};
  if (!principal.is_tls() || principal.certificate == worker.uri()) return {};
  return Error{ErrorCode::kPermissionDenied,
               "name: \"" + name + "\" is not the name in the certificate " +
                   principal.certificate + "; use one for " + worker.uri(),
               "name", 0};
}

// On the loop. A name that is known already stays with its worker.
Result<void> may_be(Core& core, const Principal& principal, const Uuid& id) {
  const WorkerEntry* known = core.fleet().find(id);
  return known == nullptr ? Result<void>() : speaks_for(principal, known->record.name);
}

}  // namespace

void register_worker(Core& core, const Principal& principal,
                     const v1::RegisterWorkerRequest& request,
                     const rpc::UnaryReply<v1::RegisterWorkerResponse>& reply) {
  auto worker = worker_from_registration(request);
  if (!worker) {
    reply.fail(worker.error());
    return;
  }
  if (auto speaks = speaks_for(principal, worker->name); !speaks) {
    reply.fail(speaks.error());
    return;
  }
  if (auto reachable = core.credentials().may_call(worker->address); !reachable) {
    reply.fail(reachable.error().in("address"));
    return;
  }
  core.run(
      [&core, principal, worker = std::move(*worker), reply] {
        if (auto may = may_be(core, principal, worker.id); !may) {
          reply.fail(may.error());
          return;
        }
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

void deregister_worker(Core& core, const Principal& principal,
                       const v1::DeregisterWorkerRequest& request,
                       const rpc::UnaryReply<v1::DeregisterWorkerResponse>& reply) {
  const auto id = Uuid::parse(request.worker_id(), "worker_id");
  if (!id) {
    reply.fail(id.error());
    return;
  }
  core.run(
      [&core, principal, id = *id, reply] {
        if (auto may = may_be(core, principal, id); !may) {
          reply.fail(may.error());
          return;
        }
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
