// SPDX-License-Identifier: Apache-2.0
// ReadOutput: checks the request; a proxy does the rest.
#include "scheduler/output_proxy.h"
#include "scheduler/verbs.h"

namespace takt::scheduler {
namespace {

Result<void> check(const v1::ReadOutputRequest& request) {
  if (request.attempt() < 0)
    return invalid("attempt", std::to_string(request.attempt()) + " is negative; 0 is the latest");
  if (request.stdout_offset() < 0) return invalid("stdout_offset", "is negative");
  if (request.stderr_offset() < 0) return invalid("stderr_offset", "is negative");
  if (!v1::OutputStream_IsValid(request.stream()))
    return invalid("stream", "has the unknown value " + std::to_string(request.stream()));
  return {};
}

}  // namespace

grpc::ServerWriteReactor<v1::ReadOutputResponse>* read_output(
    Core& core, const v1::ReadOutputRequest& request) {
  if (auto checked = check(request); !checked)
    return rpc::refuse_stream<v1::ReadOutputResponse>(checked.error());
  return OutputProxy::start(core, request);
}

}  // namespace takt::scheduler
