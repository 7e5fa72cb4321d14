// SPDX-License-Identifier: Apache-2.0
#include "cli/top_screen.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <map>

#include "base/units.h"
#include "cli/table.h"
#include "cli/text.h"
#include "rpc/convert.h"

namespace takt::cli {
namespace {

constexpr std::size_t kRoomForUsers = 100;  // columns from which on there is room for USER
constexpr std::size_t kCellMost = 20;       // characters of a name that is not the last cell

struct SortKind {
  TopSort sort;
  char key;
  std::string_view name;
};
constexpr std::array<SortKind, 4> kSorts = {{{TopSort::kCpu, 'c', "cpu"},
                                             {TopSort::kMemory, 'm', "memory"},
                                             {TopSort::kTime, 't', "time"},
                                             {TopSort::kTasks, 'k', "tasks"}}};

std::optional<microseconds> run_time(const v1::Job& job, WallTime now) {
  if (!latest_attempt(job).has_start_time()) return std::nullopt;
  return std::max(microseconds(now - rpc::time_from_proto(latest_attempt(job).start_time())),
                  microseconds(0));
}

// What a job is sorted by; -1 if that is not known.
std::int64_t weight(const v1::Job& job, TopSort sort, WallTime now) {
  const v1::Usage& usage = latest_attempt(job).usage();
  switch (sort) {
    case TopSort::kCpu:
      return cpu_time(usage).value_or(microseconds(-1)).count();
    case TopSort::kMemory:
      return usage.has_memory_bytes() ? usage.memory_bytes() : -1;
    case TopSort::kTime:
      return run_time(job, now).value_or(microseconds(-1)).count();
    case TopSort::kTasks:
      return usage.has_tasks() ? usage.tasks() : -1;
  }
  return -1;
}

// "0.12s", "12.34s", "2min3s", "1h30min".
std::string short_time(std::optional<microseconds> span, bool fractions) {
  if (!span) return "";
  if (fractions && *span < std::chrono::minutes(1)) {
    char text[16];
    std::snprintf(text, sizeof text, "%.2fs", std::chrono::duration<double>(*span).count());
    return text;
  }
  const auto whole = std::chrono::duration_cast<seconds>(*span);
  std::string text = whole == seconds(0) ? "0s" : format_duration(whole);
  std::erase(text, ' ');
  return text;
}

std::string memory_cell(const v1::Job& job) {
  const v1::Usage& usage = latest_attempt(job).usage();
  const std::int64_t limit = job.spec().resources().memory_bytes();
  const std::string used = usage.has_memory_bytes() ? size_text(usage.memory_bytes(), false) : "";
  if (limit == 0) return used;
  return (used.empty() ? "-" : used) + " / " + size_text(limit, false);
}

std::string name_cell(const std::string& name, const TopView& view) {
  return cut_to(printable(name), view.screen.columns == 0 ? 0 : kCellMost, view.screen.utf8);
}

bool shows_users(const TopView& view) {
  return view.screen.columns == 0 || view.screen.columns >= kRoomForUsers;
}

std::vector<std::string> job_row(const v1::Job& job, const TopSample& sample, const TopView& view) {
  const v1::Usage& usage = latest_attempt(job).usage();
  std::vector<std::string> cells = {
      short_id(job.job_id()),
      job.has_unreachable_since_time() ? "unreachable" : state_text(job.state()),
      name_cell(latest_attempt(job).worker_name(), view),
      short_time(run_time(job, sample.time), false),
      short_time(cpu_time(usage), true),
      memory_cell(job),
      usage.has_tasks() ? std::to_string(usage.tasks()) : ""};
  if (shows_users(view)) cells.push_back(name_cell(submitter(job), view));
  const std::string& name = job.spec().name();
  cells.push_back((name.empty() ? "" : printable(name) + ": ") + command_text(job));
  return cells;
}

std::vector<std::string> worker_row(const v1::Worker& worker, const TopView& view) {
  const v1::Capacity& capacity = worker.capacity();
  std::string state = worker_state_text(worker.state());
  if (worker.has_drain() && worker.state() != v1::WORKER_STATE_DRAINING) state += ", draining";
  return {name_cell(worker.name(), view), state,
          std::to_string(worker.running() + capacity.direct_slots()) + " / " +
              std::to_string(capacity.slots()),
          cpus_text(capacity.cpu_millicores()),
          capacity.memory_bytes() == 0 ? "" : size_text(capacity.memory_bytes(), false)};
}

// Those that something is wrong with come first: of many, the first are shown.
std::vector<const v1::Worker*> sorted_workers(const TopSample& sample) {
  std::vector<const v1::Worker*> workers;
  for (const v1::Worker& worker : sample.workers) workers.push_back(&worker);
  std::stable_partition(workers.begin(), workers.end(), [](const v1::Worker* worker) {
    return worker->state() == v1::WORKER_STATE_UNREACHABLE ||
           worker->state() == v1::WORKER_STATE_LOST;
  });
  return workers;
}

std::vector<const v1::Job*> sorted_jobs(const TopSample& sample, TopSort sort) {
  std::vector<const v1::Job*> jobs;
  for (const v1::Job& job : sample.jobs) jobs.push_back(&job);
  std::stable_sort(jobs.begin(), jobs.end(), [&](const v1::Job* a, const v1::Job* b) {
    return weight(*a, sort, sample.time) > weight(*b, sort, sample.time);
  });
  return jobs;
}

// "2 ready, 1 lost; the ready ones: 3 of 32 slots, 8 CPUs, 16.0G memory"; what the others have is
// of no use now.
std::string fleet_line(const TopSample& sample) {
  std::map<v1::WorkerState, int> states;  // in the order of the API: the ready ones first
  std::int64_t taken = 0;
  std::int64_t slots = 0;
  std::int64_t millicores = 0;
  std::int64_t memory = 0;
  for (const v1::Worker& worker : sample.workers) {
    ++states[worker.state()];
    if (worker.state() != v1::WORKER_STATE_READY) continue;
    taken += worker.running() + worker.capacity().direct_slots();
    slots += worker.capacity().slots();
    millicores += worker.capacity().cpu_millicores();
    memory += worker.capacity().memory_bytes();
  }
  std::string text = "Workers: ";
  if (states.empty()) return text + "none";
  for (const auto& [state, count] : states)
    text += (state == states.begin()->first ? "" : ", ") + std::to_string(count) + " " +
            worker_state_text(state);
  if (slots > 0)
    text +=
        "; the ready ones: " + std::to_string(taken) + " of " + std::to_string(slots) + " slots";
  if (millicores > 0) text += ", " + cpus_text(millicores) + " CPUs";
  if (memory > 0) text += ", " + size_text(memory, false) + " memory";
  if (sample.more_workers)
    text += " (the first " + std::to_string(sample.workers.size()) + " workers only)";
  return text;
}

std::string queue_line(const v1::CountJobsResponse& counts) {
  return "Jobs: " + std::to_string(counts.queued()) + " queued, " +
         std::to_string(counts.starting()) + " starting, " + std::to_string(counts.running()) +
         " running, " + std::to_string(counts.paused()) + " paused, " +
         std::to_string(counts.ending()) + " ending";
}

// The lines of the screen, cut to its width.
class Lines {
 public:
  explicit Lines(const TopView& view) : view_(view) {}

  void add(const std::string& text) {
    lines_.push_back(cut_to(text, view_.screen.columns, view_.screen.utf8));
  }
  // What stands out, where there is colour.
  void add_marked(const std::string& text, std::string_view code) {
    add(text);
    if (view_.screen.colour) lines_.back() = std::string(code) + lines_.back() + "\033[0m";
  }
  // The heading is marked over the whole width.
  void add_table(Table& table) {
    const std::string text = table.take();
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t end = text.find('\n', at);
      std::string line = text.substr(at, end - at);
      if (at == 0 && view_.screen.colour) {
        line.append(view_.screen.columns - display_width(line), ' ');
        add_marked(line, "\033[7m");
      } else {
        add(line);
      }
      at = end + 1;
    }
  }
  [[nodiscard]] std::size_t count() const { return lines_.size(); }

  // As many as fit, the last one being `footer` if there is one.
  std::string text(const std::string& footer) {
    const std::size_t own = footer.empty() ? 0 : 1;
    if (view_.rows > 0) {
      lines_.resize(std::min(lines_.size(), view_.rows - std::min(view_.rows, own)));
      if (own > 0) lines_.resize(view_.rows - 1);
    }
    if (own > 0) add(footer);
    std::string text;
    for (const std::string& line : lines_) text += (text.empty() ? "" : "\n") + line;
    return text;
  }

 private:
  const TopView& view_;
  std::vector<std::string> lines_;
};

void add_header(Lines& lines, const TopSample* sample, const TopView& view) {
  std::string title = "takt top";
  if (sample != nullptr) title += "  " + format_time(sample->time);
  lines.add_marked(title + "  scheduler " + view.address, "\033[1m");
  if (!view.outage.empty())
    lines.add_marked("OUT OF REACH for " + short_time(view.out_for, false) +
                         ", trying again: " + printable(view.outage),
                     "\033[1;31m");
  if (sample == nullptr) return;
  lines.add(fleet_line(*sample));
  lines.add(queue_line(sample->counts));
}

void add_workers(Lines& lines, const TopSample& sample, const TopView& view, std::size_t most) {
  const auto workers = sorted_workers(sample);
  if (workers.empty() || most == 0) return;
  const std::size_t shown = workers.size() <= most ? workers.size() : most - 1;
  Table table({"WORKER", "STATE", "SLOTS", "CPUS", "MEMORY"}, view.screen);
  for (std::size_t i = 0; i < shown; ++i) table.add(worker_row(*workers[i], view));
  lines.add("");
  lines.add_table(table);
  if (shown < workers.size())
    lines.add("and " + std::to_string(workers.size() - shown) + " more (takt workers)");
}

void add_jobs(Lines& lines, const TopSample& sample, const TopView& view, std::size_t most) {
  const auto jobs = sorted_jobs(sample, view.sort);
  lines.add("");
  if (jobs.empty()) return lines.add("No job runs.");
  const bool all = jobs.size() <= most && !sample.more_jobs;
  const std::size_t shown =
      all ? jobs.size() : std::min(jobs.size(), most - std::min<std::size_t>(most, 1));
  std::vector<std::string> headings = {"JOB", "STATE", "WORKER", "TIME", "CPU", "MEMORY", "TASKS"};
  if (shows_users(view)) headings.emplace_back("USER");
  headings.emplace_back("COMMAND");
  Table table(std::move(headings), view.screen);
  for (std::size_t i = 0; i < shown; ++i) table.add(job_row(*jobs[i], sample, view));
  lines.add_table(table);
  if (all) return;
  std::string rest = "and " + std::to_string(jobs.size() - shown) + " more";
  if (sample.more_jobs)
    rest = "these are of the newest " + std::to_string(jobs.size()) + "; there are older ones";
  lines.add(rest + " (takt list)");
}

std::string footer_of(const TopView& view) {
  if (!view.keys) return "";
  std::string text = "q quit   sort by";
  for (const SortKind& kind : kSorts) {
    text += std::string("  ") + kind.key + " " + std::string(kind.name);
    if (kind.sort == view.sort) text += "*";
  }
  return text;
}

}  // namespace

std::optional<TopSort> top_sort_named(std::string_view name) {
  for (const SortKind& kind : kSorts)
    if (kind.name == name) return kind.sort;
  return std::nullopt;
}

std::optional<TopSort> top_sort_of_key(char key) {
  for (const SortKind& kind : kSorts)
    if (kind.key == key) return kind.sort;
  return std::nullopt;
}

// Workers get what jobs leave over, and a third of the screen in any case.
std::string top_screen(const TopSample* sample, const TopView& view) {
  Lines lines(view);
  add_header(lines, sample, view);
  const std::string footer = footer_of(view);
  if (sample != nullptr) {
    std::size_t for_workers = sample->workers.size();
    std::size_t for_jobs = sample->jobs.size() + 1;
    if (view.rows > 0) {
      // Two lines before each table, and the last one.
      const std::size_t taken = lines.count() + 4 + (footer.empty() ? 0 : 1);
      const std::size_t room = view.rows - std::min(view.rows, taken);
      const std::size_t left = room - std::min(room, for_jobs);
      for_workers = std::min(for_workers, std::max(room / 3, left));
      // A line that says how many there are says no more than the sums do.
      if (for_workers == 1 && sample->workers.size() > 1) for_workers = 0;
      for_jobs = room - for_workers + (for_workers == 0 ? 2 : 0);
    }
    add_workers(lines, *sample, view, for_workers);
    add_jobs(lines, *sample, view, for_jobs);
  }
  return lines.text(footer);
}

}  // namespace takt::cli
