// SPDX-License-Identifier: Apache-2.0
#include "cli/help.h"

#include <algorithm>
#include <string_view>
#include <vector>

namespace takt::cli {
namespace {

constexpr std::size_t kSummaryColumn = 12;
constexpr std::size_t kOptionColumn = 26;
constexpr std::size_t kColumns = 96;

// `text` from column `indent` on, broken between words.
std::string wrapped(std::string_view text, std::size_t indent) {
  std::string out;
  std::size_t column = indent;
  while (!text.empty()) {
    const std::size_t length = std::min(text.find(' '), text.size());
    if (column > indent && column + 1 + length > kColumns) {
      out += "\n" + std::string(indent, ' ');
      column = indent;
    } else if (column > indent) {
      out += ' ';
      ++column;
    }
    out += text.substr(0, length);
    column += length;
    text.remove_prefix(std::min(length + 1, text.size()));
  }
  return out;
}

std::string option_line(const CLI::Option& option) {
  std::string left = "  ";
  for (const std::string& name : option.get_snames()) left += "-" + name + ", ";
  if (option.get_snames().empty()) left += "    ";
  for (const std::string& name : option.get_lnames()) left += "--" + name;
  const std::string& value = option.get_option_text();
  if (!value.empty()) left += " " + value;
  if (left.size() + 2 > kOptionColumn)
    left += "\n" + std::string(kOptionColumn, ' ');
  else
    left.append(kOptionColumn - left.size(), ' ');
  return left + wrapped(option.get_description(), kOptionColumn) + "\n";
}

std::string options_of(const CLI::App& app, bool global) {
  std::string text;
  for (const CLI::Option* option : app.get_options())
    if (option->nonpositional() && (option->get_group() == kGlobalGroup) == global)
      text += option_line(*option);
  return text;
}

}  // namespace

std::string overview() {
  std::string text =
      "takt runs commands on a fleet of workers, each in its own cgroup, and says how they ended.\n"
      "\nUsage: takt VERB [OPTION...] [ARGUMENT...]\n";
  std::string_view group;
  for (const Verb* verb : verbs()) {
    if (verb->group != group) text += "\n" + std::string(verb->group) + ":\n";
    group = verb->group;
    std::string left = "  " + std::string(verb->name);
    left.append(kSummaryColumn - left.size(), ' ');
    text += left + std::string(verb->summary) + "\n";
  }
  return text +
         "\ntakt VERB --help shows examples and options. takt --version shows the version.\n"
         "A job is named by its id, a prefix of it of 4 characters or more, or its name where "
         "that\n"
         "is unique. Not there, and not planned: terminals and live input for jobs, copying "
         "files.\n";
}

std::string verb_help(const Verb& verb, const CLI::App& app) {
  std::string text = "takt " + std::string(verb.name) + ": " + std::string(verb.summary) + "\n\n";
  text += std::string(verb.examples) + "\n";
  text += "Usage: takt " + std::string(verb.name) + " [OPTION...]";
  if (!verb.operands.empty()) text += " " + std::string(verb.operands);
  text += "\n";
  const std::string own = options_of(app, false);
  if (!own.empty()) text += "\nOptions:\n" + own;
  text += "\n" + std::string(kGlobalGroup) + ":\n" + options_of(app, true);
  if (!verb.details.empty()) text += "\n" + std::string(verb.details);
  return text;
}

}  // namespace takt::cli
