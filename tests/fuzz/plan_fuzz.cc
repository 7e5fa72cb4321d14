// SPDX-License-Identifier: Apache-2.0
// The launch plan, which the supervisor reads as root.
#include "attempt/plan.h"
#include "fuzz/fuzz.h"

namespace takt::fuzz {

bool feed(std::string_view input) {
  return check_record(
      input,
      [](const attempt::LaunchPlan& plan) {
        auto encoded = attempt::encode_plan(plan);
        TAKT_CHECK(encoded.ok(), "a plan that was taken: %s", encoded.error().message.c_str());
        return *encoded;
      },
      attempt::decode_plan);
}

}  // namespace takt::fuzz
