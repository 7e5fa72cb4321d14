// SPDX-License-Identifier: Apache-2.0
// The table of client.conf.
#include "config/client_config.h"

#include <cstdlib>

#include "config/files.h"
#include "config/values.h"

namespace takt::config {
namespace {

namespace client_key {
constexpr KeyInfo kAddress{.section = "client",
                           .name = "address",
                           .default_text = "unix:/run/takt/scheduler.sock",
                           .accepts = "unix:/path or host:port",
                           .help = "Where the scheduler is."};

constexpr KeyInfo kInsecure{
    .section = "client",
    .name = "insecure",
    .default_text = "no",
    .accepts = "yes or no",
    .help =
        "Whether a scheduler may be called over TCP in plain text. Without it and without [tls], "
        "a host:port is refused."};
}  // namespace client_key

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

// An address that did not come from a file; empty is "not given".
Result<void> take_address(const std::string& text, const std::string& origin,
                          ClientConfig& config) {
  if (text.empty()) return {};
  Result<std::string> address = parse_address(text, origin);
  if (!address) return address.error();
  config.address = *std::move(address);
  return {};
}

}  // namespace

const std::vector<Key<ClientConfig>>& client_keys() {
  static const auto keys = with_tls<ClientConfig>({
      key<&ClientConfig::address, parse_address>(client_key::kAddress),
      key<&ClientConfig::insecure, parse_bool>(client_key::kInsecure),
  });
  return keys;
}

const FileInfo& client_file() {
  static const FileInfo file{
      .conf_name = "client.conf",
      .program = "takt",
      .program_section = "1",
      .summary = "configuration of the takt command line",
      .sections = {{"client", "The command line."}, kTlsSection},
      .keys = infos_of(client_keys()),
  };
  return file;
}

ClientSources ClientSources::from_environment() {
  ClientSources sources;
  sources.environment = variable("TAKT_ADDRESS");
  const std::string config_home = variable("XDG_CONFIG_HOME");
  const std::string home = variable("HOME");
  // The XDG rules: a relative path there is not valid and is to be ignored.
  if (config_home.starts_with('/'))
    sources.user_file = config_home + "/takt/client.conf";
  else if (home.starts_with('/'))
    sources.user_file = home + "/.config/takt/client.conf";
  return sources;
}

Result<ClientConfig> load_client_config(const ClientSources& sources) {
  ClientConfig config;
  std::vector<Source> files{{.main_file = sources.system_file.empty()
                                              ? default_main_file(client_file())
                                              : sources.system_file}};
  if (!sources.user_file.empty()) files.push_back({.main_file = sources.user_file});
  std::vector<Error> errors;
  const auto note = [&errors](const Result<void>& result) {
    if (!result) errors.push_back(result.error());
  };
  note(load_sources(client_file(), files, {}, assigner(client_keys(), config)));
  note(take_address(sources.environment, "TAKT_ADDRESS", config));
  note(take_address(sources.command_line, "--address", config));
  note(complete_tls(config.tls, ""));
  if (auto all = joined(errors); !all) return all.error();
  return config;
}

}  // namespace takt::config
