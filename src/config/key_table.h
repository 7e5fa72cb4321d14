// SPDX-License-Identifier: Apache-2.0
// The one table of keys behind each configuration file: the parser, the sample file and the man
// page are all made from it. A Key<Config> also knows the member of Config that it sets.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "config/load.h"

namespace takt::config {

// What people read about a key. All text is static.
struct KeyInfo {
  bool reloads = false;  // a reload takes a new value; else it takes a restart
  std::string_view section;
  std::string_view name;
  std::string_view default_text;  // as one writes it in the file; empty: see default_note
  std::string_view default_note;  // the default in words, where there is no text for it
  std::string_view accepts;       // "a size, such as 512M", completes "Accepts …"
  std::string_view help;          // sentences
};

struct SectionInfo {
  std::string_view name;
  std::string_view help;
};

template <class Config>
struct Key {
  KeyInfo info;
  // Checks the value and puts it into the configuration; an error names the field.
  Result<void> (*set)(Config& config, std::string_view value, std::string_view field);
  // Whether two configurations have different values.
  bool (*differs)(const Config& one, const Config& other);
  // Takes the value of another configuration.
  void (*take)(Config& config, const Config& other);
};

// One program's file, as readers and documents see it.
struct FileInfo {
  std::string_view conf_name;        // "worker.conf", below /etc/takt
  std::string_view program;          // "takt-worker"
  std::string_view program_section;  // of its manual page: "8"
  std::string_view summary;          // of the manual page
  std::vector<SectionInfo> sections;
  std::vector<KeyInfo> keys;
};

// Puts `value` into the configuration for keys[index].
using AssignKey =
    std::function<Result<void>(std::size_t index, std::string_view value, std::string_view field)>;

// A main file; its drop-ins are main_file.d/*.conf.
struct Source {
  std::string main_file;
  bool required = false;  // a file that is not there is a mistake
};

// /etc/takt/<conf_name>.
std::string default_main_file(const FileInfo& file);

// Reads the sources one after another, each with its drop-ins, then the overrides, and assigns.
Result<void> load_sources(const FileInfo& file, const std::vector<Source>& sources,
                          const std::vector<Override>& overrides, const AssignKey& assign);

// The same for a daemon: one source.
Result<void> load_keys(const FileInfo& file, const LoadOptions& options, const AssignKey& assign);

// No errors is success; else one error with a line for each, at most kErrorsMax of them, which has
// the first one's code and field.
Result<void> joined(const std::vector<Error>& errors);

// Assigns into `config` by its table; both must outlive it.
template <class Config>
AssignKey assigner(const std::vector<Key<Config>>& table, Config& config) {
  return [&table, &config](std::size_t index, std::string_view value, std::string_view field) {
    return table[index].set(config, value, field);
  };
}

template <class Config>
std::vector<KeyInfo> infos_of(const std::vector<Key<Config>>& table) {
  std::vector<KeyInfo> infos;
  for (const Key<Config>& key : table) infos.push_back(key.info);
  return infos;
}

namespace detail {
template <class T>
struct ClassOfMember;
template <class Class, class Member>
struct ClassOfMember<Member Class::*> {
  using type = Class;
};
}  // namespace detail

// A key that sets one member: Parse(value, field) gives a Result of the member's value.
template <auto Member, auto Parse,
          class Config = typename detail::ClassOfMember<decltype(Member)>::type>
Key<Config> key(const KeyInfo& info) {
  return {
      .info = info,
      .set = [](Config& config, std::string_view value, std::string_view field) -> Result<void> {
        auto parsed = Parse(value, field);
        if (!parsed) return parsed.error();
        config.*Member = *std::move(parsed);
        return {};
      },
      .differs = [](const Config& one,
                    const Config& other) { return one.*Member != other.*Member; },
      .take = [](Config& config, const Config& other) { config.*Member = other.*Member; }};
}

// Takes the values that a reload may change from `news`.
template <class Config>
Reloaded take_reloadable(const std::vector<Key<Config>>& table, Config& config,
                         const Config& news) {
  Reloaded reloaded;
  for (const Key<Config>& key : table) {
    if (!key.differs(config, news)) continue;
    auto& names = key.info.reloads ? reloaded.taken : reloaded.need_restart;
    names.push_back(std::string(key.info.section) + "." + std::string(key.info.name));
    if (key.info.reloads) key.take(config, news);
  }
  return reloaded;
}

}  // namespace takt::config
