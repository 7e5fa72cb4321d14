// SPDX-License-Identifier: Apache-2.0
// Errors on the wire. Guarantees: from_status(to_status(e)) == e for every error whose texts are
// within the limits; texts are valid UTF-8 and small enough for a trailer. The details are a
// google.rpc.Status with one takt.v1.ErrorDetail, as grpcurl and other languages' libraries expect,
// and for wrong fields a google.rpc.BadRequest.
#pragma once

#include <grpcpp/support/status.h>

#include <string>
#include <string_view>

#include "base/result.h"

namespace takt::rpc {

grpc::Status to_status(const Error& error);

// Of a status that is not OK. One that gRPC made itself (nobody listens, a deadline) gets a text
// that says what to do. Whatever the other side sent, the texts are valid UTF-8 and within the
// limits.
Error from_status(const grpc::Status& status);

// Stands before the reason why this program refused a server's certificate. gRPC hands it on in the
// middle of a text of its own, where from_status() finds it again: kPermissionDenied.
inline constexpr std::string_view kServerRefused = "takt-tls: ";

// The kind's name on the wire: "INVALID", "SYSTEM" …
const char* reason_of(ErrorCode code);

// The status code that the kind maps to.
grpc::StatusCode status_code_of(ErrorCode code);

}  // namespace takt::rpc
