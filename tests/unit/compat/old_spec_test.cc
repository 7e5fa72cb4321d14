// SPDX-License-Identifier: Apache-2.0
#include "compat/old_spec.h"

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "compat/old_worker.h"
#include "job/spec.h"
#include "rpc/convert_spec.h"

namespace takt::compat {
namespace {

constexpr const char* kBy = "user root";

v1::JobSpec plain() {
  v1::JobSpec spec;
  spec.add_argv("sh");
  spec.add_argv("sub/job.sh");
  return spec;
}

TEST(OldSpec, ACommandWithOnePathFits) {
  v1::JobSpec spec = plain();
  spec.set_name("nightly");
  (*spec.mutable_labels())["a"] = "b";
  v1::Constraint* const constraint = spec.add_constraints();
  constraint->set_key("takt.compat");
  constraint->set_operator_(v1::CONSTRAINT_OPERATOR_EXISTS);
  const auto words = old_command_of(spec, kBy);
  ASSERT_TRUE(words.ok()) << words.error().message;
  EXPECT_EQ(words->command, "sh");
  EXPECT_EQ(words->path, "sub/job.sh");
  // As the scheduler sends it, with the defaults written out.
  const auto domain = rpc::spec_from_proto(spec);
  ASSERT_TRUE(domain.ok());
  EXPECT_TRUE(old_command_of(rpc::spec_to_proto(*domain), kBy).ok());
}

TEST(OldSpec, NothingElseDoes) {
  const std::map<std::string, std::function<void(v1::JobSpec&)>> changes{
      {"no path", [](auto& spec) { spec.mutable_argv()->RemoveLast(); }},
      {"an empty path", [](auto& spec) { spec.set_argv(1, ""); }},
      {"two paths", [](auto& spec) { spec.add_argv("x"); }},
      {"script", [](auto& spec) { spec.set_script("#!/bin/sh\n"); }},
      {"environment", [](auto& spec) { spec.add_environment()->set_name("A"); }},
      {"folder", [](auto& spec) { spec.set_working_directory("/tmp"); }},
      {"user", [](auto& spec) { spec.set_user("alice"); }},
      {"group", [](auto& spec) { spec.set_group("alice"); }},
      {"stdin", [](auto& spec) { spec.set_stdin_data("x"); }},
      {"stop signal", [](auto& spec) { spec.mutable_stop()->set_signal(2); }},
      {"grace", [](auto& spec) { spec.mutable_stop()->mutable_grace()->set_seconds(1); }},
      {"cap", [](auto& spec) { spec.set_output_cap_bytes(1 << 20); }},
      {"journal", [](auto& spec) { spec.set_journal(false); }},
      {"launcher", [](auto& spec) { spec.set_launcher(v1::LAUNCHER_SCOPE); }},
      {"array", [](auto& spec) { spec.mutable_array()->set_count(2); }},
      {"resources", [](auto& spec) { spec.mutable_resources()->set_tasks(1); }},
      {"time limit", [](auto& spec) { spec.mutable_run_time_limit()->set_seconds(1); }},
  };
  for (const auto& [what, change] : changes) {
    v1::JobSpec spec = plain();
    change(spec);
    EXPECT_FALSE(old_command_of(spec, kBy).ok()) << what;
  }
  v1::JobSpec three = plain();
  three.add_argv("x");
  EXPECT_EQ(old_command_of(three, kBy)
                .error()
                .message.find("an old worker can run only a command with one path"),
            0U);
}

TEST(OldSpec, AUsersOwnJobHasToNameOldWorkers) {
  v1::JobSpec spec = plain();
  spec.set_user("alice");
  const auto refused = old_command_of(spec, "user alice");
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.error().message.find("takt.compat=jobscheduler"), std::string::npos);
  v1::Constraint* const constraint = spec.add_constraints();
  const auto fits = [&](const char* key, v1::ConstraintOperator op) {
    constraint->set_key(key);
    constraint->set_operator_(op);
    constraint->clear_values();
    if (op != v1::CONSTRAINT_OPERATOR_EXISTS) constraint->add_values("x");
    return old_command_of(spec, "user alice").ok();
  };
  EXPECT_TRUE(fits("takt.compat", v1::CONSTRAINT_OPERATOR_EQUAL));
  EXPECT_TRUE(fits("takt.compat", v1::CONSTRAINT_OPERATOR_IN));
  EXPECT_TRUE(fits("takt.compat", v1::CONSTRAINT_OPERATOR_EXISTS));
  EXPECT_TRUE(fits("worker", v1::CONSTRAINT_OPERATOR_EQUAL));
  EXPECT_FALSE(old_command_of(spec, "user bob").ok()) << "alice was asked for";
  EXPECT_FALSE(old_command_of(spec, "").ok());
  EXPECT_FALSE(fits("takt.compat", v1::CONSTRAINT_OPERATOR_NOT_EQUAL));
  EXPECT_FALSE(fits("worker", v1::CONSTRAINT_OPERATOR_EXISTS));
  EXPECT_FALSE(fits("role", v1::CONSTRAINT_OPERATOR_EQUAL));
}

TEST(OldName, IsANameForAnyAddress) {
  EXPECT_EQ(old_worker_name("10.0.0.1:7000"), "jobscheduler@10.0.0.1:7000");
  const std::string long_one(300, 'a');
  for (const std::string_view address : {"[fe80::1%eth0]:1", "host:1", long_one.c_str()}) {
    const std::string name = old_worker_name(std::string(address));
    EXPECT_TRUE(validate_name(name, "name").ok()) << name;
  }
}

}  // namespace
}  // namespace takt::compat
