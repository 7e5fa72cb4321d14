// SPDX-License-Identifier: Apache-2.0
// Section [access] of worker.conf: who may call the worker, and what callers see.
#pragma once

#include "config/key_table.h"

namespace takt::config::worker_access_key {

inline constexpr KeyInfo kGroup{
    .section = "access",
    .name = "group",
    .default_text = "takt",
    .accepts = "a group's name",
    .help =
        "Members may start jobs on this worker directly, over the unix socket, and see and stop "
        "their own."};
inline constexpr KeyInfo kAdminGroup{
    .section = "access",
    .name = "admin_group",
    .default_text = "takt-admin",
    .accepts = "a group's name",
    .help = "Members may also see and stop the jobs of others. Root always may."};
inline constexpr KeyInfo kDirect{
    .reloads = true,
    .section = "access",
    .name = "direct",
    .default_text = "local",
    .accepts = "yes, no or local",
    .help =
        "Which callers may start jobs on this worker without a scheduler. local: callers of the "
        "unix socket. yes: callers over TCP as well. no: none, root included."};
inline constexpr KeyInfo kSee{
    .reloads = true,
    .section = "access",
    .name = "see",
    .default_text = "own",
    .accepts = "own or all",
    .help =
        "What users see here of the jobs of others. own: that the job is there, but not its "
        "output. all: the same as its owner. The scheduler has a key of its own for what it "
        "shows."};

}  // namespace takt::config::worker_access_key
