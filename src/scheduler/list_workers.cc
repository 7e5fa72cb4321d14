// SPDX-License-Identifier: Apache-2.0
// ListWorkers: pages from the store, by name. A page token is the last worker's id and name.
#include <utility>

#include "base/version.h"
#include "rpc/convert.h"
#include "rpc/page.h"
#include "rpc/page_token.h"
#include "scheduler/convert_worker.h"
#include "scheduler/verbs.h"

namespace takt::scheduler {
namespace {

// As many of the workers as fit an answer.
void fill_page(const store::WorkerPage& page, v1::ListWorkersResponse& response) {
  rpc::PageRoom room;
  bool more = page.more;
  const WorkerRecord* last = nullptr;
  for (const store::WorkerView& view : page.workers) {
    v1::Worker worker = worker_to_proto(view);
    more = !room.takes(worker);
    if (more) break;
    *response.add_workers() = std::move(worker);
    last = &view.worker;
    more = page.more;
  }
  if (more && last != nullptr)
    response.set_next_page_token(rpc::worker_token(last->id, last->name));
}

}  // namespace

void list_workers(Core& core, const Principal& principal, const v1::ListWorkersRequest& request,
                  const rpc::UnaryReply<v1::ListWorkersResponse>& reply) {
  const auto size = rpc::page_size(request.page_size());
  if (!size) {
    reply.fail(size.error());
    return;
  }
  auto after = rpc::read_worker_token(request.page_token());
  if (!after) {
    reply.fail(after.error());
    return;
  }
  core.reads().workers(ask_as(principal, rpc::Action::kListWorkers, reply), after->name, after->id,
                       *size, [reply](const Result<store::WorkerPage>& page) {
                         if (!page) {
                           reply.fail(page.error());
                           return;
                         }
                         v1::ListWorkersResponse response;
                         fill_page(*page, response);
                         *response.mutable_scheduler_time() = rpc::time_to_proto(wall_now());
                         response.set_scheduler_version(version());
                         reply.finish(std::move(response));
                       });
}

}  // namespace takt::scheduler
