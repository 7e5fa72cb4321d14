// SPDX-License-Identifier: Apache-2.0
// What of a job reaches those whose it is not.
#include "job/summary.h"

#include <gtest/gtest.h>

#include <functional>
#include <set>
#include <string>

#include "rpc/convert.h"

namespace takt::rpc {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

constexpr const char* kSecret = "secret";

JobEnd secret_end() {
  JobEnd end;
  end.cause = EndCause::kStartFailed;
  end.exit_code = 3;
  end.failed_step = "exec";
  end.field = end.reason = end.detail = end.note = kSecret;
  end.error_number = 2;
  end.stopped_by = "user bob";
  return end;
}

Job secret_job() {
  JobSpec spec;
  spec.name = "nightly";
  spec.argv = {"/bin/true", kSecret};
  spec.script = spec.working_directory = spec.group = kSecret;
  spec.stdin_data = kSecret;
  spec.environment = {{"NAME", kSecret}, {kSecret, "value"}};
  spec.labels = {{"customer", kSecret}, {kSecret, "value"}};
  spec.readers = {kSecret};
  spec.constraints = {{kSecret, ConstraintOperator::kEqual, {kSecret}}};
  spec.resources.memory_bytes = 1 << 20;
  spec.resources.counted = {{"gpu", 1}};
  Job job;
  job.id = Uuid::random();
  job.spec = std::make_shared<const JobSpec>(spec);
  job.state = JobState::kFailed;
  job.submitted_by = "user bob";
  job.submit_user = "bob";
  job.stop_requested = StopRequest{"user bob", kSecret, {}, false};
  job.end = secret_end();
  Attempt attempt;
  attempt.id = {job.id, 1};
  attempt.worker_name = "db-1";
  attempt.unit = attempt.cgroup = attempt.boot_id = kSecret;
  attempt.leader_pid = 4711;
  attempt.user = "bob";
  attempt.end = secret_end();
  attempt.usage.memory_bytes = 7;
  attempt.remaining = {{4711, kSecret, 'D', kSecret, {}}};
  job.attempts = {attempt};
  return job;
}

// The paths of all fields that are set: "spec.name", "attempts.end.cause".
void note_fields(const Message& message, const std::string& above, std::set<std::string>& paths) {
  std::vector<const FieldDescriptor*> fields;
  message.GetReflection()->ListFields(message, &fields);
  for (const FieldDescriptor* field : fields) {
    const std::string path = above + std::string(field->name());
    if (field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE || field->is_map() ||
        field->message_type()->full_name().starts_with("google.")) {
      paths.insert(path);
    } else if (!field->is_repeated()) {
      note_fields(message.GetReflection()->GetMessage(message, field), path + ".", paths);
    } else {
      for (int at = 0; at < message.GetReflection()->FieldSize(message, field); ++at)
        note_fields(message.GetReflection()->GetRepeatedMessage(message, field, at), path + ".",
                    paths);
    }
  }
}

TEST(Summary, HoldsNothingOfWhatAJobRunsAndPrints) {
  const v1::Job whole = job_to_proto(secret_job());
  ASSERT_NE(whole.SerializeAsString().find(kSecret), std::string::npos);
  const v1::Job summary = job_to_proto(summary_of(secret_job()));
  EXPECT_EQ(summary.SerializeAsString().find(kSecret), std::string::npos) << summary.DebugString();
}

TEST(Summary, SaysThatAJobIsThere) {
  std::set<std::string> paths;
  note_fields(job_to_proto(summary_of(secret_job())), "", paths);
  const std::set<std::string> expected = {"job_id",
                                          "spec.name",
                                          "spec.resources.memory_bytes",
                                          "spec.resources.counted",
                                          "spec.stop.signal",
                                          "spec.stop.target",
                                          "spec.stop.grace",
                                          "state",
                                          "submit_time",
                                          "submitted_by",
                                          "stop_requested_by",
                                          "attempts.job_id",
                                          "attempts.number",
                                          "attempts.state",
                                          "attempts.worker_name",
                                          "attempts.user",
                                          "attempts.usage.memory_bytes",
                                          "attempts.end.cause",
                                          "attempts.end.exit_code",
                                          "attempts.end.failed_step",
                                          "attempts.end.stopped_by",
                                          "attempts.end.message",
                                          "end.cause",
                                          "end.exit_code",
                                          "end.failed_step",
                                          "end.stopped_by",
                                          "end.message"};
  EXPECT_EQ(paths, expected);
}

}  // namespace
}  // namespace takt::rpc
