// SPDX-License-Identifier: Apache-2.0
// The bytes of the grpc-status-details-bin trailer: google.rpc.Status, written and read by hand,
// because Debian has no compiled google/rpc protos. Wire-compatible, so other clients decode it.
#pragma once

#include <grpcpp/support/status.h>

#include <optional>
#include <string>

#include "takt/v1/error.pb.h"

namespace takt::rpc {

std::string pack_details(grpc::StatusCode code, const std::string& message,
                         const v1::ErrorDetail& detail);

// The first ErrorDetail in there; nothing if there is none or the bytes are torn.
std::optional<v1::ErrorDetail> unpack_details(const std::string& bytes);

}  // namespace takt::rpc
