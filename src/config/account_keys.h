// SPDX-License-Identifier: Apache-2.0
// Section [limits]: what one account may hold of a daemon. The worker has the keys of connections,
// requests and readers; the scheduler has all.
#pragma once

#include "config/key_table.h"

namespace takt::config::account_key {

inline constexpr KeyInfo kConnectionsOfAccountMax{
    .reloads = true,
    .section = "limits",
    .name = "connections_of_account_max",
    .default_text = "256",
    .accepts = "a number from 1 to 4096",
    .help =
        "Maximum number of open connections of one account. Over TCP, of one address (of an IPv6 "
        "network of 64 bits). On a connection beyond it each call is refused with the reason."};
inline constexpr KeyInfo kRequestsOfAccountMax{
    .reloads = true,
    .section = "limits",
    .name = "requests_of_account_max",
    .default_text = "256",
    .accepts = "a number from 1 to 16384",
    .help = "Maximum number of calls of one account that are not answered yet."};
inline constexpr KeyInfo kRequestsPerSecondOfAccountMax{
    .reloads = true,
    .section = "limits",
    .name = "requests_per_second_of_account_max",
    .default_text = "10000",
    .accepts = "a number from 1 to 1000000",
    .help = "Maximum number of calls and streams that one account begins in a second."};
inline constexpr KeyInfo kReadersOfAccountMax{
    .reloads = true,
    .section = "limits",
    .name = "readers_of_account_max",
    .default_text = "256",
    .accepts = "a number from 1 to 1024",
    .help = "Maximum number of readers of output of one account: takt logs --follow, takt run."};
inline constexpr KeyInfo kWatchersOfAccountMax{
    .reloads = true,
    .section = "limits",
    .name = "watchers_of_account_max",
    .default_text = "256",
    .accepts = "a number from 1 to 1024",
    .help = "Maximum number of watchers of one account: takt watch, takt wait."};

inline constexpr KeyInfo kSpecBytesOfAccountMax{
    .reloads = true,
    .section = "limits",
    .name = "spec_bytes_of_account_max",
    .default_text = "256M",
    .accepts = "a size from 1M to 1T",
    .help =
        "Maximum size of what the unfinished jobs of one account consist of: commands, scripts, "
        "input, environment. More is refused when it is submitted."};

inline constexpr SectionInfo kSection{
    "limits",
    "What one account may hold at a time. Operators, root and takt's own daemons have no such "
    "limit, and of connections, calls, readers and watchers all other accounts together leave a "
    "quarter to them."};

}  // namespace takt::config::account_key
