// SPDX-License-Identifier: Apache-2.0
// takt logs: a job's output, from its first byte.
#include "base/limits.h"
#include "base/time_text.h"
#include "base/units.h"
#include "cli/follow.h"
#include "cli/follow_parts.h"
#include "cli/invocation.h"
#include "cli/text.h"
#include "cli/verb.h"
#include "rpc/convert.h"

namespace takt::cli {
namespace {

struct LogsOptions {
  std::string stream, attempt, since, tail;
  bool follow = false;
  bool timestamps = false;
};

Result<v1::ReadOutputRequest> make_request(const LogsOptions& options) {
  v1::ReadOutputRequest request;
  request.set_follow(options.follow);
  if (options.stream == "stdout") request.set_stream(v1::OUTPUT_STREAM_STDOUT);
  if (options.stream == "stderr") request.set_stream(v1::OUTPUT_STREAM_STDERR);
  if (!options.stream.empty() && request.stream() == v1::OUTPUT_STREAM_UNSPECIFIED)
    return invalid("--stream", in_quotes(options.stream) + " is not known; write stdout or stderr");
  if (!options.attempt.empty()) {
    const auto attempt = parse_integer(options.attempt, "--attempt", 1, 1000000);
    if (!attempt) return attempt.error();
    request.set_attempt(static_cast<int>(*attempt));
  }
  if (!options.tail.empty()) {
    const auto lines = parse_integer(options.tail, "--tail", 0, limits::kTailLinesMax);
    if (!lines) return lines.error();
    request.set_tail_lines(static_cast<int>(*lines));
  }
  if (!options.since.empty()) {
    const auto since = parse_time(options.since, "--since", wall_now());
    if (!since) return since.error();
    *request.mutable_since_time() = rpc::time_to_proto(*since);
  }
  return request;
}

OutputForm form_of(const Invocation& call, const LogsOptions& options) {
  if (call.json()) return OutputForm::kJson;
  return options.timestamps ? OutputForm::kTimestamps : OutputForm::kBytes;
}

template <class Follower>
int follow(Invocation& call, Follower& follower, const std::string& name) {
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

int follow_parts(Invocation& call, Client& client, const v1::ReadOutputRequest& request,
                 const v1::Job& job, const LogsOptions& options) {
  if (call.json() || options.timestamps)
    return call.usage(std::string(call.json() ? "--json" : "--timestamps") +
                      ": is for one job, and this one has parts; name one of them, as in " +
                      short_id(job.job_id()) + "/0");
  auto parts = client.list_parts(job.job_id());
  if (!parts)
    return call.fail("can't show the output of job " + short_id(job.job_id()), parts.error());
  const bool tried_again = options.follow && options.attempt.empty() && job.spec().has_retry();
  PartsFollower follower(client, call.io(), call.console(), request, *std::move(parts),
                         tried_again);
  return follow(call, follower, job.job_id());
}

int run_logs(Invocation& call) {
  std::vector<std::string> jobs;
  LogsOptions options;
  call.operands(jobs, 1);
  call.flag("-f,--follow", options.follow, "Go on until the job has ended.");
  call.option("-n,--tail", "LINES", options.tail, "Only the last lines, and what follows them.");
  call.option("--since", "TIME", options.since,
              "Only what came since then: 10min (ago), 09:28, 2026-11-22 09:28:04.");
  call.flag("-t,--timestamps", options.timestamps, "Each line after the time when it came.");
  call.option("--stream", "stdout|stderr", options.stream, "Only this stream (both).");
  call.option("--attempt", "NUMBER", options.attempt, "Of this attempt, from 1 (the latest).");
  if (const auto end = call.parse()) return *end;
  auto request = make_request(options);
  if (!request) return call.usage(request.error());
  auto client = call.connect();
  if (!client) return call.fail("can't show output", client.error());
  const auto job = (*client)->get_job(jobs.front());
  if (!job)
    return call.fail("can't show the output of job " + in_quotes(jobs.front()), job.error());
  // Of another user's job the answer to the first read says why there is none.
  if (job->has_parts() && !job->is_summary())
    return follow_parts(call, **client, *request, *job, options);
  request->set_job_id(job->job_id());
  Follower follower(**client, call.console(), *request, form_of(call, options));
  return follow(call, follower, jobs.front());
}

}  // namespace

constinit const Verb kLogsVerb = {
    .name = "logs",
    .group = "Output",
    .operands = "JOB",
    .summary = "show the output of a job",
    .examples =
        "  takt logs 6f0b\n"
        "  takt logs 6f0b/17            # of one part\n"
        "  takt logs -f 6f0b            # from the first byte, until the job has ended\n"
        "  takt logs -f --tail 20 --timestamps 6f0b\n"
        "  takt logs --since 10min 6f0b\n"
        "  takt logs --stream stderr --attempt 1 6f0b\n",
    .details =
        "Standard output of the job goes to standard output, its standard error to standard "
        "error,\nbyte for byte, both in the order in which they came: what a job writes to both in "
        "the same\nmoment may change places. Following may begin before the job starts, and "
        "outlives "
        "restarts of\nthe scheduler and of the worker.\n\n"
        "Of a job with parts, all their outputs, each line behind the part's worker or index.\n\n"
        "Times are the worker's, to a tenth of a second; \"-\" where they are not known. --tail "
        "counts\nlines of both streams together, up to 100000 of them or 16M. Of a stream over its "
        "cap begin\nand end are kept: takt says how many bytes are missing in between.\n"
        "With --json: a ReadOutputResponse a line (data in base64).\n",
    .run = run_logs,
};

}  // namespace takt::cli
