// SPDX-License-Identifier: Apache-2.0
// What takt, the command line, is told: where its scheduler is. Read order, a later one overriding
// an earlier one: built-in default, /etc/takt/client.conf and its drop-ins, the user's own
// $XDG_CONFIG_HOME/takt/client.conf (else ~/.config/takt/client.conf) and its drop-ins,
// $TAKT_ADDRESS, --address.
#pragma once

#include <string>

#include "base/result.h"
#include "config/tls_config.h"

namespace takt::config {

struct ClientConfig {
  std::string address = "unix:/run/takt/scheduler.sock";  // unix:/path or host:port
  bool insecure = false;                                  // plain text over TCP is allowed
  TlsConfig tls;                                          // loaded: whole, or not given

  friend bool operator==(const ClientConfig&, const ClientConfig&) = default;
};

// Where a client looks. Empty is "not given"; from_environment() fills in the process's own.
struct ClientSources {
  std::string system_file;   // empty: /etc/takt/client.conf
  std::string user_file;     // empty: none
  std::string environment;   // the value of TAKT_ADDRESS
  std::string command_line;  // the value of --address

  // The user's file and TAKT_ADDRESS as this process's environment has them.
  static ClientSources from_environment();
};

// Reads it all. kInvalid with one line for each mistake; files that are not there are none.
Result<ClientConfig> load_client_config(const ClientSources& sources);

}  // namespace takt::config
