// SPDX-License-Identifier: Apache-2.0
#include "base/daemon_exit.h"

#include <cerrno>

namespace takt {
namespace {

int exit_code_of_errno(int error_number) {
  switch (error_number) {
    case EACCES:
    case EPERM:
      return kExitNoPermission;
    case ENOTDIR:
    case EISDIR:
    case ELOOP:
    case ENAMETOOLONG:
    case ENOSYS:
    case EAFNOSUPPORT:
      return kExitUnavailable;
    default:
      return kExitFailure;
  }
}

}  // namespace

int exit_code_of(const Error& error) {
  switch (error.code) {
    case ErrorCode::kInvalid:
      return kExitConfig;
    case ErrorCode::kDataLoss:
      return kExitDamaged;
    case ErrorCode::kPermissionDenied:
      return kExitNoPermission;
    case ErrorCode::kNotFound:
    case ErrorCode::kFailedPrecondition:
    case ErrorCode::kUnimplemented:
      return kExitUnavailable;
    case ErrorCode::kSystem:
      return exit_code_of_errno(error.error_number);
    case ErrorCode::kExists:
    case ErrorCode::kUnavailable:
    case ErrorCode::kResourceExhausted:
    case ErrorCode::kDeadlineExceeded:
    case ErrorCode::kCancelled:
    case ErrorCode::kInternal:
      return kExitFailure;
  }
  return kExitFailure;
}

}  // namespace takt
