// SPDX-License-Identifier: Apache-2.0
// How long an attempt may run on without contact between its worker and its scheduler. Guarantees:
// it has run out when the last contact that could be learned of is older than the lease; it needs
// neither of the two to be there.
#pragma once

#include <optional>
#include <string>

#include "attempt/contact.h"
#include "attempt/plan.h"
#include "base/clock.h"

namespace takt::supervisor {

class Lease {
 public:
  explicit Lease(const attempt::LaunchPlan& plan)
      : span_(plan.lease), contact_(plan.last_contact), path_(plan.contact_path) {}

  // When to look again; none without a lease.
  [[nodiscard]] std::optional<BootTime> deadline() const {
    if (!span_) return std::nullopt;
    return contact_ + *span_;
  }

  // Looks for a newer contact where it is due.
  [[nodiscard]] bool ran_out(BootTime now) {
    if (!span_ || now < *deadline()) return false;
    if (const auto newer = attempt::read_contact(path_, now); newer && *newer > contact_)
      contact_ = *newer;
    return now >= *deadline();
  }

 private:
  std::optional<microseconds> span_;
  BootTime contact_;
  std::string path_;
};

}  // namespace takt::supervisor
