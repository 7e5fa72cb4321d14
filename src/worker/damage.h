// SPDX-License-Identifier: Apache-2.0
// Records that cannot be read: torn, of an unknown version, on a disk that fails. Guarantees: each
// is told in the journal once, with a MESSAGE_ID, and kept beside where it was; nobody waits for
// it.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "worker/core.h"

namespace takt::worker {

// Never change it: catalogs and scripts know it.
inline constexpr std::string_view kRecordDamagedId = "7a1c40e5d2f64d0bb0f3a1f2c9d83e21";

// Whether it is the record that is at fault, and not a want of descriptors or of memory that will
// pass.
bool is_damage(const Error& error);

// One record of an attempt that goes on without it. An end that is worked out by the worker says
// so.
void note_damage(LiveAttempt& live, const char* file, const Error& error);

// The same, and the file is moved out of the way of the one that takes its place.
void set_file_aside(Core& core, LiveAttempt& live, const char* file, const Error& error);

// An attempt of which nothing can be told. It may run on; its link goes to damaged/.
void set_attempt_aside(Core& core, const AttemptId& id, const Error& error);

}  // namespace takt::worker
