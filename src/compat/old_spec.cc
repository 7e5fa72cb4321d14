// SPDX-License-Identifier: Apache-2.0
#include "compat/old_spec.h"

#include <algorithm>

#include "job/spec.h"
#include "rpc/convert_spec.h"

namespace takt::compat {
namespace {

// Whether the job asks for an old worker, and not for any that comes along.
bool names_old_workers(const JobSpec& spec) {
  return std::any_of(
      spec.constraints.begin(), spec.constraints.end(), [](const Constraint& constraint) {
        const bool listed =
            constraint.op == ConstraintOperator::kEqual || constraint.op == ConstraintOperator::kIn;
        const bool there = listed || constraint.op == ConstraintOperator::kExists;
        return (constraint.key == kCompatLabel && there) || (constraint.key == "worker" && listed);
      });
}

Error refused(const std::string& why) {
  return make_error(ErrorCode::kUnimplemented,
                    "an old worker can run only a command with one path" + why);
}

}  // namespace

Result<OldCommand> old_command_of(const v1::JobSpec& message, const std::string& submitted_by) {
  constexpr std::size_t kWords = 2;
  const auto spec = rpc::spec_from_proto(message);
  if (!spec) return spec.error();
  // All that the old wire has a place for; whatever else was asked for makes a difference.
  JobSpec plain;
  plain.name = spec->name;
  plain.argv = spec->argv;
  plain.labels = spec->labels;
  plain.constraints = spec->constraints;
  const bool own = !spec->user.empty() && submitted_by == "user " + spec->user;
  if (own) plain.user = spec->user;
  if (*spec != plain || spec->argv.size() != kWords || spec->argv[1].empty())
    return refused(", without any options");
  if (own && !names_old_workers(*spec))
    return refused(", as its own user and not as " + spec->user +
                   ": a job that means that has the constraint " + kCompatLabel + "=" +
                   kCompatValue);
  return OldCommand{.command = spec->argv[0], .path = spec->argv[1]};
}

}  // namespace takt::compat
