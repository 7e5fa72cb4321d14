// SPDX-License-Identifier: Apache-2.0
// Jobs from submit to end, through both daemons.
#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <future>
#include <set>
#include <string>
#include <vector>

#include "base/uuid.h"
#include "component/fleet.h"

namespace takt::component {
namespace {

using Jobs = Fleet;

TEST_F(Jobs, SubmitOutputEnd) {
  add_worker("one");
  v1::JobSpec spec = sh("echo hello; echo oops >&2; id -un; pwd; echo $GREETING; exit 3");
  spec.set_name("first");
  spec.set_working_directory("/");
  v1::EnvironmentVariable* variable = spec.add_environment();
  variable->set_name("GREETING");
  variable->set_value("hi there");
  const std::string job = submit(spec);
  const Output output = follow(job);
  EXPECT_TRUE(output.status.ok()) << output.status.error_message();
  EXPECT_TRUE(output.complete);
  EXPECT_EQ(output.attempt, 1);
  EXPECT_EQ(output.out, "hello\nnobody\n/\nhi there\n");
  EXPECT_EQ(output.err, "oops\n");
  const v1::Job found = ended(job);
  EXPECT_EQ(found.state(), v1::JOB_STATE_FAILED);
  EXPECT_EQ(found.end().cause(), v1::END_CAUSE_EXITED);
  EXPECT_EQ(found.end().exit_code(), 3);
  EXPECT_EQ(found.submitted_by(), "user root");
  ASSERT_EQ(found.attempts_size(), 1);
  const v1::Attempt& attempt = found.attempts(0);
  EXPECT_EQ(attempt.worker_name(), "one");
  EXPECT_EQ(attempt.user(), "nobody");
  EXPECT_EQ(attempt.usage().stdout_bytes(), static_cast<std::int64_t>(output.out.size()));
  EXPECT_EQ(attempt.usage().stderr_bytes(), static_cast<std::int64_t>(output.err.size()));
  EXPECT_LE(attempt.start_time().seconds(), attempt.end_time().seconds());
}

TEST_F(Jobs, AScriptWithArgumentsAndStdin) {
  add_worker("one");
  v1::JobSpec spec;
  spec.set_script("#!/bin/sh -u\necho \"$1|$2\"\ncat\n");
  spec.add_argv("a b");
  spec.add_argv("");
  spec.set_stdin_data(std::string("in\0put", 6));
  const Output output = follow(submit(spec));
  EXPECT_EQ(output.out, std::string("a b|\nin\0put", 11)) << output.err;
}

TEST_F(Jobs, AScriptIsReadByItsUserOnly) {
  add_worker("one");
  v1::JobSpec spec;
  spec.set_script("#!/bin/sh\nstat -c '%U %a' \"$0\"\n");
  EXPECT_EQ(follow(submit(spec)).out, "nobody 400\n");
}

TEST_F(Jobs, ItRunsInAnEnvironmentOfItsOwn) {
  add_worker("one");
  const std::string job =
      submit(sh("ulimit -Sn; umask; ls -A /proc/self/fd; cat "
                "/proc/self/oom_score_adj; grep NoNewPrivs /proc/self/status; "
                "env | grep -c TAKT_"));
  EXPECT_EQ(follow(job).out, "1024\n0022\n0\n1\n2\n3\n0\nNoNewPrivs:\t1\n3\n");
}

TEST_F(Jobs, AFailedStartNamesItsStepAndField) {
  add_worker("one");
  v1::JobSpec exec;
  exec.add_argv("no-such-program");
  v1::JobSpec folder = sh("true");
  folder.set_working_directory("/no/such/folder");
  v1::JobSpec user = sh("true");
  user.set_user("no-such-user");
  v1::JobSpec root = sh("true");
  root.set_user("root");
  struct Case {
    v1::JobSpec spec;
    std::string step;
    std::string field;
  };
  for (const Case& c : std::vector<Case>{{exec, "exec", "spec.argv"},
                                         {folder, "chdir", "spec.working_directory"},
                                         {user, "user", "spec.user"},
                                         {root, "policy", "spec.user"}}) {
    const v1::Job found = ended(submit(c.spec));
    EXPECT_EQ(found.state(), v1::JOB_STATE_FAILED) << c.step;
    EXPECT_EQ(found.end().cause(), v1::END_CAUSE_START_FAILED) << c.step;
    EXPECT_EQ(found.end().failed_step(), c.step);
    EXPECT_EQ(found.end().field(), c.field);
    EXPECT_FALSE(found.end().message().empty());
    EXPECT_FALSE(found.attempts(0).has_start_time()) << c.step;
  }
}

TEST_F(Jobs, ARequestThatComesAgainIsTheSameJob) {
  add_worker("one");
  const v1::JobSpec spec = sh("echo ran >> " + shared("witness"));
  std::set<std::string> ids;
  std::vector<std::future<std::string>> calls;
  for (int i = 0; i < 8; ++i) {
    calls.push_back(std::async(std::launch::async, [&] {
      std::string job;
      const grpc::Status status = try_submit(spec, "request-1", job);
      EXPECT_TRUE(status.ok()) << status.error_message();
      return job;
    }));
  }
  for (auto& call : calls) ids.insert(call.get());
  ASSERT_EQ(ids.size(), 1U);
  ended(*ids.begin());
  std::string again;
  EXPECT_TRUE(try_submit(spec, "request-1", again).ok());
  EXPECT_EQ(again, *ids.begin()) << "also after its end";
  EXPECT_EQ(read_shared("witness"), "ran\n");
  EXPECT_EQ(try_submit(sh("echo other"), "request-1", again).error_code(),
            grpc::StatusCode::ALREADY_EXISTS);
}

TEST_F(Jobs, FieldsThatAreNotHonouredAreRefusedByName) {
  std::string job;
  v1::JobSpec newer = sh("true");
  newer.GetReflection()->MutableUnknownFields(&newer)->AddVarint(9999, 1);
  EXPECT_EQ(try_submit(newer, "", job).error_code(), grpc::StatusCode::UNIMPLEMENTED);
  v1::JobSpec within = sh("true");
  v1::StopPolicy* policy = within.mutable_stop();
  policy->GetReflection()->MutableUnknownFields(policy)->AddVarint(9999, 1);
  EXPECT_EQ(try_submit(within, "", job).error_code(), grpc::StatusCode::UNIMPLEMENTED);
  const grpc::Status empty = try_submit(v1::JobSpec(), "", job);
  EXPECT_EQ(empty.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_NE(empty.error_message().find("spec.argv"), std::string::npos);
}

TEST_F(Jobs, ABurstRunsEachOnce) {
  constexpr int kCount = 200;
  add_worker("one");
  std::vector<v1::JobSpec> specs;
  for (int i = 0; i < kCount; ++i)
    specs.push_back(sh("echo ran >> " + shared("w" + std::to_string(i)) + "; echo out" +
                       std::to_string(i) + "; exit " + std::to_string(i % 7)));
  const std::vector<std::string> ids = submit_all(specs);
  ASSERT_EQ(ids.size(), specs.size());
  for (int i = 0; i < kCount; ++i) {
    const v1::Job found = ended(ids[static_cast<std::size_t>(i)]);
    EXPECT_EQ(found.end().exit_code(), i % 7) << found.end().message();
    EXPECT_EQ(found.attempts_size(), 1);
    EXPECT_EQ(read_shared("w" + std::to_string(i)), "ran\n");
  }
  for (const int i : {0, 99, 199})
    EXPECT_EQ(follow(ids[static_cast<std::size_t>(i)]).out, "out" + std::to_string(i) + "\n");
}

// --- stopping ---

TEST_F(Jobs, StoppedInTheQueueItNeverRuns) {
  const std::string job = submit(sh("echo ran > " + shared("witness")));
  const v1::StopJobResponse stopped = stop(job, "changed my mind");
  EXPECT_EQ(stopped.state(), v1::JOB_STATE_STOPPED);
  const v1::Job found = get(job);
  EXPECT_EQ(found.end().cause(), v1::END_CAUSE_STOPPED);
  EXPECT_EQ(found.end().reason(), "changed my mind");
  EXPECT_EQ(found.end().stopped_by(), "user root");
  EXPECT_EQ(found.attempts_size(), 0);
  add_worker("one");
  EXPECT_EQ(ended(submit(sh("true"))).state(), v1::JOB_STATE_SUCCEEDED);
  EXPECT_EQ(read_shared("witness"), "");
}

TEST_F(Jobs, StoppedBeforeGoItNeverRuns) {
  WorkerProcess& worker = add_worker("one");
  ended(submit(sh("true")));
  // With its spawner stopped, a start gets no further than asking for a supervisor.
  const pid_t spawner = worker.spawner();
  ASSERT_GT(spawner, 0);
  ASSERT_EQ(::kill(spawner, SIGSTOP), 0);
  const std::string job = submit(sh("echo ran > " + shared("witness")));
  ASSERT_TRUE(eventually([&] { return worker.active().size() == 1; }));
  stop(job, "too late?");
  // Commands come in order: once the next start has come, the stop has.
  const std::string next = submit(sh("true"));
  ASSERT_TRUE(eventually([&] {
    const auto active = worker.active();
    return std::find(active.begin(), active.end(), next + ".1") != active.end();
  }));
  ASSERT_EQ(::kill(spawner, SIGCONT), 0);
  const v1::Job found = ended(job);
  EXPECT_EQ(found.state(), v1::JOB_STATE_STOPPED) << found.end().message();
  EXPECT_EQ(found.end().reason(), "too late?");
  EXPECT_EQ(ended(next).state(), v1::JOB_STATE_SUCCEEDED);
  EXPECT_FALSE(found.attempts(0).has_start_time());
  EXPECT_EQ(read_shared("witness"), "");
}

// A tree that resists: setsid, signals ignored, output closed.
constexpr const char* kStubborn = R"(
setsid sh -c 'trap "" TERM HUP; exec sleep 1000' &
(setsid sh -c 'trap "" TERM HUP INT; exec >&- 2>&- <&-; sleep 1001' & )
trap '' TERM
echo up > "$UP"
sleep 1002 & wait; sleep 1003
)";

TEST_F(Jobs, StoppedWhileRunningTheWholeTreeGoes) {
  WorkerProcess& worker = add_worker("one");
  v1::JobSpec spec = sh(kStubborn);
  v1::EnvironmentVariable* up = spec.add_environment();
  up->set_name("UP");
  up->set_value(shared("up"));
  spec.mutable_stop()->mutable_grace()->set_nanos(300'000'000);
  const std::string job = submit(spec);
  ASSERT_TRUE(wait_state(job, v1::JOB_STATE_RUNNING));
  ASSERT_TRUE(eventually([&] { return read_shared("up") == "up\n"; })) << "it resists from here on";
  stop(job, "first");
  const v1::StopJobResponse again = stop(job, "second");
  EXPECT_EQ(again.job_id(), job);
  const v1::Job found = ended(job);
  EXPECT_EQ(found.state(), v1::JOB_STATE_STOPPED);
  EXPECT_EQ(found.end().reason(), "first") << "the first stop counts";
  EXPECT_TRUE(found.end().killed());
  EXPECT_FALSE(worker.populated());
  const v1::StopJobResponse late = stop(job, "third");
  EXPECT_EQ(late.state(), v1::JOB_STATE_STOPPED);
  EXPECT_EQ(get(job).end().reason(), "first") << "stopping an ended job changes nothing";
}

TEST_F(Jobs, AJobThatEndsWithinItsGraceIsStoppedWithItsExitCode) {
  add_worker("one");
  // A signal interrupts wait cleanly; a redirection that it cuts would end the shell with 2.
  const std::string job = submit(sh("trap 'echo bye; exit 0' TERM; sleep 1000 & echo up > " +
                                    shared("up") + "; while :; do wait; done"));
  ASSERT_TRUE(eventually([&] { return read_shared("up") == "up\n"; }));
  stop(job, "enough");
  const v1::Job found = ended(job);
  EXPECT_EQ(found.state(), v1::JOB_STATE_STOPPED);
  EXPECT_EQ(found.end().exit_code(), 0);
  EXPECT_FALSE(found.end().killed());
  EXPECT_EQ(follow(job).out, "bye\n");
}

TEST_F(Jobs, AKilledSupervisorIsToldAsLostAndTakesTheTreeAlong) {
  WorkerProcess& worker = add_worker("one");
  const std::string job =
      submit(sh("setsid sleep 1000 & echo up > " + shared("up") + "; sleep 1000"));
  ASSERT_TRUE(eventually([&] { return read_shared("up") == "up\n"; }));
  const auto supervisors = test::children_of(worker.spawner());
  ASSERT_EQ(supervisors.size(), 1U);
  ASSERT_EQ(::kill(supervisors.front(), SIGKILL), 0);
  const v1::Job found = ended(job);
  EXPECT_EQ(found.state(), v1::JOB_STATE_FAILED);
  EXPECT_EQ(found.end().cause(), v1::END_CAUSE_SUPERVISOR_LOST) << found.end().message();
  EXPECT_FALSE(found.end().has_exit_code()) << "nobody saw one";
  EXPECT_FALSE(worker.populated());
}

TEST_F(Jobs, WhatOutlivesItsLeaderIsEndedAndCounted) {
  WorkerProcess& worker = add_worker("one");
  const std::string job = submit(sh("setsid sleep 1000 & setsid sleep 1000 & echo done"));
  const v1::Job found = ended(job);
  EXPECT_EQ(found.state(), v1::JOB_STATE_SUCCEEDED);
  EXPECT_EQ(found.attempts(0).usage().stragglers(), 2);
  EXPECT_FALSE(worker.populated());
  EXPECT_EQ(follow(job).out, "done\n");
}

}  // namespace
}  // namespace takt::component
