// SPDX-License-Identifier: Apache-2.0
#include "worker/starting.h"

#include <sys/resource.h>

#include <algorithm>

#include "attempt/folder.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/process.h"
#include "worker/plan.h"
#include "worker/policy.h"
#include "worker/session.h"
#include "worker/stored.h"

namespace takt::worker {
namespace {

constexpr std::size_t kDescriptorsOfAttempt = 4;  // folder, cgroup, pidfd, control socket
constexpr std::size_t kDescriptorsOfWorker = 48;  // its own, and what a start or an end opens
constexpr std::size_t kDescriptorsOfStart = 16;   // at once, where clients have taken the rest

// More attempts than there are descriptors for could neither be started nor be ended.
bool descriptors_suffice_for(std::size_t attempts) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return true;
  return attempts * kDescriptorsOfAttempt + kDescriptorsOfWorker <= limit.rlim_cur &&
         can_open(kDescriptorsOfStart);
}

// Whether a start that was taken as `taken` asked for this. It was given limits where it had none.
bool same_request(const JobSpec& taken, JobSpec asked) {
  const auto fill = [](std::int64_t& amount, std::int64_t given) {
    if (amount == 0) amount = given;
  };
  fill(asked.resources.memory_bytes, taken.resources.memory_bytes);
  fill(asked.resources.cpu_millicores, taken.resources.cpu_millicores);
  fill(asked.resources.tasks, taken.resources.tasks);
  if (!asked.run_time_limit) asked.run_time_limit = taken.run_time_limit;
  return asked == taken;
}

}  // namespace

void when_settled(LiveAttempt& live, Starting::Settled settled) {
  if (live.record.state >= JobState::kRunning) return settled(live.record);
  live.on_settled.push_back(std::move(settled));
}

bool Starting::answer_known(const AttemptKey& key, const Settled& settled) {
  if (const LivePtr live = core_.attempts.find(key)) {
    when_settled(*live, settled);
    return true;
  }
  if (auto stored = stored_attempt(core_.state, key)) {
    settled(*stored);
    return true;
  }
  return false;
}

// Whether the id is free for this owner, and what is here under it is of the same request.
Result<void> Starting::check_id(const StartRequest& request) const {
  const AttemptId& id = request.key.id;
  auto holder = core_.attempts.owner_of(id);
  if (!holder)
    if (auto stored = core_.state.owner_of(id)) holder = std::move(*stored);
  if (!holder) return {};
  if (*holder != request.key.owner)
    return make_error(ErrorCode::kFailedPrecondition,
                      "attempt " + id.str() + " on this worker belongs to " + holder->describe());
  if (!holder->is_direct()) return {};
  const LivePtr live = core_.attempts.find(request.key);
  const auto stored = live ? Result<JobSpec>(live->acceptance.spec) : stored_spec(request.key);
  if (!stored || same_request(*stored, request.spec)) return {};
  Error error = make_error(ErrorCode::kExists,
                           "request_id: it came before with another spec; use a new request_id for "
                           "a new job");
  error.field = "request_id";
  return error;
}

Result<JobSpec> Starting::stored_spec(const AttemptKey& key) const {
  auto folder = core_.state.open_attempt(key);
  if (!folder) return folder.error();
  return std::move(folder->acceptance.spec);
}

// The record of this attempt's start could not be read. The same start, sent again by its owner,
// says what it said, so that what became of the attempt is found as after a restart.
Result<void> Starting::reclaim(const StartRequest& request) {
  const auto may_exist = [](const std::string& why) {
    return make_error(ErrorCode::kExists, "this attempt may have run here before, " + why);
  };
  if (request.key.owner.is_direct()) return may_exist("and its records cannot be read");
  const auto user = decide_run_as(request.caller, request.spec, core_.config);
  const Acceptance acceptance{.owner = request.key.owner.name(),
                              .boot_id = boot_id(),  // it is sent again in the same boot only
                              .submitted_by = request.submitted_by,
                              .user = user ? *user : request.spec.user,
                              .caller_uid = request.caller.uid,
                              .accept_time = wall_now(),
                              .spec = request.spec};
  const AttemptId& id = request.key.id;
  auto done = core_.state.replace_acceptance(id, acceptance);
  if (done) done = core_.state.take_back(id);
  if (done) done = recovery_.recover(id);
  if (!done) return may_exist(done.error().message);
  log_notice("attempt " + id.str() + " was taken up again", {{"TAKT_JOB_ID", id.job_id.str()}});
  if (const LivePtr live = core_.attempts.find(request.key)) core_.changed(live);
  return {};
}

Result<Launcher> Starting::choose_launcher(const JobSpec& spec) const {
  const Launcher wanted =
      spec.launcher == Launcher::kDefault ? core_.default_launcher : spec.launcher;
  const auto named =
      wanted == Launcher::kCgroup ? config::Launcher::kCgroup : config::Launcher::kScope;
  const auto& allowed = core_.config.allow_launcher;
  const bool may = spec.launcher == Launcher::kDefault || wanted == core_.default_launcher ||
                   std::find(allowed.begin(), allowed.end(), named) != allowed.end();
  if (may && core_.launcher(wanted) != nullptr) return wanted;
  return invalid("spec.launcher",
                 std::string(config::to_string(named)) +
                     (may ? " is not possible here: systemd is not PID 1"
                          : " is not allowed on this worker (allow_launcher in [jobs])"));
}

Result<std::string> Starting::check(const StartRequest& request) const {
  if (auto good = check_spec(request.spec, core_.config); !good) return good.error();
  if (auto may = check_rights(request.caller, request.spec); !may) return may.error();
  if (!request.spec.script.empty())
    if (auto words = script_interpreter(request.spec.script); !words) return words.error();
  if (auto launcher = choose_launcher(request.spec); !launcher) return launcher.error();
  if (request.spec.lease && request.key.owner.is_direct())
    return invalid("spec.lease",
                   "only jobs of a scheduler have a lease; leave it out, or start the job there");
  return decide_run_as(request.caller, request.spec, core_.config);
}

// Whether this worker takes one more attempt now. How many slots its own jobs may take, and whether
// it is drained, a scheduler knows by itself.
Result<void> Starting::check_room(const StartRequest& request) const {
  if (core_.stopping)
    return make_error(ErrorCode::kUnavailable, "this worker is going down; try again");
  const bool direct = request.key.owner.is_direct();
  if (const std::string fault = core_.health.fault(); !direct && !fault.empty())
    return make_error(ErrorCode::kUnavailable, "this worker takes no jobs now: " + fault);
  if (!direct && probe_under_way(core_))
    return make_error(ErrorCode::kUnavailable,
                      "the host of this worker has failed several starts, so it tries one job at a "
                      "time until one runs");
  if (direct && !core_.drains.empty())
    return make_error(ErrorCode::kFailedPrecondition,
                      "this worker is drained, by " + core_.drains.begin()->second +
                          "; run the job elsewhere, or after takt undrain");
  if (direct && occupied_slots(core_) >= core_.config.slots)
    return make_error(ErrorCode::kResourceExhausted,
                      "all " + std::to_string(core_.config.slots) +
                          " slots of this worker are taken (slots in [jobs]); try again when jobs "
                          "have ended");
  if (launch_.under_way() >= limits::kStartsWaiting)
    return make_error(ErrorCode::kResourceExhausted,
                      std::to_string(limits::kStartsWaiting) + " starts wait already; try later");
  if (!descriptors_suffice_for(core_.attempts.all().size() + 1))
    return make_error(ErrorCode::kResourceExhausted,
                      "this worker may not open enough files for more jobs (LimitNOFILE=); try"
                      " again when others have ended");
  return {};
}

Result<void> Starting::start(StartRequest request, Settled settled) {
  if (auto mine = check_id(request); !mine) return mine;
  if (answer_known(request.key, settled)) return {};
  if (core_.state.may_have_run(request.key.id)) {
    if (auto again = reclaim(request); !again) return again;
    if (answer_known(request.key, settled)) return {};
  }
  if (request.has_run)
    return make_error(ErrorCode::kDataLoss, "the worker's records of it were lost");
  if (auto room = check_room(request); !room) return room;
  auto user = check(request);
  if (!user) return user.error();

  auto live = std::make_shared<LiveAttempt>();
  Acceptance& acceptance = live->acceptance;
  acceptance.owner = request.key.owner.name();
  acceptance.boot_id = boot_id();
  acceptance.submitted_by = std::move(request.submitted_by);
  acceptance.user = std::move(*user);
  acceptance.caller_uid = request.caller.uid;
  acceptance.accept_time = wall_now();
  acceptance.spec = std::move(request.spec);
  give_limits(acceptance.spec, core_.config, core_.tasks_limited);
  auto folder = core_.state.create_attempt(request.key.id, acceptance);
  if (!folder) {
    if (is_host_fault(kRecordStep, folder.error())) launch_.note_fault(kRecordStep, folder.error());
    return folder.error();
  }
  live->folder = std::move(*folder);
  live->record = accepted_attempt(request.key.id, acceptance);
  live->record.worker_id = core_.state.worker_id();
  live->record.worker_name = core_.config.name;
  live->record.launcher = *choose_launcher(acceptance.spec);
  live->output = std::make_shared<OutputGate>();
  live->on_settled.push_back(std::move(settled));
  core_.attempts.add(live);
  launch_.begin(live);
  core_.changed(live);
  return {};
}

}  // namespace takt::worker
