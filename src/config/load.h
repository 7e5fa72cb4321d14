// SPDX-License-Identifier: Apache-2.0
// Where configuration comes from. The read order, the same for every program and written only here
// (a later one overrides an earlier one, key by key):
//   1. built-in defaults
//   2. the main file (/etc/takt/NAME.conf, or the one that was named)
//   3. the main file's drop-ins, FILE.d/*.conf, sorted by name
//   4. the command line (--set SECTION.KEY=VALUE)
// Guarantees: nothing is ignored. Each mistake is an error with file and line, and says what would
// be accepted; the first kErrorsMax mistakes are reported together, one a line.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace takt::config {

inline constexpr std::size_t kErrorsMax = 20;      // mistakes told at once
inline constexpr std::size_t kLineMaxBytes = 190;  // inih cuts silently at 200
inline constexpr std::size_t kFileMaxBytes = 1 << 20;
inline constexpr std::size_t kDropInsMax = 256;  // files in one drop-in folder

// One key given on the command line.
struct Override {
  std::string section;
  std::string key;
  std::string value;
  friend bool operator==(const Override&, const Override&) = default;
};

// "jobs.slots=4" taken apart. kInvalid if it has another form; whether the key exists is for load.
Result<Override> parse_override(std::string_view text);

struct LoadOptions {
  // The main file. Empty is the default one, which need not exist; a named one must.
  std::string main_file;
  std::vector<Override> overrides;
};

// What a reload made of a new configuration; keys as "worker.labels".
struct Reloaded {
  std::vector<std::string> taken;
  std::vector<std::string> need_restart;  // they differ, and stay as they were

  [[nodiscard]] bool has(std::string_view key) const;  // among what was taken
};

// Never change them: catalogs and scripts know them.
inline constexpr std::string_view kReloadedId = "7a1c40e5d2f64d0bb0f3a1f2c9d83e30";
inline constexpr std::string_view kNeedRestartId = "7a1c40e5d2f64d0bb0f3a1f2c9d83e31";
inline constexpr std::string_view kNotReloadedId = "7a1c40e5d2f64d0bb0f3a1f2c9d83e32";

// Tells the log. An error is a configuration of which nothing was taken.
void log_reloaded(const Result<Reloaded>& reloaded);

}  // namespace takt::config
