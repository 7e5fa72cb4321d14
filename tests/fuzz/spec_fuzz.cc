// SPDX-License-Identifier: Apache-2.0
// A job's spec as it is kept on disk and in the store.
#include "fuzz/fuzz.h"
#include "job/spec.h"

namespace takt::fuzz {

bool feed(std::string_view input) {
  if (!check_record(input, encode_spec, decode_spec)) return false;
  const JobSpec spec = *decode_spec(input);
  static_cast<void>(validate_spec(spec));
  static_cast<void>(command_line(spec));
  static_cast<void>(constraints_hold(spec.constraints, spec.labels));
  return true;
}

}  // namespace takt::fuzz
