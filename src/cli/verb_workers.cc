// SPDX-License-Identifier: Apache-2.0
// takt workers: the fleet.
#include <algorithm>

#include "base/units.h"
#include "cli/invocation.h"
#include "cli/json.h"
#include "cli/status_block.h"
#include "cli/table.h"
#include "cli/text.h"
#include "cli/verb.h"

namespace takt::cli {
namespace {

std::string labels_cell(const v1::Worker& worker) {
  std::vector<std::string> parts;
  for (const auto& [key, value] : worker.labels()) parts.push_back(printable(key + "=" + value));
  std::sort(parts.begin(), parts.end());
  std::string text;
  for (const std::string& part : parts) text += (text.empty() ? "" : ",") + part;
  return text;
}

std::string state_cell(const v1::Worker& worker) {
  std::string text = worker_state_text(worker.state());
  if (!worker.has_drain()) return text;
  if (worker.state() != v1::WORKER_STATE_DRAINING) text += ", draining";
  return worker.drain().reason().empty() ? text
                                         : text + " (" + printable(worker.drain().reason()) + ")";
}

std::vector<std::string> row_of(const v1::Worker& worker, const Layout& layout) {
  const v1::Capacity& capacity = worker.capacity();
  std::vector<std::string> cells = {
      printable(worker.name()),
      state_cell(worker),
      worker.has_state_time() ? when_text(worker.state_time(), layout) : "",
      std::to_string(worker.running()) + " / " + std::to_string(capacity.slots()),
      cpus_text(capacity.cpu_millicores()),
      capacity.memory_bytes() == 0 ? "" : size_text(capacity.memory_bytes(), layout.bytes)};
  if (layout.full) {
    cells.push_back(worker.worker_id());
    cells.push_back(printable(worker.address()));
    cells.push_back(printable(worker.version()));
  }
  cells.push_back(labels_cell(worker));
  return cells;
}

std::vector<std::string> headings(bool full) {
  std::vector<std::string> names = {"WORKER", "STATE", "SINCE", "JOBS", "CPUS", "MEMORY"};
  if (full) names.insert(names.end(), {"ID", "ADDRESS", "VERSION"});
  names.emplace_back("LABELS");
  return names;
}

int run_workers(Invocation& call) {
  Layout layout;
  call.flag("--full", layout.full, "Ids, addresses, versions and absolute times.");
  call.flag("--bytes", layout.bytes, "Exact sizes, in bytes.");
  if (const auto end = call.parse()) return *end;
  auto client = call.connect();
  if (!client) return call.fail("can't list workers", client.error());
  const auto all = (*client)->list_workers();
  if (!all) return call.fail("can't list workers", all.error());
  if (call.json()) return call.answer(to_json(*all) + "\n");
  layout.screen = call.console().screen();
  layout.now = wall_now();
  Table table(headings(layout.full), layout.screen);
  for (const v1::Worker& worker : all->workers()) table.add(row_of(worker, layout));
  return call.answer(table.take());
}

}  // namespace

constinit const Verb kWorkersVerb = {
    .name = "workers",
    .group = "Workers",
    .operands = "",
    .summary = "list the workers",
    .examples =
        "  takt workers\n"
        "  takt workers --full\n"
        "  takt workers --json | jq -r '.workers[].name'\n",
    .details =
        "JOBS are those on the worker now, and how many it takes at once.\n"
        "With --json: one ListWorkersResponse.\n",
    .run = run_workers,
};

}  // namespace takt::cli
