// SPDX-License-Identifier: Apache-2.0
#include "base/result.h"

#include <cerrno>
#include <cstring>

namespace takt {

Error Error::in(std::string_view what) const {
  Error outer = *this;
  outer.message = std::string(what) + ": " + message;
  return outer;
}

Error make_error(ErrorCode code, std::string message) {
  return Error{.code = code, .message = std::move(message), .field = {}, .error_number = 0};
}

Error invalid(std::string field, const std::string& message) {
  Error error = make_error(ErrorCode::kInvalid, field + ": " + message);
  error.field = std::move(field);
  return error;
}

Error system_error(std::string_view what) { return system_error(what, errno); }

std::string errno_text(int error_number) {
  char buffer[128];
  return strerror_r(error_number, buffer, sizeof buffer);
}

Error system_error(std::string_view what, int error_number) {
  return Error{.code = ErrorCode::kSystem,
               .message = std::string(what) + ": " + errno_text(error_number),
               .field = {},
               .error_number = error_number};
}

}  // namespace takt
