// SPDX-License-Identifier: Apache-2.0
#include "compat/old_spec.h"

#include "job/spec.h"
#include "rpc/convert_spec.h"

namespace takt::compat {

Result<OldCommand> old_command_of(const v1::JobSpec& message) {
  constexpr std::size_t kWords = 2;
  const auto spec = rpc::spec_from_proto(message);
  if (!spec) return spec.error();
  // All that the old wire has a place for; whatever else was asked for makes a difference.
  JobSpec plain;
  plain.name = spec->name;
  plain.argv = spec->argv;
  plain.labels = spec->labels;
  plain.constraints = spec->constraints;
  const bool fits = *spec == plain && spec->argv.size() == kWords && !spec->argv[1].empty();
  if (fits) return OldCommand{.command = spec->argv[0], .path = spec->argv[1]};
  return make_error(ErrorCode::kUnimplemented,
                    "an old worker can run only a command with one path, without any options");
}

}  // namespace takt::compat
