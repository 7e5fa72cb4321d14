// SPDX-License-Identifier: Apache-2.0
// The record `exit`: what a worker tells of an end.
#include "attempt/records.h"
#include "fuzz/fuzz.h"

namespace takt::fuzz {

bool feed(std::string_view input) {
  return check_record(
      input, [](const attempt::ExitRecord& record) { return encode(record); },
      attempt::decode_exit_record);
}

}  // namespace takt::fuzz
