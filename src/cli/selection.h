// SPDX-License-Identifier: Apache-2.0
// The jobs that a verb acts on: those that are named, or with --label all that carry the labels and
// have not ended.
#pragma once

#include <string>
#include <vector>

#include "cli/invocation.h"

namespace takt::cli {

class Selection {
 public:
  // Operands, and --label in their place.
  void declare(Invocation& call);

  // What is wrong with it: nothing is selected, or names beside labels. After parse().
  [[nodiscard]] Result<void> check() const;

  [[nodiscard]] bool by_label() const { return !labels_.empty(); }

  // Names as they were given, or ids; with labels there may be none.
  Result<std::vector<std::string>> resolve(Client& client) const;

 private:
  std::vector<std::string> names_, labels_;
};

}  // namespace takt::cli
