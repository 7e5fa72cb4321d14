// SPDX-License-Identifier: Apache-2.0
// A client of takt over gRPC for bench/run peers. Prints one line of JSON; every failure aborts,
// and so does a run of more than five minutes. Usage:
//   client starts SOCKET COUNT IN_FLIGHT cgroup|scope   direct StartJob calls on a worker
//   client first-byte SOCKET COUNT cgroup|scope         SubmitJob until the first byte of output
#include <grpcpp/grpcpp.h>
#include <unistd.h>

#include <cstdio>
#include <memory>
#include <semaphore>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "base/units.h"
#include "bench/timing.h"
#include "rpc/channel.h"
#include "takt/v1/job_service.grpc.pb.h"
#include "takt/v1/worker_service.grpc.pb.h"

namespace takt::bench {
namespace {

constexpr unsigned kPatienceSeconds = 300;
constexpr std::size_t kFollowed = 64;  // of the jobs started last: earlier ones end before them

int number(std::string_view text) {
  const auto parsed = parse_integer(text, "COUNT", 1, 1'000'000);
  TAKT_CHECK(parsed.ok(), "%s", parsed.error().message.c_str());
  return static_cast<int>(*parsed);
}

std::shared_ptr<grpc::Channel> connect(const std::string& socket) {
  auto channel = rpc::make_channel("unix:" + socket);
  TAKT_CHECK(channel.ok(), "%s", channel.error().message.c_str());
  return *channel;
}

void expect_ok(const grpc::Status& status) {
  TAKT_CHECK(status.ok(), "%s", status.error_message().c_str());
}

v1::JobSpec spec(std::string_view launcher, const std::vector<std::string>& argv) {
  v1::JobSpec spec;
  for (const std::string& argument : argv) spec.add_argv(argument);
  spec.set_journal(false);
  spec.set_launcher(launcher == "cgroup" ? v1::LAUNCHER_CGROUP : v1::LAUNCHER_SCOPE);
  return spec;
}

// One StartJob call, from its start to its answer.
struct StartCall {
  grpc::ClientContext context;
  v1::WorkerServiceStartJobResponse response;
};

// Returns once the attempt has ended.
void follow(v1::WorkerService::Stub& worker, const std::string& job) {
  grpc::ClientContext context;
  v1::WorkerServiceReadOutputRequest request;
  request.set_job_id(job);
  request.set_follow(true);
  const auto reader = worker.ReadOutput(&context, request);
  v1::WorkerServiceReadOutputResponse response;
  while (reader->Read(&response)) {
  }
  expect_ok(reader->Finish());
}

void start_all(v1::WorkerService::Stub& worker, int in_flight,
               const v1::WorkerServiceStartJobRequest& request,
               std::vector<std::unique_ptr<StartCall>>& calls) {
  std::counting_semaphore<> free(in_flight);
  for (const auto& call : calls) {
    free.acquire();
    worker.async()->StartJob(&call->context, &request, &call->response,
                             [&free](const grpc::Status& status) {
                               expect_ok(status);
                               free.release();
                             });
  }
  for (int at = 0; at < in_flight; ++at) free.acquire();
}

void starts(const std::string& socket, int count, int in_flight, std::string_view launcher) {
  const auto worker = v1::WorkerService::NewStub(connect(socket));
  v1::WorkerServiceStartJobRequest request;
  *request.mutable_spec() = spec(launcher, {"/bin/true"});
  std::vector<std::unique_ptr<StartCall>> calls(static_cast<std::size_t>(count));
  for (auto& call : calls) call = std::make_unique<StartCall>();
  const nanoseconds span = timed([&] {
    start_all(*worker, in_flight, request, calls);
    const std::size_t first = calls.size() - std::min(calls.size(), kFollowed);
    for (std::size_t at = first; at < calls.size(); ++at)
      follow(*worker, calls[at]->response.attempt().job_id());
  });
  std::printf("{\"count\": %d, \"us\": %.0f}\n", count, to_us(span));
}

// SubmitJob and ReadOutput over a connection that is open; returns when the job has ended.
nanoseconds first_byte(v1::JobService::Stub& jobs, const v1::SubmitJobRequest& submit) {
  const BootTime begin = BootClock::now();
  grpc::ClientContext submit_context;
  v1::SubmitJobResponse submitted;
  expect_ok(jobs.SubmitJob(&submit_context, submit, &submitted));
  grpc::ClientContext context;
  v1::ReadOutputRequest request;
  request.set_job_id(submitted.job_id());
  request.set_follow(true);
  const auto reader = jobs.ReadOutput(&context, request);
  v1::ReadOutputResponse response;
  nanoseconds span{};
  while (reader->Read(&response))
    if (span == nanoseconds{} && !response.chunk().data().empty()) span = BootClock::now() - begin;
  expect_ok(reader->Finish());
  TAKT_CHECK(span > nanoseconds{}, "job %s has printed nothing", submitted.job_id().c_str());
  return span;
}

void first_bytes(const std::string& socket, int count, std::string_view launcher) {
  const auto jobs = v1::JobService::NewStub(connect(socket));
  v1::SubmitJobRequest request;
  *request.mutable_spec() = spec(launcher, {"/bin/echo", "x"});
  std::string text;
  for (int at = 0; at < count; ++at)
    text += (at ? ", " : "") + std::to_string(to_us(first_byte(*jobs, request)));
  std::printf("{\"us\": [%s]}\n", text.c_str());
}

void run(std::span<char*> arguments) {
  TAKT_CHECK(arguments.size() >= 5, "usage: see bench/client.cc");
  const std::string_view mode = arguments[1];
  const int count = number(arguments[3]);
  if (mode == "starts") {
    TAKT_CHECK(arguments.size() == 6, "client starts SOCKET COUNT IN_FLIGHT LAUNCHER");
    starts(arguments[2], count, number(arguments[4]), arguments[5]);
  } else {
    TAKT_CHECK(mode == "first-byte", "no mode is named %s", arguments[1]);
    first_bytes(arguments[2], count, arguments[4]);
  }
}

}  // namespace
}  // namespace takt::bench

int main(int argc, char** argv) {
  ::alarm(takt::bench::kPatienceSeconds);
  takt::bench::run({argv, static_cast<std::size_t>(argc)});
  return 0;
}
