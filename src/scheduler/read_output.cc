// SPDX-License-Identifier: Apache-2.0
// ReadOutput: checks the request; a proxy does the rest.
#include <utility>

#include "rpc/output_request.h"
#include "scheduler/output_proxy.h"
#include "scheduler/verbs.h"

namespace takt::scheduler {
grpc::ServerWriteReactor<v1::ReadOutputResponse>* read_output(Core& core,
                                                              const Principal& principal,
                                                              const v1::ReadOutputRequest& request,
                                                              rpc::StreamShare share) {
  if (auto checked = rpc::check_output_request(request); !checked)
    return rpc::refuse_stream<v1::ReadOutputResponse>(checked.error());
  return OutputProxy::start(core, principal, request, std::move(share));
}

}  // namespace takt::scheduler
