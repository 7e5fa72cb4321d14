// SPDX-License-Identifier: Apache-2.0
// JobSpec between the API and the domain: what is honoured survives the way there and back, what is
// not is refused by name. The walk over the descriptor holds for fields that are added later, too.
#include "rpc/convert_spec.h"

#include <google/protobuf/unknown_field_set.h>
#include <google/protobuf/util/message_differencer.h>
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <string>

#include "unit/job/specs.h"
#include "unit/rpc/fill.h"

namespace takt::rpc {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::util::MessageDifferencer;
using test::fill;
using test::set_something;

// Where "some value" is not one that the rules accept.
using Setter = std::function<void(v1::JobSpec&)>;
const std::map<std::string, Setter>& valid_values() {
  static const std::map<std::string, Setter> values{
      {"array",
       [](v1::JobSpec& spec) {
         spec.mutable_array()->set_count(9);
         spec.mutable_array()->set_max_running(2);
         spec.mutable_array()->add_indexes(3);
         spec.mutable_array()->add_indexes(8);
       }},
      {"count_paused",
       [](v1::JobSpec& spec) {
         spec.mutable_run_time_limit()->set_seconds(60);
         spec.set_count_paused(true);
       }},
      {"dependencies",
       [](v1::JobSpec& spec) {
         v1::Dependency* dependency = spec.add_dependencies();
         dependency->set_job_id("0a0b0c0d-0000-4000-8000-000000000001");
         dependency->set_condition(v1::DEPENDENCY_CONDITION_END);
       }},
      {"lease", [](v1::JobSpec& spec) { spec.mutable_lease()->set_seconds(600); }},
      {"not_before_time",
       [](v1::JobSpec& spec) {
         spec.mutable_not_before_time()->set_seconds(2'000'000'000);
         spec.mutable_not_before_time()->set_nanos(7000);
       }},
      {"oom_policy", [](v1::JobSpec& spec) { spec.set_oom_policy(v1::OOM_POLICY_PROCESS); }},
      {"queue_time_limit",
       [](v1::JobSpec& spec) { spec.mutable_queue_time_limit()->set_seconds(60); }},
      {"readers", [](v1::JobSpec& spec) { spec.add_readers("takt://user/bob"); }},
      {"resources",
       [](v1::JobSpec& spec) {
         spec.mutable_resources()->set_cpu_millicores(1500);
         spec.mutable_resources()->set_memory_bytes(std::int64_t{1} << 30);
         spec.mutable_resources()->set_swap_bytes(0);
         spec.mutable_resources()->set_tasks(7);
         (*spec.mutable_resources()->mutable_counted())["gpu"] = 2;
       }},
      {"run_time_limit",
       [](v1::JobSpec& spec) {
         spec.mutable_run_time_limit()->set_seconds(60);
         spec.mutable_run_time_limit()->set_nanos(7000);
       }},
      {"retry",
       [](v1::JobSpec& spec) {
         spec.mutable_lease()->set_seconds(600);
         v1::RetryPolicy& retry = *spec.mutable_retry();
         retry.set_max_attempts(3);
         retry.add_on(v1::END_CAUSE_EXITED);
         retry.add_on(v1::END_CAUSE_HOST_SHUTDOWN);
         retry.add_exit_codes(75);
         retry.set_on_lost(true);
         retry.mutable_backoff()->set_seconds(30);
       }},
      {"script", [](v1::JobSpec& spec) { spec.set_script(std::string("#!/bin/sh\n\0\xff", 12)); }},
      {"stop",
       [](v1::JobSpec& spec) {
         fill(*spec.mutable_stop());
         spec.mutable_stop()->mutable_grace()->set_nanos(7000);  // whole microseconds
       }},
      {"working_directory", [](v1::JobSpec& spec) { spec.set_working_directory("/srv"); }},
  };
  return values;
}

v1::JobSpec small_message() {
  v1::JobSpec message;
  message.add_argv("/bin/true");
  return message;
}

bool same_field(const Message& left, const Message& right, const FieldDescriptor& field) {
  MessageDifferencer differencer;
  return differencer.CompareWithFields(left, right, {&field}, {&field});
}

TEST(ConvertSpec, EachFieldIsHonoured) {
  const auto* descriptor = v1::JobSpec::descriptor();
  for (int i = 0; i < descriptor->field_count(); ++i) {
    const FieldDescriptor& field = *descriptor->field(i);
    v1::JobSpec message = small_message();
    const auto valid = valid_values().find(field.name());
    if (valid != valid_values().end()) {
      valid->second(message);
    } else {
      set_something(message, field);
    }
    const Result<JobSpec> spec = spec_from_proto(message);
    ASSERT_TRUE(spec.ok()) << field.name() << ": " << spec.error().message;
    EXPECT_TRUE(same_field(message, spec_to_proto(*spec), field)) << field.name() << " is lost";
  }
}

TEST(ConvertSpec, AllThatIsWrongIsToldAtOnce) {
  v1::JobSpec message = small_message();
  message.set_launcher(static_cast<v1::Launcher>(77));
  message.set_nice(99);
  message.add_dependencies()->set_job_id("x");
  message.add_constraints()->set_key("role");
  const Result<JobSpec> spec = spec_from_proto(message);
  ASSERT_FALSE(spec.ok());
  std::vector<std::string> fields{spec.error().field};
  for (const Error& other : spec.error().more) fields.push_back(other.field);
  EXPECT_EQ(fields, (std::vector<std::string>{
                        "spec.dependencies[0].job_id", "spec.dependencies[0].condition",
                        "spec.constraints.operator", "spec.launcher", "spec.nice"}));
}

// Of the messages within: every field of theirs on its own.
TEST(ConvertSpec, EachFieldWithinIsHonoured) {
  const auto check = [](const v1::JobSpec& message, const char* what) {
    const Result<JobSpec> spec = spec_from_proto(message);
    ASSERT_TRUE(spec.ok()) << what << ": " << spec.error().message;
    const v1::JobSpec back = spec_to_proto(*spec);
    MessageDifferencer differencer;
    std::string report;
    differencer.ReportDifferencesToString(&report);
    differencer.IgnoreField(v1::JobSpec::descriptor()->FindFieldByName("stop"));
    const bool stop = message.has_stop();
    EXPECT_TRUE(stop ? MessageDifferencer::Equals(message.stop(), back.stop())
                     : differencer.Compare(message, back))
        << what << ": " << report;
  };
  v1::JobSpec stop = small_message();
  fill(*stop.mutable_stop());
  stop.mutable_stop()->mutable_grace()->set_nanos(7000);
  check(stop, "stop");
  v1::JobSpec constraint = small_message();
  fill(*constraint.add_constraints());
  check(constraint, "constraint");
  v1::JobSpec variable = small_message();
  fill(*variable.add_environment());
  check(variable, "environment");
}

TEST(ConvertSpec, AFieldFromANewerVersionIsRefusedWhereverItStands) {
  const auto refused = [](const std::function<Message*(v1::JobSpec&)>& place) {
    v1::JobSpec message = small_message();
    Message* within = place(message);
    within->GetReflection()->MutableUnknownFields(within)->AddVarint(9999, 1);
    const Result<JobSpec> spec = spec_from_proto(message);
    return !spec.ok() && spec.error().code == ErrorCode::kUnimplemented;
  };
  EXPECT_TRUE(refused([](v1::JobSpec& spec) { return &spec; }));
  EXPECT_TRUE(refused([](v1::JobSpec& spec) { return spec.mutable_stop(); }));
  EXPECT_TRUE(refused([](v1::JobSpec& spec) { return spec.mutable_resources(); }));
  EXPECT_TRUE(refused([](v1::JobSpec& spec) {
    v1::Constraint* constraint = spec.add_constraints();
    constraint->set_key("role");
    constraint->set_operator_(v1::CONSTRAINT_OPERATOR_EXISTS);
    return constraint;
  }));
  EXPECT_TRUE(refused([](v1::JobSpec& spec) {
    spec.add_environment()->set_name("NAME");
    return spec.mutable_environment(0);
  }));
}

TEST(ConvertSpec, ADomainSpecSurvivesTheWayThereAndBack) {
  for (const JobSpec& spec : {test::small_spec(), test::full_spec()})
    EXPECT_EQ(spec_from_proto(spec_to_proto(spec)).value(), spec);
  JobSpec spec = test::small_spec();
  spec.stdin_data = "";
  spec.journal = false;
  EXPECT_EQ(spec_from_proto(spec_to_proto(spec)).value(), spec);
  for (const ConstraintOperator op : {ConstraintOperator::kEqual, ConstraintOperator::kNotEqual}) {
    spec.constraints = {{"role", op, {"db"}}};
    EXPECT_EQ(spec_from_proto(spec_to_proto(spec)).value(), spec);
  }
  for (const Launcher launcher : {Launcher::kDefault, Launcher::kScope, Launcher::kCgroup}) {
    spec.launcher = launcher;
    EXPECT_EQ(spec_from_proto(spec_to_proto(spec)).value().launcher, launcher);
  }
}

TEST(ConvertSpec, AnAbsentStopIsTheDefault) {
  EXPECT_EQ(spec_from_proto(small_message()).value().stop, StopPolicy());
  v1::JobSpec message = small_message();
  message.mutable_stop();
  EXPECT_EQ(spec_from_proto(message).value().stop, StopPolicy());
}

void expect_invalid(const v1::JobSpec& message, const std::string& field,
                    const std::string& value) {
  const Result<JobSpec> spec = spec_from_proto(message);
  ASSERT_FALSE(spec.ok()) << field;
  EXPECT_EQ(spec.error().code, ErrorCode::kInvalid) << field;
  EXPECT_EQ(spec.error().field, field);
  EXPECT_NE(spec.error().message.find(value), std::string::npos) << spec.error().message;
}

TEST(ConvertSpec, UnknownEnumValuesAreInvalidByName) {
  v1::JobSpec message = small_message();
  message.set_launcher(static_cast<v1::Launcher>(77));
  expect_invalid(message, "spec.launcher", "77");
  message = small_message();
  message.mutable_stop()->set_target(static_cast<v1::StopTarget>(78));
  expect_invalid(message, "spec.stop.target", "78");
  message = small_message();
  v1::Constraint* constraint = message.add_constraints();
  constraint->set_key("role");
  expect_invalid(message, "spec.constraints.operator", "0");
  constraint->set_operator_(static_cast<v1::ConstraintOperator>(79));
  expect_invalid(message, "spec.constraints.operator", "79");
}

// What concerns waiting stays with the scheduler.
TEST(ConvertSpec, AWorkerIsNotToldHowAJobWaited) {
  JobSpec spec = test::full_spec();
  v1::JobSpec message = spec_to_proto(spec);
  EXPECT_FALSE(refuse_waiting(message).ok());
  clear_waiting(message);
  EXPECT_TRUE(refuse_waiting(message).ok());
  spec.priority = 0;
  spec.hold = false;
  spec.not_before.reset();
  spec.queue_time_limit.reset();
  spec.retry.reset();
  spec.array.reset();
  spec.dependencies.clear();
  EXPECT_EQ(spec_from_proto(message).value(), spec) << "and all else";
  for (const char* field : {"retry", "priority", "hold", "not_before_time", "queue_time_limit",
                            "array", "one_per_worker", "dependencies"}) {
    v1::JobSpec one = small_message();
    set_something(one, *v1::JobSpec::descriptor()->FindFieldByName(field));
    const auto refused = refuse_waiting(one);
    ASSERT_FALSE(refused.ok()) << field;
    EXPECT_EQ(refused.error().field, std::string("spec.") + field);
  }
}

TEST(ConvertSpec, ValuesOutOfBoundsAreInvalidByName) {
  v1::JobSpec message = small_message();
  message.mutable_resources()->set_memory_bytes(-5);
  expect_invalid(message, "spec.resources.memory_bytes", "-5");
  message = small_message();
  message.mutable_run_time_limit()->set_seconds(-6);
  expect_invalid(message, "spec.run_time_limit", "-6");
  message = small_message();
  message.set_priority(1001);
  expect_invalid(message, "spec.priority", "1001");
  message = small_message();
  message.mutable_queue_time_limit()->set_seconds(-6);
  expect_invalid(message, "spec.queue_time_limit", "-6");
  message = small_message();
  message.mutable_retry()->set_max_attempts(1001);
  expect_invalid(message, "spec.retry.max_attempts", "1001");
  message = small_message();
  message.mutable_retry()->add_on(v1::END_CAUSE_UNSPECIFIED);
  expect_invalid(message, "spec.retry.on", "0");
  message = small_message();
  (*message.mutable_resources()->mutable_counted())["gpu"] = 0;
  expect_invalid(message, "spec.resources.counted.gpu", "0");
  message = small_message();
  message.set_oom_policy(static_cast<v1::OomPolicy>(76));
  expect_invalid(message, "spec.oom_policy", "76");
  message = small_message();
  message.set_output_cap_bytes(-5);
  expect_invalid(message, "spec.output_cap_bytes", "-5");
  message = small_message();
  message.mutable_stop()->mutable_grace()->set_seconds(86401);
  expect_invalid(message, "spec.stop.grace", "86401");
  message = small_message();
  message.mutable_stop()->set_signal(-3);
  expect_invalid(message, "spec.stop.signal", "-3");
  expect_invalid(v1::JobSpec(), "spec.argv", "empty");
}

}  // namespace
}  // namespace takt::rpc
