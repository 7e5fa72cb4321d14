// SPDX-License-Identifier: Apache-2.0
#include "cli/complete.h"

#include <CLI/Option.hpp>
#include <algorithm>
#include <set>

#include "cli/help.h"
#include "cli/text.h"

namespace takt::cli {
namespace {

bool has_value(const CLI::Option& option) { return option.get_items_expected_max() > 0; }

// "--name" as it was written, or the last of "-fn"; nullptr if it is no option.
const CLI::Option* option_of(const CLI::App& app, const std::string& word) {
  if (word.size() < 2 || word[0] != '-') return nullptr;
  if (word.starts_with("--")) return app.get_option_no_throw(word.substr(0, word.find('=')));
  return app.get_option_no_throw(std::string("-") + word.back());
}

std::string first_sentence(const std::string& text) { return text.substr(0, text.find(". ")); }

std::vector<std::string> choices(const CLI::Option& option) {
  const std::string text = option.get_option_text();
  std::vector<std::string> words;
  if (text.find('|') == std::string::npos) return words;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t end = std::min(text.find('|', at), text.size());
    words.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return words;
}

// What a verb can be told to do with a job, by its name.
bool suits(const Verb& verb, v1::JobState state) {
  const bool over = state >= v1::JOB_STATE_SUCCEEDED;
  if (verb.name == "stop") return !over;
  if (verb.name == "retry") return over;
  if (verb.name == "pause") return state == v1::JOB_STATE_RUNNING;
  if (verb.name == "resume") return state == v1::JOB_STATE_PAUSED;
  if (verb.name == "hold" || verb.name == "release" || verb.name == "update")
    return state == v1::JOB_STATE_QUEUED;
  return true;
}

// Whether the verb is of use with another user's job.
bool is_for_all_jobs(const Verb& verb) {
  return verb.name == "status" || verb.name == "wait" || verb.name == "watch";
}

}  // namespace

std::vector<Candidate> complete_verb(const std::string& word) {
  std::vector<Candidate> found;
  for (const Verb* verb : verbs())
    if (verb->name.starts_with(word))
      found.push_back({std::string(verb->name), std::string(verb->summary)});
  return found;
}

Place place_of(const Verb& verb, const CLI::App& app, const std::vector<std::string>& words) {
  const std::string& last = words.back();
  const CLI::Option* before = nullptr;  // takes the last word as its value
  for (std::size_t i = 0; i + 1 < words.size(); ++i) {
    if (before != nullptr) {
      before = nullptr;
      continue;
    }
    const bool option = words[i].size() > 1 && words[i][0] == '-' && words[i] != "--";
    // Here a command begins, and another program knows its words.
    if (!option && verb.takes_command) return {};
    const CLI::Option* known = option_of(app, words[i]);
    const bool whole = words[i].starts_with("--") && words[i].find('=') != std::string::npos;
    if (known != nullptr && has_value(*known) && !whole) before = known;
  }
  if (before != nullptr)
    return {.wanted = Wanted::kValue, .option = before, .prefix = "", .word = last};
  if (const std::size_t equals = last.find('='); last.starts_with("--") && equals != last.npos) {
    const CLI::Option* known = option_of(app, last);
    if (known == nullptr || !has_value(*known)) return {};
    return {.wanted = Wanted::kValue,
            .option = known,
            .prefix = last.substr(0, equals + 1),
            .word = last.substr(equals + 1)};
  }
  if (last.starts_with("-"))
    return {.wanted = Wanted::kOption, .option = nullptr, .prefix = "", .word = last};
  if (verb.operands.starts_with("JOB") || verb.operands.starts_with("[JOB"))
    return {.wanted = Wanted::kJob, .option = nullptr, .prefix = "", .word = last};
  if (verb.operands.starts_with("WORKER"))
    return {.wanted = Wanted::kWorker, .option = nullptr, .prefix = "", .word = last};
  return {};
}

std::vector<Candidate> complete_option(const CLI::App& app, const std::string& word) {
  std::vector<Candidate> found;
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames())
      if (const std::string full = "--" + name; full.starts_with(word))
        found.push_back({full, first_sentence(option->get_description())});
  }
  return found;
}

std::vector<Candidate> complete_choice(const CLI::Option& option, const std::string& word) {
  std::vector<Candidate> found;
  for (const std::string& choice : choices(option))
    if (choice.starts_with(word)) found.push_back({choice, ""});
  return found;
}

std::vector<Candidate> complete_job(const Verb& verb, Client& client, const std::string& word) {
  v1::ListJobsRequest request;
  request.set_page_size(static_cast<int>(limits::kPageSizeDefault));  // the newest
  const auto page = client.call(&v1::JobService::Stub::ListJobs, request);
  std::vector<Candidate> found;
  if (!page) return found;
  for (const v1::Job& job : page->jobs()) {
    if (!suits(verb, job.state()) || (job.is_summary() && !is_for_all_jobs(verb))) continue;
    // By what was begun, the name too; completed to the id, which is never ambiguous.
    const bool named = !word.empty() && job.spec().name().starts_with(word);
    if (!named && !job.job_id().starts_with(word)) continue;
    const std::string& name = job.spec().name().empty() ? command_text(job) : job.spec().name();
    found.push_back({named ? job.spec().name() : job.job_id(),
                     state_text(job.state()) + ", " + printable(name)});
  }
  return found;
}

std::vector<Candidate> complete_label(Client& client, const std::string& word) {
  v1::ListWorkersRequest request;
  request.set_page_size(static_cast<int>(limits::kPageSizeMax));
  const auto answer = client.call(&v1::OperatorService::Stub::ListWorkers, request);
  std::set<std::string> labels;
  if (!answer) return {};
  for (const v1::Worker& worker : answer->workers())
    for (const auto& [key, value] : worker.labels())
      if (const std::string label = key + "=" + value; label.starts_with(word))
        labels.insert(label);
  std::vector<Candidate> found;
  for (const std::string& label : labels) found.push_back({label, ""});
  return found;
}

std::vector<Candidate> complete_worker(Client& client, const std::string& word) {
  v1::ListWorkersRequest request;
  request.set_page_size(static_cast<int>(limits::kPageSizeMax));
  const auto answer = client.call(&v1::OperatorService::Stub::ListWorkers, request);
  std::vector<Candidate> found;
  if (!answer) return found;
  for (const v1::Worker& worker : answer->workers())
    if (worker.name().starts_with(word))
      found.push_back({printable(worker.name()), worker_state_text(worker.state())});
  return found;
}

std::string candidate_lines(const std::vector<Candidate>& candidates, const std::string& prefix) {
  std::string text;
  for (const Candidate& candidate : candidates) {
    text += prefix + candidate.word;
    if (!candidate.summary.empty()) text += "\t" + candidate.summary;
    text += "\n";
  }
  return text;
}

}  // namespace takt::cli
