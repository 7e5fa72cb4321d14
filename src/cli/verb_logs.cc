// SPDX-License-Identifier: Apache-2.0
// takt logs: a job's output, from its first byte.
#include "base/units.h"
#include "cli/follow.h"
#include "cli/invocation.h"
#include "cli/text.h"
#include "cli/verb.h"

namespace takt::cli {
namespace {

struct LogsOptions {
  std::string stream, attempt;
  bool follow = false;
};

Result<v1::ReadOutputRequest> make_request(const LogsOptions& options) {
  v1::ReadOutputRequest request;
  request.set_follow(options.follow);
  if (options.stream == "stdout") request.set_stream(v1::OUTPUT_STREAM_STDOUT);
  if (options.stream == "stderr") request.set_stream(v1::OUTPUT_STREAM_STDERR);
  if (!options.stream.empty() && request.stream() == v1::OUTPUT_STREAM_UNSPECIFIED)
    return invalid("--stream", in_quotes(options.stream) + " is not known; write stdout or stderr");
  if (options.attempt.empty()) return request;
  const auto attempt = parse_integer(options.attempt, "--attempt", 1, 1000000);
  if (!attempt) return attempt.error();
  request.set_attempt(static_cast<int>(*attempt));
  return request;
}

int follow(Invocation& call, Client& client, const v1::ReadOutputRequest& request,
           const std::string& name) {
  Follower follower(client, call.console(), request, call.json());
  switch (follower.run()) {
    case FollowEnd::kComplete:
      return 0;
    case FollowEnd::kInterrupted:
      return kExitInterrupted;
    case FollowEnd::kClosed:
      return kExitPipe;
    case FollowEnd::kWriteFailed:
    case FollowEnd::kFailed:
      break;
  }
  return call.fail("can't show the output of job " + in_quotes(name), follower.error());
}

int run_logs(Invocation& call) {
  std::vector<std::string> jobs;
  LogsOptions options;
  call.operands(jobs, 1);
  call.flag("-f,--follow", options.follow, "Go on until the job has ended.");
  call.option("--stream", "stdout|stderr", options.stream, "Only this stream (both).");
  call.option("--attempt", "NUMBER", options.attempt, "Of this attempt, from 1 (the latest).");
  if (const auto end = call.parse()) return *end;
  auto request = make_request(options);
  if (!request) return call.usage(request.error().message);
  auto client = call.connect();
  if (!client) return call.fail("can't show output", client.error());
  const auto job = (*client)->get_job(jobs.front());
  if (!job)
    return call.fail("can't show the output of job " + in_quotes(jobs.front()), job.error());
  request->set_job_id(job->job_id());
  return follow(call, **client, *request, jobs.front());
}

}  // namespace

constinit const Verb kLogsVerb = {
    .name = "logs",
    .group = "Output",
    .operands = "JOB",
    .summary = "show the output of a job",
    .examples =
        "  takt logs 6f0b\n"
        "  takt logs -f 6f0b            # from the first byte, until the job has ended\n"
        "  takt logs --stream stderr --attempt 1 6f0b\n",
    .details =
        "Standard output of the job goes to standard output, its standard error to standard "
        "error,\nbyte for byte. Following may begin before the job starts, and outlives "
        "restarts of\nthe scheduler and of the worker.\n"
        "With --json: a ReadOutputResponse a line (data in base64).\n",
    .run = run_logs,
};

}  // namespace takt::cli
