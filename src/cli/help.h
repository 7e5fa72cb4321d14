// SPDX-License-Identifier: Apache-2.0
// What --help prints, made from the table of verbs and from what a verb declares. Pure.
#pragma once

#include <CLI/App.hpp>
#include <string>

#include "cli/verb.h"

namespace takt::cli {

// The heading under which options that every verb has are shown.
inline constexpr const char* kGlobalGroup = "Options of every verb";

// All verbs in their groups, with one line each.
std::string overview();

// Usage, examples, options, details.
std::string verb_help(const Verb& verb, const CLI::App& app);

}  // namespace takt::cli
