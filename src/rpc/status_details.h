// SPDX-License-Identifier: Apache-2.0
// The bytes of the grpc-status-details-bin trailer: google.rpc.Status, written and read by hand,
// because Debian has no compiled google/rpc protos. Wire-compatible, so other clients decode it.
#pragma once

#include <grpcpp/support/status.h>

#include <optional>
#include <string>
#include <vector>

#include "takt/v1/error.pb.h"

namespace takt::rpc {

// One wrong field of a request, as google.rpc.BadRequest has it.
struct Violation {
  std::string field;
  std::string description;
  friend bool operator==(const Violation&, const Violation&) = default;
};

struct Details {
  v1::ErrorDetail error;
  std::vector<Violation> violations;  // none: no google.rpc.BadRequest
};

std::string pack_details(grpc::StatusCode code, const std::string& message, const Details& details);

// What is in there; nothing if there is no ErrorDetail or the bytes are torn.
std::optional<Details> unpack_details(const std::string& bytes);

}  // namespace takt::rpc
