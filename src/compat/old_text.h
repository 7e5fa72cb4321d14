// SPDX-License-Identifier: Apache-2.0
// How a command ended, in the words of the original design's programs: those of Go's os/exec
// ("exit status 3", "signal: killed (core dumped)"). Pure. Guarantees: what old_error_text() says
// of an exit code or a signal, end_of_old_text() reads back to the same.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "job/state.h"

namespace takt::compat {

// Stands in the record of every end that an old worker told: exit code or signal is all there is.
inline constexpr const char* kOldNote =
    "the end is known only as far as the old worker (jobscheduler) tells";

// The errorText of an end; empty if the command ended with 0.
std::string old_error_text(const JobEnd& end);

// The end that QueryJob tells. A text that says neither exit code nor signal is kept as the detail
// of an end without both.
JobEnd end_of_old_text(bool error, std::string_view text);

// Whether a refusal means that the worker does not know the job.
bool is_job_not_found(const Error& error);

}  // namespace takt::compat
