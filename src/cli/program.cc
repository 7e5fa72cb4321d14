// SPDX-License-Identifier: Apache-2.0
#include "cli/program.h"

#include <algorithm>

#include "base/version.h"
#include "cli/complete.h"
#include "cli/help.h"
#include "cli/invocation.h"
#include "cli/text.h"

namespace takt::cli {
namespace {

// Options of every verb may stand before the verb; these two have a value.
bool has_value(const std::string& argument) {
  return argument == "--address" || argument == "--timeout";
}

bool one_of(const std::vector<std::string>& arguments, const std::string& a, const std::string& b) {
  return std::find(arguments.begin(), arguments.end(), a) != arguments.end() ||
         std::find(arguments.begin(), arguments.end(), b) != arguments.end();
}

// For shells. Options before the verb are passed over as they are when it is run.
int complete_program(std::vector<std::string> words, const Io& io) {
  if (words.empty()) words.emplace_back();
  std::size_t at = 0;
  while (at + 1 < words.size() && words[at].starts_with("-")) at += has_value(words[at]) ? 2U : 1U;
  Console console(io, false);
  if (at + 1 >= words.size())
    return console.out(candidate_lines(complete_verb(words.back()), "")) ? 0 : kExitPipe;
  const Verb* verb = find_verb(words[at]);
  if (verb == nullptr) return 0;
  words.erase(words.begin() + static_cast<std::ptrdiff_t>(at));
  Invocation call(*verb, std::move(words), io);
  call.only_complete();
  return verb->run(call);
}

}  // namespace

int run_program(std::vector<std::string> arguments, const Io& io) {
  if (!arguments.empty() && arguments.front() == kCompleteVerb)
    return complete_program({arguments.begin() + 1, arguments.end()}, io);
  std::size_t at = 0;
  while (at < arguments.size() && arguments[at].starts_with("-"))
    at += has_value(arguments[at]) ? 2U : 1U;
  at = std::min(at, arguments.size());
  const auto place = arguments.begin() + static_cast<std::ptrdiff_t>(at);
  const std::vector<std::string> before(arguments.begin(), place);
  Console console(io, false);
  if (one_of(before, "--version", "-V"))
    return console.out("takt " + std::string(version()) + "\n") ? 0 : kExitPipe;
  if (one_of(before, "--help", "-h") || arguments.empty())
    return console.out(overview()) ? 0 : kExitPipe;
  if (place == arguments.end()) {
    console.note("there is no verb after the options. takt --help shows the verbs.");
    return kExitUsage;
  }
  if (*place == "help") {
    if (place + 1 == arguments.end()) return console.out(overview()) ? 0 : kExitPipe;
    arguments = {*(place + 1), "--help"};
    return run_program(std::move(arguments), io);
  }
  const Verb* verb = find_verb(*place);
  if (verb == nullptr) {
    console.note(in_quotes(*place) + " is not a verb of takt. takt --help shows the verbs.");
    return kExitUsage;
  }
  std::vector<std::string> rest = before;
  rest.insert(rest.end(), place + 1, arguments.end());
  Invocation call(*verb, std::move(rest), io);
  return verb->run(call);
}

}  // namespace takt::cli
