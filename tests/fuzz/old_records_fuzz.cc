// SPDX-License-Identifier: Apache-2.0
// What the scheduler's door to old workers keeps of them and of their attempts.
#include "compat/records.h"
#include "fuzz/fuzz.h"

namespace takt::fuzz {

bool feed(std::string_view input) {
  const bool worker = check_record(
      input, [](const compat::OldWorkerRecord& record) { return encode(record); },
      compat::decode_old_worker);
  const bool attempt = check_record(
      input, [](const compat::OldAttempt& record) { return encode(record); },
      compat::decode_old_attempt);
  TAKT_CHECK(!worker || !attempt, "one record of two kinds");
  return worker || attempt;
}

}  // namespace takt::fuzz
