// SPDX-License-Identifier: Apache-2.0
// The file `spec` of an attempt: what a worker took, with the job's spec inside.
#include "fuzz/fuzz.h"
#include "worker/acceptance.h"

namespace takt::fuzz {

bool feed(std::string_view input) {
  return check_record(
      input, [](const worker::Acceptance& acceptance) { return encode(acceptance); },
      worker::decode_acceptance);
}

}  // namespace takt::fuzz
