// SPDX-License-Identifier: Apache-2.0
// The record `stop`, read by the supervisor and by a worker that comes back.
#include "attempt/records.h"
#include "fuzz/fuzz.h"

namespace takt::fuzz {

bool feed(std::string_view input) {
  return check_record(
      input, [](const attempt::StopRecord& record) { return encode(record); },
      attempt::decode_stop_record);
}

}  // namespace takt::fuzz
