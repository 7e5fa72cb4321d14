// SPDX-License-Identifier: Apache-2.0
// What a shell may complete a word to: `takt __complete WORD...` prints, for the last of the words
// after "takt", one candidate a line, and after a tab what it is. Guarantees: verbs, options and
// their words come from the tables that the verbs themselves use; jobs and workers from the
// scheduler, if it answers at once; what cannot be told is left to the shell, without a word.
#pragma once

#include <CLI/App.hpp>
#include <string>
#include <vector>

#include "cli/client.h"
#include "cli/verb.h"

namespace takt::cli {

struct Candidate {
  std::string word;
  std::string summary;
};

// The verb whose name stands before the options in scripts of shells.
inline constexpr const char* kCompleteVerb = "__complete";

// The verbs that begin with `word`.
std::vector<Candidate> complete_verb(const std::string& word);

// What the last word is to become.
enum class Wanted { kNothing, kOption, kValue, kJob, kWorker };

// The place of the last of `words`, which stand after the verb. `option` is the one whose value it
// is, `prefix` what stands before that value in the same word ("--on=").
struct Place {
  Wanted wanted = Wanted::kNothing;
  const CLI::Option* option = nullptr;
  std::string prefix;
  std::string word;
};
Place place_of(const Verb& verb, const CLI::App& app, const std::vector<std::string>& words);

// Options that begin with the word, or those of the words that an option takes ("scope|cgroup").
std::vector<Candidate> complete_option(const CLI::App& app, const std::string& word);
std::vector<Candidate> complete_choice(const CLI::Option& option, const std::string& word);

// Jobs that the verb can do something with, and "worker=NAME" and labels for --on. Empty if the
// scheduler does not answer.
std::vector<Candidate> complete_job(const Verb& verb, Client& client, const std::string& word);
std::vector<Candidate> complete_label(Client& client, const std::string& word);
std::vector<Candidate> complete_worker(Client& client, const std::string& word);

// As it is printed.
std::string candidate_lines(const std::vector<Candidate>& candidates, const std::string& prefix);

}  // namespace takt::cli
