// SPDX-License-Identifier: Apache-2.0
#include "rpc/status.h"

#include <array>
#include <cstdint>
#include <optional>

#include "base/utf8.h"
#include "rpc/status_details.h"
#include "takt/v1/error.pb.h"

namespace takt::rpc {
namespace {

// Trailers hold 8 KiB in all; a message is in them twice, once with up to three bytes a byte.
constexpr std::size_t kMessageMaxBytes = 1024;
constexpr std::size_t kFieldMaxBytes = 256;
constexpr std::size_t kViolationsMaxBytes = 2048;  // all of them together

struct Kind {
  ErrorCode code;
  grpc::StatusCode status;
  const char* reason;
};

constexpr std::array<Kind, 13> kKinds = {{
    {ErrorCode::kInvalid, grpc::StatusCode::INVALID_ARGUMENT, "INVALID"},
    {ErrorCode::kNotFound, grpc::StatusCode::NOT_FOUND, "NOT_FOUND"},
    {ErrorCode::kExists, grpc::StatusCode::ALREADY_EXISTS, "EXISTS"},
    {ErrorCode::kFailedPrecondition, grpc::StatusCode::FAILED_PRECONDITION, "FAILED_PRECONDITION"},
    {ErrorCode::kPermissionDenied, grpc::StatusCode::PERMISSION_DENIED, "PERMISSION_DENIED"},
    {ErrorCode::kUnavailable, grpc::StatusCode::UNAVAILABLE, "UNAVAILABLE"},
    {ErrorCode::kResourceExhausted, grpc::StatusCode::RESOURCE_EXHAUSTED, "RESOURCE_EXHAUSTED"},
    {ErrorCode::kUnimplemented, grpc::StatusCode::UNIMPLEMENTED, "UNIMPLEMENTED"},
    {ErrorCode::kDeadlineExceeded, grpc::StatusCode::DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED"},
    {ErrorCode::kCancelled, grpc::StatusCode::CANCELLED, "CANCELLED"},
    {ErrorCode::kDataLoss, grpc::StatusCode::DATA_LOSS, "DATA_LOSS"},
    {ErrorCode::kInternal, grpc::StatusCode::INTERNAL, "INTERNAL"},
    {ErrorCode::kSystem, grpc::StatusCode::UNKNOWN, "SYSTEM"},
}};

const Kind& kind_of(ErrorCode code) {
  for (const Kind& kind : kKinds) {
    if (kind.code == code) return kind;
  }
  TAKT_CHECK(false, "error code %d", static_cast<int>(code));
}

// The error and what else is wrong, as far as a trailer holds it.
std::vector<Violation> violations_of(const Error& error) {
  std::vector<Violation> violations{
      {clean_text(error.field, kFieldMaxBytes), clean_text(error.message, kFieldMaxBytes)}};
  std::size_t bytes = 0;
  for (const Error& other : error.more) {
    Violation violation{clean_text(other.field, kFieldMaxBytes),
                        clean_text(other.message, kFieldMaxBytes)};
    bytes += violation.field.size() + violation.description.size();
    if (bytes > kViolationsMaxBytes) break;
    violations.push_back(std::move(violation));
  }
  return violations;
}

ErrorCode code_of_status(grpc::StatusCode code) {
  switch (code) {
    case grpc::StatusCode::OUT_OF_RANGE:
      return ErrorCode::kInvalid;
    case grpc::StatusCode::UNAUTHENTICATED:
      return ErrorCode::kPermissionDenied;
    case grpc::StatusCode::ABORTED:
      return ErrorCode::kUnavailable;
    default:
      break;
  }
  for (const Kind& kind : kKinds) {
    if (kind.status == code && kind.code != ErrorCode::kSystem) return kind.code;
  }
  return ErrorCode::kInternal;
}

// What the other side says: any bytes, of any length.
std::string message_of(const grpc::Status& status) {
  return status.error_message().empty() ? "no reason given"
                                        : clean_text(status.error_message(), kMessageMaxBytes);
}

// What gRPC itself says is short; say what it means and what to do.
std::string explain(const grpc::Status& status) {
  const std::string text = message_of(status);
  switch (status.error_code()) {
    case grpc::StatusCode::UNAVAILABLE:
      return "can't reach the server (" + text + "); is it running, and is the address right?";
    case grpc::StatusCode::DEADLINE_EXCEEDED:
      return "the server did not answer in time (" + text + "); try again";
    case grpc::StatusCode::CANCELLED:
      return "the call was cancelled (" + text + ")";
    case grpc::StatusCode::UNIMPLEMENTED:
      return "the server does not know this call (" + text + "); is it an older takt?";
    default:
      return text;
  }
}

}  // namespace

const char* reason_of(ErrorCode code) { return kind_of(code).reason; }

grpc::StatusCode status_code_of(ErrorCode code) { return kind_of(code).status; }

grpc::Status to_status(const Error& error) {
  const Kind& kind = kind_of(error.code);
  Details details;
  details.error.set_reason(kind.reason);
  details.error.set_field(clean_text(error.field, kFieldMaxBytes));
  details.error.set_error_number(error.error_number);
  if (error.code == ErrorCode::kInvalid && !error.field.empty())
    details.violations = violations_of(error);
  const std::string message = clean_text(error.message, kMessageMaxBytes);
  return {kind.status, message, pack_details(kind.status, message, details)};
}

Error from_status(const grpc::Status& status) {
  TAKT_CHECK(!status.ok(), "an error of a good status");
  const std::string& text = status.error_message();
  if (const std::size_t at = text.find(kServerRefused); at != std::string::npos)
    return make_error(ErrorCode::kPermissionDenied,
                      "can't reach the server: " +
                          clean_text(text.substr(at + kServerRefused.size()), kMessageMaxBytes));
  const std::optional<Details> details = unpack_details(status.error_details());
  if (!details) return make_error(code_of_status(status.error_code()), explain(status));
  Error error = make_error(code_of_status(status.error_code()), message_of(status));
  error.field = clean_text(details->error.field(), kFieldMaxBytes);
  error.error_number = details->error.error_number();
  for (const Kind& kind : kKinds) {
    if (details->error.reason() == kind.reason) error.code = kind.code;
  }
  // The first one is the error itself.
  for (std::size_t at = 1; at < details->violations.size(); ++at) {
    const Violation& violation = details->violations[at];
    error.more.push_back(Error{ErrorCode::kInvalid,
                               clean_text(violation.description, kFieldMaxBytes),
                               clean_text(violation.field, kFieldMaxBytes), 0});
  }
  return error;
}

}  // namespace takt::rpc
