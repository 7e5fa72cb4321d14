// SPDX-License-Identifier: Apache-2.0
// takt doctor: what is wrong, in the order in which it has to be mended.
#include <google/protobuf/struct.pb.h>

#include <algorithm>

#include "cli/doctor.h"
#include "cli/invocation.h"
#include "cli/json.h"
#include "cli/verb.h"

namespace takt::cli {
namespace {

void append(Findings& all, Findings more) {
  all.insert(all.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
}

Findings look(Invocation& call) {
  Findings all = check_configuration();
  append(all, check_worker_host());
  all.push_back(check_clock());
  auto client = call.connect();
  const WallTime asked = wall_now();
  auto workers =
      client ? (*client)->list_workers() : Result<v1::ListWorkersResponse>(client.error());
  if (!workers) {
    const std::string remedy = call.address().starts_with("unix:")
                                   ? "journalctl -u takt-scheduler says more"
                                   : "takt-tls(7) tells how certificates are made";
    all.push_back({Verdict::kBad, workers.error().message, remedy});
    return all;
  }
  append(all, check_scheduler(*workers, asked, wall_now()));
  append(all, check_fleet({workers->workers().begin(), workers->workers().end()}));
  return all;
}

std::string as_json(const Findings& findings) {
  google::protobuf::Struct document;
  auto* list = (*document.mutable_fields())["findings"].mutable_list_value();
  for (const Finding& finding : findings) {
    auto& fields = *list->add_values()->mutable_struct_value()->mutable_fields();
    fields["verdict"].set_string_value(finding.verdict == Verdict::kGood   ? "good"
                                       : finding.verdict == Verdict::kNote ? "note"
                                                                           : "bad");
    fields["what"].set_string_value(finding.what);
    fields["remedy"].set_string_value(finding.remedy);
  }
  return to_json(document) + "\n";
}

int run_doctor(Invocation& call) {
  if (const auto end = call.parse()) return *end;
  const Findings findings = look(call);
  const std::string text =
      call.json() ? as_json(findings) : findings_text(findings, call.console().screen().colour);
  if (const int failed = call.answer(text)) return failed;
  const auto bad = std::find_if(findings.begin(), findings.end(), [](const Finding& finding) {
    return finding.verdict == Verdict::kBad;
  });
  return bad == findings.end() ? 0 : kExitRefused;
}

}  // namespace

constinit const Verb kDoctorVerb = {
    .name = "doctor",
    .group = "Administration",
    .operands = "",
    .summary = "look for what is wrong on this host, and say how to mend it",
    .examples =
        "  takt doctor\n"
        "  sudo takt doctor                  # sees what only root may see\n"
        "  takt doctor --address db-1:7070   # another scheduler than the configured one\n",
    .details =
        "Looks at the configuration, at what a worker needs of this host (where one is\n"
        "installed), at the clock, the scheduler and its workers. Changes nothing. What comes\n"
        "first has to be mended first.\n"
        "Exits with 0 if nothing FAILED, else with 1.\n"
        "With --json: a list of findings, each with verdict (good, note, bad), what and remedy.\n",
    .run = run_doctor,
};

}  // namespace takt::cli
