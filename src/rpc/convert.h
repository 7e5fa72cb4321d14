// SPDX-License-Identifier: Apache-2.0
// Jobs, attempts, ends and times between the API and the domain. The only switches over the API's
// enums: a value that is unknown here reads as unspecified. Every text that goes out is valid
// UTF-8, wherever it came from: another one would make its whole message unreadable.
#pragma once

#include <google/protobuf/duration.pb.h>
#include <google/protobuf/timestamp.pb.h>

#include "base/result.h"
#include "job/job.h"
#include "takt/v1/job.pb.h"

namespace takt::rpc {

// Saturates at the ends of what the API's form can say.
google::protobuf::Timestamp time_to_proto(WallTime time);
// Whatever came: the nearest time of the years 1 to 9999. Requests are checked before
// (rpc/check_request.h).
WallTime time_from_proto(const google::protobuf::Timestamp& message);

// Saturates at the ends of what the API's form can say: 10,000 years.
google::protobuf::Duration duration_to_proto(microseconds span);
// Whatever came: the nearest span of up to 10,000 years either way.
microseconds raw_duration(const google::protobuf::Duration& message);
// kInvalid, naming the field, if it is negative, malformed or above `most`.
Result<microseconds> duration_from_proto(const google::protobuf::Duration& message,
                                         const std::string& field, microseconds most);

v1::JobState state_to_proto(JobState state);
// kInvalid, naming the field, for an unspecified or unknown state.
Result<JobState> state_from_proto(v1::JobState state, const std::string& field);

v1::Launcher launcher_to_proto(Launcher launcher);

v1::EndCause cause_to_proto(EndCause cause);
// kInvalid, naming the field, for an unspecified or unknown cause.
Result<EndCause> cause_from_proto(int cause, const std::string& field);

v1::JobEnd end_to_proto(const JobEnd& end);
Result<JobEnd> end_from_proto(const v1::JobEnd& message);

v1::Attempt attempt_to_proto(const Attempt& attempt);
// What a worker reports: texts within limits. kInvalid if an id or an enum is malformed, or if
// state and end are not such as an attempt on a worker has.
Result<Attempt> attempt_from_proto(const v1::Attempt& message);

// The spec is at hand.
v1::Job job_to_proto(const Job& job);

}  // namespace takt::rpc
