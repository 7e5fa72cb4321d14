// SPDX-License-Identifier: Apache-2.0
#include "config/load.h"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <optional>

#include "base/fs.h"
#include "base/log.h"
#include "config/ini_reader.h"
#include "config/key_table.h"
#include "config/text.h"

namespace takt::config {
namespace {

using Mistakes = std::vector<Error>;

bool is_missing(const Error& error) {
  return error.code == ErrorCode::kSystem &&
         (error.error_number == ENOENT || error.error_number == ENOTDIR);
}

std::optional<std::size_t> index_of(const FileInfo& file, std::string_view section,
                                    std::string_view key) {
  for (std::size_t i = 0; i < file.keys.size(); ++i)
    if (file.keys[i].section == section && file.keys[i].name == key) return i;
  return std::nullopt;
}

Error unknown_key(const FileInfo& file, std::string_view section, std::string_view key) {
  std::string here;
  std::string elsewhere;
  for (const KeyInfo& info : file.keys) {
    if (info.section == section) here += (here.empty() ? "" : ", ") + std::string(info.name);
    if (info.name == key) elsewhere = "; it belongs to [" + std::string(info.section) + "]";
  }
  return make_error(ErrorCode::kInvalid, "unknown key " + in_quotes(key) + " in [" +
                                             std::string(section) + "]" + elsewhere +
                                             "; accepted there are " + here);
}

std::string field_of(std::string_view section, std::string_view key) {
  return std::string(section) + "." + std::string(key);
}

// One file's text into the configuration.
void load_text(const FileInfo& file, const std::string& path, std::string_view text,
               const AssignKey& assign, Mistakes& mistakes) {
  std::vector<std::string_view> sections;
  for (const SectionInfo& section : file.sections) sections.push_back(section.name);
  const IniText ini = read_ini(text, sections);

  std::multimap<int, Error> by_line;
  for (const IniMistake& mistake : ini.mistakes)
    by_line.emplace(mistake.line, make_error(ErrorCode::kInvalid, mistake.message));
  std::map<std::string, int> given;
  for (const IniEntry& entry : ini.entries) {
    const auto index = index_of(file, entry.section, entry.key);
    if (!index) {
      by_line.emplace(entry.line, unknown_key(file, entry.section, entry.key));
      continue;
    }
    const std::string field = field_of(entry.section, entry.key);
    const auto [first, is_new] = given.emplace(field, entry.line);
    if (!is_new) {
      by_line.emplace(entry.line,
                      invalid(field, "given twice in this file, first in line " +
                                         std::to_string(first->second) + "; keep one of them"));
      continue;
    }
    if (Result<void> done = assign(*index, entry.value, field); !done)
      by_line.emplace(entry.line, done.error());
  }
  for (const auto& [line, error] : by_line)
    mistakes.push_back(error.in(path + ":" + std::to_string(line)));
}

// One file; `required` says whether it must exist.
void load_file(const FileInfo& file, const std::string& path, bool required,
               const AssignKey& assign, Mistakes& mistakes) {
  Result<std::string> text = read_file(AT_FDCWD, path, kFileMaxBytes);
  if (text) return load_text(file, path, *text, assign, mistakes);
  if (required || !is_missing(text.error())) mistakes.push_back(text.error());
}

void load_drop_ins(const FileInfo& file, const std::string& folder, const AssignKey& assign,
                   Mistakes& mistakes) {
  Result<std::vector<std::string>> names = list_directory(AT_FDCWD, folder);
  if (!names) {
    if (!is_missing(names.error())) mistakes.push_back(names.error());
    return;
  }
  std::erase_if(*names,
                [](const std::string& name) { return !name.ends_with(".conf") || name[0] == '.'; });
  if (names->size() > kDropInsMax) {
    mistakes.push_back(make_error(ErrorCode::kResourceExhausted,
                                  folder + ": " + std::to_string(names->size()) +
                                      " drop-in files; at most " + std::to_string(kDropInsMax) +
                                      " are accepted"));
    return;
  }
  std::sort(names->begin(), names->end());
  for (const std::string& name : *names)
    load_file(file, folder + "/" + name, true, assign, mistakes);
}

void load_overrides(const FileInfo& file, const std::vector<Override>& overrides,
                    const AssignKey& assign, Mistakes& mistakes) {
  for (const Override& given : overrides) {
    const std::string field = field_of(given.section, given.key);
    const auto index = index_of(file, given.section, given.key);
    if (index) {
      if (Result<void> done = assign(*index, given.value, field); !done)
        mistakes.push_back(done.error().in("--set"));
      continue;
    }
    std::string accepted;
    for (const KeyInfo& info : file.keys)
      accepted += (accepted.empty() ? "" : ", ") + field_of(info.section, info.name);
    mistakes.push_back(make_error(ErrorCode::kInvalid, "--set: unknown key " + in_quotes(field) +
                                                           "; accepted are " + accepted));
  }
}

}  // namespace

Result<Override> parse_override(std::string_view text) {
  const std::size_t equals = text.find('=');
  const std::string_view name = trim(text.substr(0, equals));
  const std::size_t dot = name.find('.');
  if (equals == std::string_view::npos || dot == std::string_view::npos || dot == 0 ||
      dot + 1 == name.size() || has_control(text))
    return make_error(ErrorCode::kInvalid, in_quotes(text) +
                                               " sets nothing; write SECTION.KEY=VALUE, such as "
                                               "scheduler.log_level=debug");
  return Override{.section = std::string(name.substr(0, dot)),
                  .key = std::string(name.substr(dot + 1)),
                  .value = std::string(trim(text.substr(equals + 1)))};
}

std::string default_main_file(const FileInfo& file) {
  return TAKT_SYSCONFDIR "/takt/" + std::string(file.conf_name);
}

Result<void> joined(const std::vector<Error>& errors) {
  if (errors.empty()) return {};
  Error all = errors.front();
  for (std::size_t i = 1; i < std::min(errors.size(), kErrorsMax); ++i)
    all.message += "\n" + errors[i].message;
  if (errors.size() > kErrorsMax)
    all.message += "\nand " + std::to_string(errors.size() - kErrorsMax) + " more";
  return all;
}

Result<void> load_sources(const FileInfo& file, const std::vector<Source>& sources,
                          const std::vector<Override>& overrides, const AssignKey& assign) {
  Mistakes mistakes;
  for (const Source& source : sources) {
    load_file(file, source.main_file, source.required, assign, mistakes);
    load_drop_ins(file, source.main_file + ".d", assign, mistakes);
  }
  load_overrides(file, overrides, assign, mistakes);
  return joined(mistakes);
}

Result<void> load_keys(const FileInfo& file, const LoadOptions& options, const AssignKey& assign) {
  const bool named = !options.main_file.empty();
  return load_sources(
      file, {{.main_file = named ? options.main_file : default_main_file(file), .required = named}},
      options.overrides, assign);
}

bool Reloaded::has(std::string_view key) const {
  return std::find(taken.begin(), taken.end(), key) != taken.end();
}

void log_reloaded(const Result<Reloaded>& reloaded) {
  if (!reloaded)
    return log_error("not reloaded, all stays as it was: " + reloaded.error().message,
                     {message_id(kNotReloadedId)});
  const auto list = [](const std::vector<std::string>& keys) {
    std::string text;
    for (const std::string& key : keys) text += (text.empty() ? "" : ", ") + key;
    return text;
  };
  log_notice("reloaded" + (reloaded->taken.empty() ? "; no key that a reload takes has changed"
                                                   : ": " + list(reloaded->taken)),
             {message_id(kReloadedId)});
  if (!reloaded->need_restart.empty())
    log_warning(
        list(reloaded->need_restart) + ": changed, and it takes a restart until that counts",
        {message_id(kNeedRestartId)});
}

}  // namespace takt::config
