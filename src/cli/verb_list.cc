// SPDX-License-Identifier: Apache-2.0
// takt list: jobs, newest first, page by page, so that a million of them need no memory here.
#include <algorithm>
#include <array>

#include "base/time_text.h"
#include "base/units.h"
#include "cli/invocation.h"
#include "cli/json.h"
#include "cli/spec_options.h"
#include "cli/status_block.h"
#include "cli/table.h"
#include "cli/text.h"
#include "cli/verb.h"
#include "rpc/convert.h"

namespace takt::cli {
namespace {

struct ListOptions {
  std::vector<std::string> states, labels;
  std::string name, user, worker, since, parts_of;
  bool all = false;
  Layout layout;
};

constexpr std::array<v1::JobState, 8> kStates = {
    v1::JOB_STATE_QUEUED, v1::JOB_STATE_STARTING,  v1::JOB_STATE_RUNNING, v1::JOB_STATE_PAUSED,
    v1::JOB_STATE_ENDING, v1::JOB_STATE_SUCCEEDED, v1::JOB_STATE_FAILED,  v1::JOB_STATE_STOPPED};
constexpr std::size_t kLiveStates = 5;

Result<void> add_state(const std::string& name, v1::ListJobsRequest& request) {
  std::string known;
  for (const v1::JobState state : kStates) {
    if (state_text(state) == name) {
      request.add_states(state);
      return {};
    }
    known += (known.empty() ? "" : ", ") + state_text(state);
  }
  return invalid("--state", in_quotes(name) + " is not a state; write one of " + known);
}

// "running,queued" and repeated options; without any: what has not ended, or with --all everything.
Result<v1::ListJobsRequest> make_request(const ListOptions& options) {
  v1::ListJobsRequest request;
  request.set_page_size(static_cast<int>(limits::kPageSizeMax));
  request.set_name(options.name);
  request.set_user(options.user);
  for (std::string_view rest : options.states) {
    while (true) {
      const std::size_t comma = rest.find(',');
      if (auto added = add_state(std::string(rest.substr(0, comma)), request); !added)
        return added.error();
      if (comma == std::string_view::npos) break;
      rest.remove_prefix(comma + 1);
    }
  }
  request.set_worker(options.worker);
  request.set_part_of(options.parts_of);
  auto labels = parse_labels(options.labels);
  if (!labels) return labels.error();
  request.mutable_labels()->insert(labels->begin(), labels->end());
  if (!options.since.empty()) {
    const auto since = parse_time(options.since, "--since", wall_now());
    if (!since) return since.error();
    *request.mutable_since_time() = rpc::time_to_proto(*since);
  }
  if (options.states.empty() && !options.all && options.parts_of.empty())
    for (std::size_t i = 0; i < kLiveStates; ++i) request.add_states(kStates[i]);
  return request;
}

std::string cpu_cell(const v1::Usage& usage) {
  const auto cpu = cpu_time(usage);
  if (!cpu) return "";
  std::string text = format_duration(*cpu);
  std::erase(text, ' ');
  return text;
}

std::string memory_cell(const v1::Usage& usage, const v1::JobSpec& spec, bool exact) {
  std::string used;
  if (usage.has_memory_bytes())
    used = size_text(usage.memory_bytes(), exact);
  else if (usage.has_memory_peak_bytes())
    used = size_text(usage.memory_peak_bytes(), exact);
  const std::int64_t limit = spec.resources().memory_bytes();
  if (limit == 0) return used;
  return (used.empty() ? "-" : used) + " / " + size_text(limit, exact);
}

std::vector<std::string> row_of(const v1::Job& job, const Layout& layout) {
  v1::Attempt attempt;
  if (job.attempts_size() > 0) attempt = job.attempts(job.attempts_size() - 1);
  std::string state = state_text(job.state());
  if (job.state() == v1::JOB_STATE_QUEUED && !job.held_by().empty()) state += " (held)";
  if (!ended(job) && job.has_unreachable_since_time()) state += " (unreachable)";
  if (job.has_parts() && !ended(job))
    state += " " +
             std::to_string(job.parts().total() - job.parts().queued() - job.parts().active()) +
             "/" + std::to_string(job.parts().total());
  // A part goes by its whole and its index, by which all verbs take it.
  const std::string& own = job.part_of().empty() ? job.job_id() : job.part_of();
  const std::string index = job.part_of().empty() ? "" : "/" + std::to_string(job.part_index());
  return {(layout.full ? own : short_id(own)) + index,
          printable(job.spec().name()),
          state,
          printable(attempt.worker_name()),
          submitter(job),
          job.has_submit_time() ? when_text(job.submit_time(), layout) : "",
          cpu_cell(attempt.usage()),
          memory_cell(attempt.usage(), job.spec(), layout.bytes),
          command_text(job)};
}

// One ListJobsResponse, written in parts.
class JsonList {
 public:
  std::string part(const v1::Job& job) {
    return (std::exchange(begun_, true) ? "," : "{\"jobs\":[") + to_json(job);
  }
  std::string end() const {
    return std::string(begun_ ? "" : "{\"jobs\":[") + "],\"next_page_token\":\"\"}\n";
  }

 private:
  bool begun_ = false;
};

int print_pages(Invocation& call, Client& client, v1::ListJobsRequest request, Layout layout) {
  layout.screen = call.console().screen();
  layout.now = wall_now();
  Table table({"JOB", "NAME", "STATE", "WORKER", "USER", layout.full ? "SUBMITTED" : "AGE", "CPU",
               "MEMORY", "COMMAND"},
              layout.screen);
  JsonList json;
  do {
    auto page = client.call(&v1::JobService::Stub::ListJobs, request);
    if (!page) return call.fail("can't list jobs", page.error());
    std::string text;
    for (const v1::Job& job : page->jobs()) {
      if (call.json())
        text += json.part(job);
      else
        table.add(row_of(job, layout));
    }
    if (!call.json()) text = table.take();
    if (const int failed = call.answer(text)) return failed;
    request.set_page_token(page->next_page_token());
  } while (!request.page_token().empty());
  return call.json() ? call.answer(json.end()) : 0;
}

int run_list(Invocation& call) {
  ListOptions options;
  call.flag("-a,--all", options.all, "Also jobs that have ended.");
  call.repeated(
      "--state", "STATE", options.states,
      "Only jobs in this state; several with commas or repeated. One of queued, starting, "
      "running, paused, ending, succeeded, failed, stopped.");
  call.option("--name", "NAME", options.name, "Only jobs of this name.");
  call.option("--user", "USER", options.user, "Only jobs that this user submitted.");
  call.option("--worker", "NAME", options.worker, "Only jobs that are, or were, on this worker.");
  call.repeated("--label", "KEY=VALUE", options.labels,
                "Only jobs with this label. May be repeated: all must be there.");
  call.option("--since", "TIME", options.since,
              "Only jobs submitted since then: so long ago (10min), or a time (2026-11-22 09:28).");
  call.option("--parts-of", "JOB", options.parts_of,
              "The parts of this job, also those that have ended.");
  call.flag("--full", options.layout.full, "Whole ids and absolute times.");
  call.flag("--bytes", options.layout.bytes, "Exact sizes, in bytes.");
  if (const auto end = call.parse()) return *end;
  const auto request = make_request(options);
  if (!request) return call.usage(request.error());
  auto client = call.connect();
  if (!client) return call.fail("can't list jobs", client.error());
  return print_pages(call, **client, *request, options.layout);
}

}  // namespace

constinit const Verb kListVerb = {
    .name = "list",
    .group = "Jobs",
    .operands = "",
    .summary = "list jobs, newest first",
    .examples =
        "  takt list\n"
        "  takt list --all --user alice\n"
        "  takt list --state failed,stopped --full\n"
        "  takt list --parts-of 6f0b --state failed\n"
        "  takt list --all --json | jq -r '.jobs[] | select(.spec.name==\"nightly\") | .job_id'\n",
    .details =
        "Shows the jobs that have not ended; --all or --state shows others too. Of a job with "
        "parts it\nshows the whole, with how many of its parts have ended; parts are shown with "
        "--parts-of and\n--worker. MEMORY is what a "
        "job\n"
        "has now, or its peak once it has ended, with the limit if there is one; - is for "
        "nothing,\n"
        "or not known.\n"
        "With --json: one ListJobsResponse.\n",
    .run = run_list,
};

}  // namespace takt::cli
