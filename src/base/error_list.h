// SPDX-License-Identifier: Apache-2.0
// What is wrong with one request, all of it at once. Guarantees: the first problem is the error, in
// the order of add(), and the others are its `more`, up to limits::kErrorsTold.
#pragma once

#include <optional>
#include <utility>

#include "base/limits.h"
#include "base/result.h"

namespace takt {

class ErrorList {
 public:
  void add(Error error) {
    std::vector<Error> more = std::exchange(error.more, {});
    if (!first_) {
      first_ = std::move(error);
    } else if (first_->more.size() + 1 < limits::kErrorsTold) {
      first_->more.push_back(std::move(error));
    }
    for (Error& other : more) add(std::move(other));
  }
  void add(const Result<void>& result) {
    if (!result) add(result.error());
  }
  // Keeps the value, if there is one.
  template <class T, class U>
  void take(Result<T> result, U& into) {
    if (result) {
      into = *std::move(result);
    } else {
      add(result.error());
    }
  }

  [[nodiscard]] bool empty() const { return !first_; }
  [[nodiscard]] Result<void> result() const {
    return first_ ? Result<void>(*first_) : Result<void>();
  }

 private:
  std::optional<Error> first_;
};

}  // namespace takt
