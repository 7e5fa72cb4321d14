// SPDX-License-Identifier: Apache-2.0
// takt limits: what an account holds of the scheduler, and what it may hold.
#include "cli/invocation.h"
#include "cli/json.h"
#include "cli/table.h"
#include "cli/text.h"
#include "cli/verb.h"

namespace takt::cli {
namespace {

std::string limit_cell(const v1::ResourceLimit& limit) {
  return limit.has_limit() ? std::to_string(limit.limit()) : "";
}

std::string whose(const v1::GetLimitsResponse& limits) {
  return printable(limits.account()) +
         (limits.is_privileged() ? " (with an operator's limits)" : "") + ":\n";
}

int run_limits(Invocation& call) {
  v1::GetLimitsRequest request;
  std::string account;
  call.option(
      "--user", "ACCOUNT", account,
      "Of this account: a user's name, or a certificate's takt://ROLE/NAME. For operators.");
  if (const auto end = call.parse()) return *end;
  request.set_account(account);
  auto client = call.connect();
  if (!client) return call.fail("can't show limits", client.error());
  const auto limits = (*client)->call(&v1::JobService::Stub::GetLimits, request);
  if (!limits) return call.fail("can't show limits", limits.error());
  if (call.json()) return call.answer(to_json(*limits) + "\n");
  Table table({"RESOURCE", "USED", "LIMIT", "ALL USED", "ALL LIMIT", "KEY"},
              call.console().screen());
  for (const v1::ResourceLimit& limit : limits->limits())
    table.add({printable(limit.resource()), std::to_string(limit.used()), limit_cell(limit),
               std::to_string(limit.all_used()),
               limit.all_limit() == 0 ? "" : std::to_string(limit.all_limit()),
               printable(limit.key())});
  return call.answer(whose(*limits) + table.take());
}

}  // namespace

constinit const Verb kLimitsVerb = {
    .name = "limits",
    .group = "Administration",
    .operands = "",
    .summary = "show what your account holds of the scheduler, and may hold",
    .examples =
        "  takt limits\n"
        "  sudo takt limits --user alice\n"
        "  takt limits --json | jq '.limits[] | select(.used > 200)'\n",
    .details =
        "USED is what the account holds now, LIMIT the most that it may hold; ALL USED and ALL\n"
        "LIMIT are those of all accounts together, of which a part is kept for operators. KEY\n"
        "sets LIMIT in scheduler.conf. Live jobs have not ended, tasks of arrays included; spec\n"
        "bytes are the size of what they were submitted with. A reader of output is a takt logs\n"
        "--follow or takt run, a watcher a takt watch or takt wait.\n"
        "With --json: one GetLimitsResponse.\n",
    .run = run_limits,
};

}  // namespace takt::cli
