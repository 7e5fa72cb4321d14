// SPDX-License-Identifier: Apache-2.0
// takt run: a job in the foreground. Submits, streams both outputs, exits as the job did. A signal
// stops the job and its end is waited for; a second one leaves it to itself.
#include <signal.h>

#include <algorithm>
#include <optional>

#include "cli/follow_job.h"
#include "cli/follow_parts.h"
#include "cli/invocation.h"
#include "cli/json.h"
#include "cli/spec_options.h"
#include "cli/submission.h"
#include "cli/text.h"
#include "cli/verb.h"
#include "cli/watch.h"

namespace takt::cli {
namespace {

class Runner {
 public:
  Runner(Invocation& call, Client& client) : call_(call), client_(client) {}

  int run(const v1::SubmitJobRequest& request) {
    const auto submitted = client_.call(&v1::JobService::Stub::SubmitJob, request, 1);
    if (!submitted) return not_submitted(submitted.error());
    id_ = submitted->job_id();
    revision_ = submitted->revision();
    v1::ReadOutputRequest output;
    output.set_job_id(id_);
    output.set_follow(true);
    const bool tried_again = request.spec().has_retry();
    if (request.spec().has_array() || request.spec().one_per_worker())
      return run_parts(output, tried_again);
    JobFollower follower(client_, call_.console(), output,
                         call_.json() ? OutputForm::kJson : OutputForm::kBytes, tried_again,
                         [this](const Error& error) {
                           call_.console().note(refusal_text(
                               "can't show the output of job " + short_id(id_), error));
                         });
    if (const auto code = stream(follower)) return *code;
    v1::Job job;
    if (const auto code = await_end(job)) return *code;
    return tell_end(job);
  }

 private:
  int run_parts(const v1::ReadOutputRequest& output, bool tried_again) {
    auto parts = client_.list_parts(id_);
    while (!parts && parts.error().code == ErrorCode::kCancelled) {
      if (const auto code = interrupted()) return *code;
      parts = client_.list_parts(id_);
    }
    if (!parts)
      return call_.fail("can't tell how job " + short_id(id_) + " goes on", parts.error());
    if (!call_.json()) {
      PartsFollower follower(client_, call_.io(), call_.console(), output, *std::move(parts),
                             tried_again);
      if (const auto code = stream(follower)) return *code;
    }
    v1::Job job;
    if (const auto code = await_end(job)) return *code;
    return tell_parts(job);
  }

  int not_submitted(const Error& error) {
    if (error.code != ErrorCode::kCancelled) return call_.fail("can't run the job", error);
    call_.console().note(
        "interrupted before the scheduler answered; see takt list whether the job "
        "was submitted.");
    return signal_code();
  }

  // Until the output is complete, or the exit code if it ends here.
  template <class Follower>
  std::optional<int> stream(Follower& follower) {
    for (;;) {
      switch (follower.run()) {
        case FollowEnd::kComplete:
          return std::nullopt;
        case FollowEnd::kInterrupted:
          if (const auto code = interrupted()) return code;
          break;
        case FollowEnd::kClosed:
          return reader_is_gone();
        case FollowEnd::kWriteFailed:
          call_.console().note(follower.error().message + ". " + comeback());
          return kExitTakt;
        case FollowEnd::kFailed:
          return call_.fail("can't tell how job " + short_id(id_) + " goes on", follower.error());
      }
    }
  }

  // The job once it has ended; or the exit code if it ends here.
  std::optional<int> await_end(v1::Job& job) {
    EndWatcher watcher(client_, call_.console(), [&](const v1::Job& ended) { job = ended; });
    v1::Job submitted;
    submitted.set_job_id(id_);
    submitted.set_revision(revision_);
    watcher.add(submitted);
    for (;;) {
      const auto done = watcher.run();
      if (done) return std::nullopt;
      if (done.error().code != ErrorCode::kCancelled)
        return call_.fail("can't tell how job " + short_id(id_) + " ended", done.error());
      if (const auto code = interrupted()) return code;
    }
  }

  int tell_end(const v1::Job& job) {
    if (call_.json()) print_json(job);
    if (!plain_exit(job.end()))
      call_.console().note("job " + short_id(id_) + ": " + end_text(job.end()) + ".");
    if (stop_asked_ && job.end().cause() == v1::END_CAUSE_STOPPED) return signal_code();
    return exit_code_of(job.end());
  }

  // Which parts did not succeed, and all in one line. Exits with the highest code of a part.
  int tell_parts(const v1::Job& job) {
    int worst = 0;
    const auto parts = client_.list_parts(id_);
    if (!parts) return call_.fail("can't tell how job " + short_id(id_) + " ended", parts.error());
    for (const v1::Job& part : *parts) {
      if (call_.json()) print_json(part);
      worst = std::max(worst, exit_code_of(part.end()));
      if (part.state() != v1::JOB_STATE_SUCCEEDED)
        call_.console().note(part_name(part) + ": " + end_text(part.end()) + ".");
    }
    if (call_.json()) print_json(job);
    call_.console().note("job " + short_id(id_) + ": " + end_text(job.end()) + ".");
    if (stop_asked_ && job.end().cause() == v1::END_CAUSE_STOPPED) return signal_code();
    return worst;
  }

  void print_json(const v1::Job& job) {
    v1::GetJobResponse response;
    *response.mutable_job() = job;
    call_.console().out(to_json(response) + "\n");
  }

  // The first signal stops the job, a second one detaches: then the exit code.
  std::optional<int> interrupted() {
    client_.interrupts().accept();
    if (stop_asked_) return detach();
    stop_asked_ = true;
    call_.console().note("stopping job " + short_id(id_) + "; once more leaves it to itself.");
    if (const auto stopped = ask_to_stop("interrupted by who ran it"); !stopped) {
      if (client_.interrupts().pending()) return detach();
      call_.fail("can't stop job " + short_id(id_), stopped.error());
      call_.console().note(comeback());
      return kExitTakt;
    }
    return std::nullopt;
  }

  Result<void> ask_to_stop(const std::string& reason) {
    v1::StopJobRequest request;
    request.set_job_id(id_);
    request.set_reason(reason);
    const auto response = client_.call(&v1::JobService::Stub::StopJob, request);
    if (!response) return response.error();
    return {};
  }

  int detach() {
    call_.console().note("left job " + short_id(id_) + ". " + comeback());
    return signal_code();
  }

  // As with a pipeline of processes here: who writes for nobody is ended.
  int reader_is_gone() {
    const auto stopped = ask_to_stop("nobody reads its output any more");
    call_.console().note(
        "nobody reads the output of job " + short_id(id_) +
        (stopped ? "; it is asked to stop." : ", and it can't be stopped now. " + comeback()));
    return kExitPipe;
  }

  std::string comeback() const {
    const std::string id = short_id(id_);
    return "It is still there: takt status " + id + ", takt logs -f " + id + ", takt wait " + id +
           ", takt stop " + id + ".";
  }

  int signal_code() const {
    return client_.interrupts().first_signal() == SIGINT ? kExitInterrupted : kExitStopped;
  }

  Invocation& call_;
  Client& client_;
  std::string id_;
  std::int64_t revision_ = 0;  // of its submission
  bool stop_asked_ = false;
};

int run_run(Invocation& call) {
  SpecOptions options;
  options.declare(call);
  if (const auto end = call.parse()) return *end;
  auto request = make_submission(call, options, "");
  if (!request) return call.usage(request.error());
  if (auto armed = call.io().interrupts->arm(); !armed)
    return call.fail("can't run the job", armed.error());
  auto client = call.connect();
  if (!client) return call.fail("can't run the job", client.error());
  if (auto found = find_dependencies(**client, options, *request); !found)
    return call.fail("can't run the job", found.error());
  return Runner(call, **client).run(*request);
}

}  // namespace

constinit const Verb kRunVerb = {
    .name = "run",
    .group = "Jobs",
    .operands = "[--] COMMAND [ARGUMENT...]",
    .summary = "run a command on a worker: its output here, its exit code ours",
    .examples =
        "  takt run -- sh -c 'echo hello; exit 3'\n"
        "  takt run --on role=db -E PGDATABASE -- psql -c 'select 1'\n"
        "  takt run --script check.sh -- --verbose\n"
        "  cat words | takt run -- wc -l\n"
        "  takt run --all --on role=web -- uptime     # on each worker that matches\n"
        "  takt run --array 8 -- sh -c './part $TAKT_ARRAY_INDEX of $TAKT_ARRAY_COUNT'\n",
    .details =
        "Standard input is sent along whole, before the job is submitted, if it is a file, a pipe "
        "or a\nsocket; a job with all its parts may take 1M. A terminal, /dev/null and a closed "
        "input are not\nsent, and the job reads /dev/null. A pipe is read to its end: in a loop "
        "(while read), or under a\nprogram that leaves the pipe open (ssh, some CI), give -n, as "
        "one does for ssh.\nLive input, terminals and copying files are not what takt is for.\n\n"
        "Ctrl-C (or SIGTERM) stops the job and waits for its end; once more leaves it to itself. "
        "Losing\nthe connection, or the terminal, does not end the job: takt reconnects and goes "
        "on "
        "at the byte\nwhere it was. If nobody reads our output any more (| head), the job is "
        "stopped.\n\n"
        "Of a job with parts (--all, --array) each line comes behind the part's worker or index; "
        "up "
        "to 16\nparts are followed at once, by index. How each part ended that did not succeed, "
        "and "
        "a summary,\nare on standard error; the exit code is the highest of the parts'.\n\n"
        "Exit code: the job's own; 128+n for signal n; 124 time limit; 137 memory limit; 126 could "
        "not be\nexecuted, 127 not found; 143 stopped by someone else; 130 after Ctrl-C stopped "
        "it; "
        "141 nobody\nread our output; 125 takt could not do it, was called wrongly, or lost the "
        "job. The reason is on\nstandard error unless the job exited by itself.\n"
        "With --json: a ReadOutputResponse a line, then a GetJobResponse; of a job with parts, a\n"
        "GetJobResponse for each part, then that of the whole.\n",
    .takes_command = true,
    .failure = kExitTakt,
    .usage = kExitTakt,
    .run = run_run,
};

}  // namespace takt::cli
