// SPDX-License-Identifier: Apache-2.0
// Errors are values. Guarantees: a Result holds either a value or an Error, never both and never
// neither; reading the side that is not there is a broken invariant and aborts.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/check.h"

namespace takt {

// What kind of failure it is. Kinds map one to one to RPC status codes (rpc/status.h).
enum class ErrorCode {
  kInvalid,             // the request is wrong; `field` names the place
  kNotFound,            // no such job, worker, file
  kExists,              // it is there already, and differs
  kFailedPrecondition,  // right request, wrong state
  kPermissionDenied,    // the caller may not
  kUnavailable,         // not now; the same request may succeed later
  kResourceExhausted,   // a limit was reached; the message names it
  kUnimplemented,       // asked for what this build does not do; `field` names it
  kDeadlineExceeded,    // it took too long
  kCancelled,           // given up by the one who asked
  kDataLoss,            // a record on disk is torn or of an unknown version
  kInternal,            // ours, and unexpected
  kSystem,              // a system call failed; `error_number` is its errno
};

struct Error {
  ErrorCode code = ErrorCode::kInternal;
  std::string message;   // one sentence without a full stop; says the value and what is accepted
  std::string field;     // the request's field or configuration key, empty if none
  int error_number = 0;  // errno of kSystem, else 0
  std::vector<Error> more = {};  // what else is wrong with the same request

  // The same error with "what: " put before its message.
  [[nodiscard]] Error in(std::string_view what) const;

  friend bool operator==(const Error&, const Error&) = default;
};

// An error of the given kind, without a field.
[[nodiscard]] Error make_error(ErrorCode code, std::string message);

// "field: message" of a request; kind kInvalid.
[[nodiscard]] Error invalid(std::string field, const std::string& message);

// What an errno means, in words. Thread-safe.
[[nodiscard]] std::string errno_text(int error_number);

// "what: " and errno_text(errno); captures errno, or the number given.
[[nodiscard]] Error system_error(std::string_view what);
[[nodiscard]] Error system_error(std::string_view what, int error_number);

template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}      // NOLINT: implicit
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT: implicit

  [[nodiscard]] bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }

  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T operator*() && { return std::move(value()); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  T& value() & {
    TAKT_CHECK(ok(), "value of a failed result: %s", failure().message.c_str());
    return *std::get_if<0>(&state_);
  }
  const T& value() const& { return const_cast<Result*>(this)->value(); }
  // By value, so that a loop over f().value() does not dangle.
  T value() && { return std::move(static_cast<Result&>(*this).value()); }

  [[nodiscard]] const Error& error() const {
    TAKT_CHECK(!ok(), "error of a good result");
    return failure();
  }

 private:
  const Error& failure() const { return *std::get_if<1>(&state_); }
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)) {}  // NOLINT: implicit

  [[nodiscard]] bool ok() const { return !error_.has_value(); }
  explicit operator bool() const { return ok(); }
  [[nodiscard]] const Error& error() const {
    TAKT_CHECK(!ok(), "error of a good result");
    return *error_;
  }

 private:
  std::optional<Error> error_;
};

}  // namespace takt
