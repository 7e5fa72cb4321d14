// SPDX-License-Identifier: Apache-2.0
// Writes real records into a corpus: fuzz_seeds tests/fuzz/corpus. Seeds that are there already are
// left alone, so that those of older versions stay; give new kinds of records a name of their own.
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>

#include "attempt/contact.h"
#include "attempt/control.h"
#include "attempt/folder.h"
#include "attempt/plan.h"
#include "attempt/records.h"
#include "base/clock_guard.h"
#include "compat/records.h"
#include "rpc/convert_spec.h"
#include "rpc/settings_ack.h"
#include "rpc/status.h"
#include "takt/v1/job_service.pb.h"
#include "takt/v1/registry_service.pb.h"
#include "takt/v1/worker_service.pb.h"
#include "unit/job/specs.h"
#include "worker/acceptance.h"

namespace takt::fuzz {
namespace {

constexpr const char* kJob = "6f0b2c1e-8d3f-4f0e-9a57-0c1f7f7f2b61";
const WallTime kTime = from_unix_us(1'795'000'000'123'456);

std::filesystem::path corpus;

void put(const std::string& fuzzer, const std::string& name, const std::string& bytes) {
  std::filesystem::create_directories(corpus / fuzzer);
  const auto path = corpus / fuzzer / name;
  if (std::filesystem::exists(path)) return;
  std::ofstream(path, std::ios::binary) << bytes;
}

void put_supervisor_records() {
  attempt::SupervisorRecord record{.pid = 4711,
                                   .start_ticks = 123456,
                                   .boot_id = kJob,
                                   .launcher = attempt::Launcher::kScope,
                                   .unit = attempt::unit_name({*Uuid::parse(kJob), 1}),
                                   .cgroup_path = "/takt.slice/takt-jobs.slice/a\n%b",
                                   .cgroup_inode = 99};
  put("supervisor_record", "parked", encode(record));
  record.go_time = kTime;
  record.leader_pid = 4712;
  record.launcher = attempt::Launcher::kCgroup;
  put("supervisor_record", "running", encode(record));
  record.go_boot_time = BootTime(seconds(100));
  record.paused = seconds(2);
  record.ending_cause = attempt::EndCause::kTimedOut;
  put("supervisor_record", "timed_out", encode(record));
  record.leader_status = 9;
  record.leader_end_time = kTime + seconds(5);
  put("supervisor_record", "leader_ended", encode(record));
  put("supervisor_record", "half_a_line", encode(record) + "leader=0 17950");
}

void put_stop_records() {
  put("stop_record", "plain", encode(attempt::StopRecord()));
  put("stop_record", "full",
      encode(attempt::StopRecord{.cause = attempt::StopCause::kHostShutdown,
                                 .by = "user alice",
                                 .reason = "line one\nline two",
                                 .grace = seconds(3)}));
}

void put_exit_records() {
  attempt::ExitRecord record{.wait_status = 256, .start_time = kTime, .end_time = kTime};
  put("exit_record", "exited", encode(record));
  record.cause = attempt::EndCause::kStopped;
  record.stop_by = "root";
  record.stop_reason = "maintenance";
  record.sigkill_needed = true;
  record.cpu_user = microseconds(17);
  record.cpu_system = microseconds(4);
  record.memory_peak_bytes = 1 << 20;
  record.tasks_peak = 3;
  record.io_read_bytes = 4096;
  record.io_write_bytes = 0;
  record.stdout_totals = {
      .bytes = 9, .truncated_bytes = 1, .lost_bytes = 2, .spared_bytes = 1, .error_number = 28};
  record.stragglers_killed = 2;
  record.note = "cleanup lost";
  put("exit_record", "stopped", encode(record));
  record.cause = attempt::EndCause::kOomKilled;
  record.oom_scope = "job";
  record.oom_kills = 3;
  record.memory_limit_bytes = 1 << 20;
  put("exit_record", "oom_killed", encode(record));
  record.cause = attempt::EndCause::kTimedOut;
  record.run_time_limit = microseconds(5'000'000);
  put("exit_record", "timed_out", encode(record));
  attempt::ExitRecord failed{.cause = attempt::EndCause::kStartFailed,
                             .failed_step = "exec",
                             .failed_errno = 2,
                             .failed_field = "argv"};
  put("exit_record", "start_failed", encode(failed));
  put("exit_record", "worker_lost",
      encode(attempt::ExitRecord{.cause = attempt::EndCause::kWorkerLost}));
}

void put_plans() {
  attempt::LaunchPlan plan{.job_id = kJob, .attempt = 1, .argv = {"/bin/true"}};
  put("plan", "small", *attempt::encode_plan(plan));
  plan.groups = {4, 24};
  plan.argv.emplace_back("two words");
  plan.environment = {"A=1", "TAKT_JOB_ID=x"};
  plan.search_path = "/usr/bin:/bin";
  plan.working_directory = "/srv";
  plan.fallback_directories = {"/home/a", "/"};
  plan.stdin_data = std::string("in\0put", 6);
  plan.rlimits = {{.resource = 7, .soft = 1024, .hard = ~0ULL, .required = true}};
  plan.syslog_identifier = "job";
  plan.limits = {.memory_bytes = 1 << 20, .swap_bytes = 4096, .tasks = 7, .cpu_weight = 50};
  plan.run_time_limit = microseconds(5'000'000);
  plan.lease = seconds(10);
  plan.contact_path = "/state/contact.x";
  plan.last_contact = BootTime(seconds(3));
  put("plan", "full", *attempt::encode_plan(plan));
}

void put_contacts() {
  put("contact", "some", attempt::encode_contact(kJob, BootTime(seconds(3))));
  put("contact", "first", attempt::encode_contact(kJob, BootTime()));
}

void put_clocks() {
  const ClockReading reading{kTime, BootTime(seconds(3)), kJob};
  put("clock", "confirmed", encode(reading));
  put("clock", "believed", encode(ClockGuard::Memory{.trusted = reading, .other = {}}));
  put("clock", "jumped",
      encode(ClockGuard::Memory{.trusted = reading, .other = reading, .agreed = seconds(9)}));
}

void put_messages() {
  const attempt::Message messages[] = {attempt::SpawnRequest{.number = 7},
                                       attempt::SpawnAnswer{.number = 7, .pid = 4711},
                                       attempt::Prepare{.launcher = attempt::Launcher::kCgroup},
                                       attempt::Ready{.cgroup_path = "/a/b", .cgroup_inode = 5},
                                       attempt::Failed{.step = "limits",
                                                       .field = "spec.resources.tasks",
                                                       .error_number = 28,
                                                       .text = "no space"},
                                       attempt::Go{},
                                       attempt::Started{.leader = 4712, .start_time = kTime},
                                       attempt::Ending{},
                                       attempt::Ended{}};
  for (const attempt::Message& message : messages)
    put("control", "type_" + std::to_string(message.index()), attempt::encode_message(message));
}

void put_specs() {
  put("spec", "small", encode_spec(test::small_spec()));
  put("spec", "full_5", encode_spec(test::full_spec()));
  worker::Acceptance taken{.owner = worker::kDirectOwner,
                           .boot_id = kJob,
                           .submitted_by = "user alice",
                           .user = "nobody",
                           .caller_uid = 1000,
                           .accept_time = kTime,
                           .spec = test::small_spec()};
  put("acceptance", "direct", encode(taken));
  taken.owner = kJob;
  taken.spec = test::full_spec();
  put("acceptance", "of_a_scheduler_5", encode(taken));
}

void put_wire() {
  put("wire_spec", "small", rpc::spec_to_proto(test::small_spec()).SerializeAsString());
  put("wire_spec", "full", rpc::spec_to_proto(test::full_spec()).SerializeAsString());
  v1::SessionResponse said;
  v1::WorkerHello& hello = *said.mutable_hello();
  hello.set_worker_id(kJob);
  hello.set_boot_id(kJob);
  hello.set_session_number(3);
  hello.set_name("one");
  hello.set_version("0.1.0");
  hello.mutable_capacity()->set_slots(16);
  hello.mutable_capacity()->add_launchers(v1::LAUNCHER_SCOPE);
  put("wire_session", "hello", said.SerializeAsString());
  v1::Attempt& attempt = *said.mutable_report()->mutable_attempt();
  attempt.set_job_id(kJob);
  attempt.set_number(1);
  attempt.set_state(v1::JOB_STATE_FAILED);
  attempt.mutable_end()->set_cause(v1::END_CAUSE_EXITED);
  attempt.mutable_end()->set_exit_code(3);
  put("wire_session", "ended", said.SerializeAsString());
  v1::AttemptUsage& usage = *said.mutable_usages()->add_usages();
  usage.set_job_id(kJob);
  usage.set_attempt(1);
  usage.mutable_usage();
  usage.add_remaining();
  put("wire_session", "usage", said.SerializeAsString());
  v1::SessionRequest asked;
  asked.mutable_start()->set_job_id(kJob);
  asked.mutable_start()->set_attempt(1);
  *asked.mutable_start()->mutable_spec() = rpc::spec_to_proto(test::small_spec());
  put("wire_session", "start", asked.SerializeAsString());
  asked.mutable_stop()->set_job_id(kJob);
  asked.mutable_stop()->set_reason("enough");
  asked.mutable_stop()->mutable_grace();
  put("wire_session", "stop", asked.SerializeAsString());
  v1::RegisterWorkerRequest registration;
  registration.set_worker_id(kJob);
  registration.set_name("one");
  registration.set_address("unix:/run/takt/worker.sock");
  registration.set_boot_id(kJob);
  put("wire_session", "registration", registration.SerializeAsString());
  put("certificate", "names", "https://example.org/\ntakt://user/alice");
}

void put_lists() {
  v1::ListJobsRequest list;
  list.set_page_size(2);
  put("wire_list", "page", list.SerializeAsString());
  list.set_page_token("8");
  list.set_user("alice");
  list.add_states(v1::JOB_STATE_QUEUED);
  list.add_states(v1::JOB_STATE_STOPPED);
  put("wire_list", "states", list.SerializeAsString());
  (*list.mutable_labels())["k"] = "v";
  list.mutable_since_time()->set_seconds(1'700'000'002);
  list.mutable_until_time()->set_seconds(1'700'000'010);
  put("wire_list", "labels", list.SerializeAsString());
  v1::ListJobsRequest parts;
  parts.set_part_of("00000000-0000-4000-8000-000000000019");
  parts.set_name("a");
  put("wire_list", "parts", parts.SerializeAsString());
  v1::ListJobsRequest of_worker;
  of_worker.set_worker("w1");
  of_worker.set_page_token(kJob + std::string("one"));
  put("wire_list", "worker", of_worker.SerializeAsString());
  of_worker.set_page_token(kJob + std::string(".7"));
  put("wire_list", "attempt", of_worker.SerializeAsString());
}

void put_statuses() {
  const auto put_status = [](const std::string& name, const Error& error) {
    const grpc::Status status = rpc::to_status(error);
    std::string bytes(1, static_cast<char>(status.error_code() - 1));
    std::string message = status.error_message();
    message.resize((message.size() + 7) / 8 * 8, ' ');
    bytes += static_cast<char>(message.size() / 8);
    put("wire_status", name, bytes + message + status.error_details());
  };
  put_status("not_found", make_error(ErrorCode::kNotFound, "no job has that name"));
  Error invalid_spec = invalid("spec.name", "is too long");
  invalid_spec.more.push_back(invalid("spec.argv", "is empty"));
  put_status("invalid", invalid_spec);
  put_status("system", system_error("open a file", 13));
  put("wire_status", "bare", std::string("\x0d\x00", 2));
}

void put_first_bytes() {
  const std::string preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
  const std::string settings = rpc::settings_frame(100);
  const std::string ack("\0\0\0\4\1\0\0\0\0", 9);
  put("first_bytes", "acknowledged", preface + settings + ack);
  put("first_bytes", "not_yet", preface + settings);
  put("first_bytes", "other", "GET / HTTP/1.1\r\n\r\n");
}

void put_old_records() {
  const Uuid id = *Uuid::parse(kJob);
  put("old_records", "worker",
      encode(compat::OldWorkerRecord{.id = id, .address = "host:50051", .register_time = kTime}));
  compat::OldAttempt attempt{.id = {id, 2}};
  put("old_records", "intent", encode(attempt));
  attempt.stage = compat::OldStage::kRunning;
  attempt.old_id = "job-1";
  attempt.start_time = kTime;
  attempt.stop = StopRequest{.by = "user alice", .reason = "enough"};
  put("old_records", "running", encode(attempt));
  attempt.stage = compat::OldStage::kEnded;
  attempt.end = JobEnd{.cause = EndCause::kExited, .exit_code = 3, .note = "late"};
  attempt.end_time = kTime;
  put("old_records", "ended", encode(attempt));
}

void put_names() {
  const attempt::AttemptName name{.job_id = *Uuid::parse(kJob), .number = 4294967295};
  put("names", "link", attempt::link_name(name));
  put("names", "unit", attempt::unit_name(name));
  put("names", "id", kJob);
  put("names", "upper_case", "6F0B2C1E-8D3F-4F0E-9A57-0C1F7F7F2B61");
}

void put_texts() {
  put("key_values", "lines", "version=1\ngrace_us=5\nreason=a%0Ab%\nversion=2\nhalf");
  put("cgroup_files", "cpu.stat", "usage_usec 30\nuser_usec 20\nsystem_usec 10\n");
  put("cgroup_files", "memory.events", "low 0\nhigh 0\nmax 3\noom 1\noom_kill 2\n");
  put("cgroup_files", "memory.peak", "1048576\n");
  put("cgroup_files", "pids.max", "max\n");
  put("cgroup_files", "cgroup.procs", "0\n1\n4711\n");
  put("cgroup_files", "io.stat", "8:0 rbytes=4096 wbytes=0 rios=1\n8:16 rbytes=1 wbytes=2\n");
  put("cgroup_files", "proc_cgroup", "1:name=systemd:/x\n0::/a/b c (deleted)\n");
  put("cgroup_files", "mountinfo",
      "30 25 0:26 / /sys/fs/cgroup\\040x rw,nosuid shared:4 - cgroup2 cgroup2 rw\n");
  put("units", "size", "1.5GiB");
  put("units", "span", "1h 30min");
  put("units", "millicores", "0.25");
  put("units", "integer", "-5");
  put("units", "switch", "off");
  put("ini", "good", "# a\n[worker]\nname = a ; b\nlabels=x = y\r\n[jobs]\nslots = 4\n");
  put("ini", "bad", "\xEF\xBB\xBFx = 1\n[nope]\na = b\n[worker] y\n c = d\n[jobs\n= 3\nk: v\n");
  put("lines", "pieces", std::string("\x07\x02one\ntwo two two two\n\nthree", 29));
}

}  // namespace
}  // namespace takt::fuzz

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: fuzz_seeds CORPUS\n");
    return 2;
  }
  takt::fuzz::corpus = argv[1];
  takt::fuzz::put_supervisor_records();
  takt::fuzz::put_stop_records();
  takt::fuzz::put_exit_records();
  takt::fuzz::put_plans();
  takt::fuzz::put_contacts();
  takt::fuzz::put_clocks();
  takt::fuzz::put_messages();
  takt::fuzz::put_specs();
  takt::fuzz::put_wire();
  takt::fuzz::put_lists();
  takt::fuzz::put_statuses();
  takt::fuzz::put_first_bytes();
  takt::fuzz::put_old_records();
  takt::fuzz::put_names();
  takt::fuzz::put_texts();
  return 0;
}
