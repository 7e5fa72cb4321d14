// SPDX-License-Identifier: Apache-2.0
// Times, states, ends and attempts between the API and the domain: nothing is lost on the way there
// and back, and what cannot be read is refused by name.
#include "rpc/convert.h"

#include <google/protobuf/util/message_differencer.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "rpc/convert_spec.h"
#include "unit/job/specs.h"
#include "unit/rpc/fill.h"

namespace takt::rpc {
namespace {

using google::protobuf::util::MessageDifferencer;
using test::fill;
using namespace std::chrono_literals;

TEST(ConvertDuration, WithinItsBounds) {
  struct Case {
    std::int64_t seconds;
    std::int32_t nanos;
    bool good;
  };
  constexpr auto kMax64 = std::numeric_limits<std::int64_t>::max();
  constexpr auto kMin64 = std::numeric_limits<std::int64_t>::min();
  const std::vector<Case> cases{{0, 0, true},
                                {10, 0, true},
                                {9, 999'999'999, true},
                                {10, 1000, false},
                                {11, 0, false},
                                {-1, 0, false},
                                {0, -1, false},
                                {1, -500, false},
                                {0, 1'000'000'000, false},
                                {kMax64, 0, false},
                                {kMin64, 0, false},
                                {kMax64, std::numeric_limits<std::int32_t>::max(), false}};
  for (const Case& c : cases) {
    google::protobuf::Duration message;
    message.set_seconds(c.seconds);
    message.set_nanos(c.nanos);
    const auto span = duration_from_proto(message, "grace", 10s);
    EXPECT_EQ(span.ok(), c.good) << c.seconds << " s " << c.nanos << " ns";
    if (span.ok()) {
      EXPECT_EQ(*span, seconds(c.seconds) + microseconds(c.nanos / 1000));
    } else {
      EXPECT_EQ(span.error().field, "grace");
      EXPECT_NE(span.error().message.find("10s"), std::string::npos) << span.error().message;
    }
  }
}

TEST(ConvertDuration, ThereAndBack) {
  for (const microseconds span : {0us, 1us, 999'999us, 1'000'000us, 86'400'000'000us})
    EXPECT_EQ(duration_from_proto(duration_to_proto(span), "f", 24h).value(), span);
}

TEST(ConvertTime, ThereAndBackToTheMicrosecond) {
  for (const std::int64_t us : {std::int64_t{0}, std::int64_t{1}, std::int64_t{999'999},
                                std::int64_t{1'795'000'000'123'456}})
    EXPECT_EQ(to_unix_us(time_from_proto(time_to_proto(from_unix_us(us)))), us);
}

TEST(ConvertTime, AnyNumbersAreReadWithoutHarm) {
  google::protobuf::Timestamp message;
  for (const std::int64_t seconds :
       {std::numeric_limits<std::int64_t>::max(), std::numeric_limits<std::int64_t>::min()}) {
    message.set_seconds(seconds);
    message.set_nanos(-1);
    EXPECT_EQ(time_from_proto(message), seconds > 0 ? kWallTimeMax : kWallTimeMin);
  }
}

TEST(ConvertTime, WhatIsWrittenIsWellFormed) {
  for (const WallTime time : {WallTime::max(), WallTime::min(), WallTime(microseconds(-1))})
    EXPECT_TRUE(time_to_proto(time).nanos() >= 0 &&
                time_to_proto(time).seconds() < 253'402'300'800);
  for (const microseconds span : {microseconds::max(), microseconds::min()})
    EXPECT_EQ(std::abs(duration_to_proto(span).seconds()), 315'576'000'000);
}

TEST(ConvertState, EveryStateAndNoOther) {
  for (int i = 0; i <= static_cast<int>(JobState::kStopped); ++i) {
    const auto state = static_cast<JobState>(i);
    EXPECT_EQ(state_from_proto(state_to_proto(state), "state").value(), state);
    EXPECT_TRUE(v1::JobState_IsValid(state_to_proto(state)));
  }
  for (const int value : {0, 9, -1, 1000}) {
    const auto state = state_from_proto(static_cast<v1::JobState>(value), "states");
    ASSERT_FALSE(state.ok()) << value;
    EXPECT_EQ(state.error().field, "states");
    EXPECT_NE(state.error().message.find(std::to_string(value)), std::string::npos);
  }
}

// Every text of a job in the domain is one that may have come from outside.
TEST(ConvertText, NothingThatGoesOutIsOtherThanUtf8) {
  const std::string bad = "caf\xc3";
  JobEnd end{.cause = EndCause::kStartFailed};
  for (std::string* text :
       {&end.failed_step, &end.field, &end.stopped_by, &end.reason, &end.detail, &end.note})
    *text = bad;
  Attempt attempt;
  for (std::string* text :
       {&attempt.worker_name, &attempt.boot_id, &attempt.unit, &attempt.cgroup, &attempt.user})
    *text = bad;
  attempt.end = end;
  attempt.remaining.push_back(
      {.pid = 1, .name = bad, .state = '\xc3', .wait_channel = bad, .waited = 1us});
  Job job;
  job.spec = std::make_shared<const JobSpec>();
  job.submitted_by = bad;
  job.stop_requested = StopRequest{bad, bad, {}, false};
  job.hold = Hold{bad, false};
  Part part;
  part.worker = bad;
  job.part = std::make_shared<const Part>(part);
  job.attempts.push_back(attempt);
  job.end = end;
  const v1::Job message = job_to_proto(job);
  EXPECT_EQ(test::bad_texts(message), "");
  v1::Job back;
  EXPECT_TRUE(back.ParseFromString(message.SerializeAsString()));
  EXPECT_EQ(back.attempts(0).remaining(0).name(), "caf?");
  // The test itself finds what is bad.
  back.set_held_by(bad);
  EXPECT_EQ(test::bad_texts(back), "held_by ");
}

JobEnd full_end(EndCause cause) {
  return {.cause = cause,
          .exit_code = 0,
          .signal = 9,
          .core_dumped = true,
          .failed_step = "exec",
          .error_number = 2,
          .field = "spec.argv",
          .stopped_by = "user alice",
          .reason = "wrong",
          .killed = true,
          .detail = "\"x\"",
          .note = "cleanup lost",
          .oom = OomKill{.scope = OomScope::kHost, .limit_bytes = 1, .peak_bytes = 2, .kills = 3},
          .run_time_limit = 7us};
}

TEST(ConvertEnd, EveryCauseWithAllOfItsData) {
  for (int i = 0; i <= static_cast<int>(EndCause::kPartsEnded); ++i) {
    const auto cause = static_cast<EndCause>(i);
    const JobEnd end = full_end(cause);
    EXPECT_EQ(end_from_proto(end_to_proto(end)).value(), end) << cause_name(cause);
    EXPECT_EQ(end_to_proto(end).message(), end_message(end));
    const JobEnd bare{.cause = cause};
    EXPECT_EQ(end_from_proto(end_to_proto(bare)).value(), bare) << cause_name(cause);
  }
}

TEST(ConvertEnd, CarriesEveryFieldOfTheMessage) {
  v1::JobEnd message;
  fill(message);
  message.mutable_run_time_limit()->set_nanos(7000);  // whole microseconds
  message.set_message(end_message(end_from_proto(message).value()));
  EXPECT_TRUE(MessageDifferencer::Equals(message, end_to_proto(end_from_proto(message).value())));
}

TEST(ConvertEnd, UnknownCausesAreInvalid) {
  for (const int cause : {0, 14, -1, 500}) {
    v1::JobEnd message;
    message.set_cause(static_cast<v1::EndCause>(cause));
    const auto end = end_from_proto(message);
    ASSERT_FALSE(end.ok()) << cause;
    EXPECT_EQ(end.error().field, "end.cause");
    EXPECT_NE(end.error().message.find(std::to_string(cause)), std::string::npos);
  }
}

v1::Attempt full_attempt() {
  v1::Attempt message;
  fill(message);
  message.set_job_id(Uuid::random().str());
  message.set_worker_id(Uuid::random().str());
  message.mutable_end()->mutable_run_time_limit()->set_nanos(7000);
  message.mutable_end()->set_message(end_message(end_from_proto(message.end()).value()));
  for (auto* time : {message.mutable_start_time(), message.mutable_end_time()})
    time->set_nanos(7000);
  for (auto* span :
       {message.mutable_usage()->mutable_cpu_user(), message.mutable_usage()->mutable_cpu_system(),
        message.mutable_usage()->mutable_wall(), message.mutable_remaining(0)->mutable_waited()})
    span->set_nanos(7000);
  message.mutable_remaining(0)->set_state("D");
  return message;
}

TEST(ConvertAttempt, CarriesEveryFieldOfTheMessage) {
  const v1::Attempt message = full_attempt();
  const v1::Attempt back = attempt_to_proto(attempt_from_proto(message).value());
  EXPECT_TRUE(MessageDifferencer::Equals(message, back)) << message.DebugString() << "\n"
                                                         << back.DebugString();
}

TEST(ConvertAttempt, WhatIsUnknownStaysAbsent) {
  Attempt attempt;
  attempt.id = {Uuid::random(), 1};
  const v1::Attempt message = attempt_to_proto(attempt);
  EXPECT_FALSE(message.has_usage());
  EXPECT_FALSE(message.has_start_time());
  EXPECT_FALSE(message.has_end_time());
  EXPECT_FALSE(message.has_end());
  EXPECT_EQ(message.worker_id(), "");
  const Attempt back = attempt_from_proto(message).value();
  EXPECT_EQ(back.usage, Usage());
  EXPECT_FALSE(back.start_time || back.end_time || back.end);
  EXPECT_TRUE(back.worker_id.is_nil());
}

TEST(ConvertAttempt, ZeroIsNotUnknown) {
  Attempt attempt;
  attempt.id = {Uuid::random(), 1};
  attempt.usage.stdout_bytes = 0;
  attempt.usage.cpu_user = 0us;
  EXPECT_EQ(attempt_from_proto(attempt_to_proto(attempt)).value().usage, attempt.usage);
}

TEST(ConvertAttempt, MalformedOnesAreInvalidByName) {
  const auto refused = [](const std::function<void(v1::Attempt&)>& spoil) {
    v1::Attempt message = full_attempt();
    spoil(message);
    const auto attempt = attempt_from_proto(message);
    return attempt.ok() ? "" : attempt.error().field;
  };
  EXPECT_EQ(refused([](v1::Attempt& a) { a.set_job_id("six"); }), "attempt.job_id");
  EXPECT_EQ(refused([](v1::Attempt& a) { a.set_worker_id("six"); }), "attempt.worker_id");
  EXPECT_EQ(refused([](v1::Attempt& a) { a.set_number(0); }), "attempt.number");
  EXPECT_EQ(refused([](v1::Attempt& a) { a.set_number(-2); }), "attempt.number");
  EXPECT_EQ(refused([](v1::Attempt& a) { a.clear_state(); }), "attempt.state");
  EXPECT_EQ(refused([](v1::Attempt& a) { a.set_state(static_cast<v1::JobState>(55)); }),
            "attempt.state");
  EXPECT_EQ(refused([](v1::Attempt& a) { a.mutable_end()->clear_cause(); }), "end.cause");
}

TEST(ConvertAttempt, StateAndEndAreThoseOfAnAttemptOnAWorker) {
  const auto field_of = [](v1::JobState state, std::optional<v1::EndCause> cause) {
    v1::Attempt message = full_attempt();
    message.set_state(state);
    message.clear_end();
    if (cause) message.mutable_end()->set_cause(*cause);
    const auto attempt = attempt_from_proto(message);
    return attempt.ok() ? "" : attempt.error().field;
  };
  for (const auto state :
       {v1::JOB_STATE_STARTING, v1::JOB_STATE_RUNNING, v1::JOB_STATE_PAUSED, v1::JOB_STATE_ENDING})
    EXPECT_EQ(field_of(state, {}), "") << state;
  for (const auto state :
       {v1::JOB_STATE_QUEUED, v1::JOB_STATE_SUCCEEDED, v1::JOB_STATE_FAILED, v1::JOB_STATE_STOPPED})
    EXPECT_EQ(field_of(state, {}), "attempt.state") << state;
  for (const auto cause : {v1::END_CAUSE_QUEUE_TIMED_OUT, v1::END_CAUSE_DEPENDENCY_FAILED,
                           v1::END_CAUSE_REJECTED, v1::END_CAUSE_PARTS_ENDED})
    EXPECT_EQ(field_of(v1::JOB_STATE_FAILED, cause), "end.cause") << cause;
  EXPECT_EQ(field_of(v1::JOB_STATE_RUNNING, v1::END_CAUSE_WORKER_LOST), "");
}

TEST(ConvertAttempt, TextsOfAnyLengthAreKeptWithinLimits) {
  const std::string text(100'000, 'x');
  v1::Attempt message = full_attempt();
  for (auto* field : {message.mutable_worker_name(), message.mutable_boot_id(),
                      message.mutable_unit(), message.mutable_cgroup(), message.mutable_user(),
                      message.mutable_remaining(0)->mutable_name(),
                      message.mutable_remaining(0)->mutable_wait_channel()})
    *field = text;
  const auto attempt = attempt_from_proto(message);
  ASSERT_TRUE(attempt.ok()) << attempt.error().message;
  EXPECT_LT(attempt_to_proto(*attempt).ByteSizeLong(), 8'000U);
}

TEST(ConvertAttempt, AnyUsageIsReadWithoutHarm) {
  v1::Attempt message = full_attempt();
  message.mutable_usage()->mutable_cpu_user()->set_seconds(
      std::numeric_limits<std::int64_t>::max());
  message.mutable_usage()->mutable_cpu_system()->set_seconds(
      std::numeric_limits<std::int64_t>::min());
  const Usage usage = attempt_from_proto(message).value().usage;
  EXPECT_GT(usage.cpu_user.value(), 0us);
  EXPECT_LT(usage.cpu_system.value(), 0us);
}

TEST(ConvertJob, TellsAllThatIsKnown) {
  Job job;
  job.id = Uuid::random();
  job.revision = 17;
  job.spec = std::make_shared<const JobSpec>(test::full_spec());
  job.state = JobState::kStopped;
  job.submit_time = from_unix_us(1'000'001);
  job.submitted_by = "user alice";
  job.stop_requested = StopRequest{.by = "user bob", .reason = "wrong", .grace = {}};
  job.attempts.resize(2);
  job.end = full_end(EndCause::kStopped);
  job.end_time = from_unix_us(2'000'002);
  const v1::Job message = job_to_proto(job);
  EXPECT_EQ(message.job_id(), job.id.str());
  EXPECT_EQ(message.revision(), 17);
  EXPECT_EQ(spec_from_proto(message.spec()).value(), *job.spec);
  EXPECT_EQ(message.state(), v1::JOB_STATE_STOPPED);
  EXPECT_EQ(time_from_proto(message.submit_time()), job.submit_time);
  EXPECT_EQ(message.submitted_by(), "user alice");
  EXPECT_EQ(message.stop_requested_by(), "user bob");
  EXPECT_EQ(message.attempts_size(), 2);
  EXPECT_EQ(end_from_proto(message.end()).value(), *job.end);
  EXPECT_EQ(time_from_proto(message.end_time()), *job.end_time);
}

}  // namespace
}  // namespace takt::rpc
