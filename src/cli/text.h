// SPDX-License-Identifier: Apache-2.0
// Words and figures as people read them. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/printable.h"
#include "takt/v1/job.pb.h"
#include "takt/v1/job_service.pb.h"
#include "takt/v1/worker.pb.h"

namespace takt::cli {

// `text` in double quotes, printable.
std::string in_quotes(std::string_view text);

// The first eight characters of an id.
std::string short_id(const std::string& job_id);

// The largest unit of a span: "4min", "12s"; below a second "0s".
std::string coarse(microseconds span);

// "queued", "ready" …; "unknown" for what this build does not know.
std::string state_text(v1::JobState state);
std::string worker_state_text(v1::WorkerState state);

bool ended(const v1::Job& job);

// The last attempt; an empty one if there is none.
const v1::Attempt& latest_attempt(const v1::Job& job);

// How it ended, in one sentence without a full stop.
std::string end_text(const v1::JobEnd& end);

// Who submitted it, without the word "user" before a name; "-" if that is not known.
std::string submitter(const v1::Job& job);

// Why a job waits, and what could be done, in one or two lines.
std::string explanation_text(const v1::ExplainJobResponse& waiting);

// The command in one line; "script" where the server left the text of one out.
std::string command_text(const v1::JobSpec& spec);

// The same of a job; "(not shown)" of another user's.
std::string command_text(const v1::Job& job);

// User and system time together; nothing if neither is known.
std::optional<microseconds> cpu_time(const v1::Usage& usage);

// "1.5" of 1500; empty of 0.
std::string cpus_text(std::int64_t millicores);

// "a, b, c".
std::string joined(const std::vector<std::string>& parts);

// "2.0G", or with `exact` the number alone.
std::string size_text(std::int64_t bytes, bool exact);

}  // namespace takt::cli
