// SPDX-License-Identifier: Apache-2.0
#include "worker/scope_launcher.h"

#include "attempt/folder.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/process.h"
#include "worker/state_folder.h"

namespace takt::worker {
namespace {

constexpr int kScopeTries = 3;
constexpr std::uint64_t kSupervisorTasks = 1;

// What systemd shows, and what weighs against the siblings. The hard limits are the supervisor's
// work, on job/; beside that it needs room for itself.
void ask_for_resources(sd::ScopeRequest& request, const JobSpec& spec) {
  const Resources& asked = spec.resources;
  const auto number = [](std::int64_t value) { return static_cast<std::uint64_t>(value); };
  if (asked.memory_bytes != 0)
    request.memory_max_bytes = number(asked.memory_bytes) + limits::kSupervisorMemoryBytes;
  if (asked.tasks != 0) request.tasks_max = number(asked.tasks) + kSupervisorTasks;
  if (spec.cpu_weight != 0) request.cpu_weight = number(spec.cpu_weight);
  if (spec.io_weight != 0) request.io_weight = number(spec.io_weight);
}

bool runs_a_job(const std::string& scope_path) {
  const auto tree = cgroup::Tree::find();
  if (!tree) return false;
  const auto scope = cgroup::Cgroup::open(*tree, scope_path);
  if (!scope) return false;
  const auto job = scope->open_child(attempt::kJobLeaf);
  const auto populated = job ? job->populated() : Result<bool>(job.error());
  return populated && *populated;
}

cgroup::Cgroup jobs_cgroup() {
  const auto tree = cgroup::Tree::find();
  auto jobs =
      tree ? cgroup::Cgroup::open(*tree, kJobsCgroup) : Result<cgroup::Cgroup>(tree.error());
  return jobs ? std::move(*jobs) : cgroup::Cgroup();
}

// The slices right below a cgroup; none where it is not there.
std::vector<cgroup::Cgroup> slices_below(const cgroup::Cgroup& parent) {
  std::vector<cgroup::Cgroup> slices;
  const auto names = parent ? list_directory(parent.fd()) : std::vector<std::string>();
  if (!names) return slices;
  for (const std::string& name : *names) {
    if (!name.ends_with(".slice")) continue;
    if (auto slice = parent.open_child(name)) slices.push_back(std::move(*slice));
  }
  return slices;
}

std::string_view last_component(std::string_view path) { return path.substr(path.rfind('/') + 1); }

}  // namespace

void ScopeLauncher::park(LiveAttempt& live, Done done) {
  const uid_t uid = live.identity.uid;
  live.slice = slices_.acquire(uid);
  users_.acquire(uid);
  live.holds_launcher = true;
  sd::ScopeRequest request;
  request.unit = live.record.unit;
  request.slice = live.slice;
  const std::string& name = live.acceptance.spec.name;
  request.description = "takt job " + live.record.id.str() + (name.empty() ? "" : " " + name);
  request.grace = live.acceptance.spec.stop.grace;
  ask_for_resources(request, live.acceptance.spec);
  const auto stopping = stopping_.find(uid);
  if (stopping == stopping_.end()) return spawn(std::move(request), std::move(done));
  stopping->second.emplace_back([this, request, done] { spawn(request, done); });
}

void ScopeLauncher::spawn(sd::ScopeRequest request, Done done) {
  spawner_.spawn({}, [this, request = std::move(request),
                      done = std::move(done)](Result<Parked> parked) mutable {
    if (!parked) return done(LaunchFailure{"spawn", parked.error()});
    request.pid = parked->pid;
    request.pidfd = parked->pidfd.get();
    start_scope(std::make_shared<Start>(Start{
        .request = std::move(request), .parked = std::move(*parked), .done = std::move(done)}));
  });
}

void ScopeLauncher::start_scope(const StartPtr& start) {
  ++start->tries;
  manager_.start_scope(start->request, [this, start](Result<void> started) {
    if (started)
      return start->done(ParkedInPlace{.supervisor = std::move(start->parked),
                                       .how = attempt::Launcher::kScope,
                                       .job_leaf = {}});
    if (started.error().code == ErrorCode::kExists) return replace_leftover(start, started.error());
    // The scope may have come into being all the same; the parked process ends as soon as its
    // control socket is closed, and this takes care of a scope that does not notice.
    manager_.stop_unit(start->request.unit, limits::kScopeStart, [](Result<void>) {});
    if (pidfd_ended(start->parked.pidfd.get()))
      return start->done(LaunchFailure{"supervisor", supervisor_ended()});
    start->done(LaunchFailure{"scope", started.error()});
  });
}

// A worker that was killed over this very start leaves a scope with what it had parked there, on
// its way out. It never got `go`: else the attempt would be known here. A job of somebody else's
// that runs in a scope of this name is left alone.
void ScopeLauncher::replace_leftover(const StartPtr& start, const Error& exists) {
  const std::string& unit = start->request.unit;
  manager_.get_unit_control_group(unit, [this, start, exists](Result<std::string> path) {
    if (start->tries >= kScopeTries || (path && runs_a_job(*path)))
      return start->done(LaunchFailure{"scope", exists});
    manager_.stop_unit(start->request.unit, limits::kScopeStart, [this, start](Result<void> gone) {
      if (!gone) return start->done(LaunchFailure{"scope", gone.error()});
      start_scope(start);
    });
  });
}

void ScopeLauncher::adopt(LiveAttempt& live) {
  // /takt.slice/takt-jobs.slice/takt-jobs-u1000.slice/takt-jobs-u1000-07.slice/takt-job-….scope
  live.slice = last_component(cgroup::parent_path(live.base.path()));
  const auto uid = slices_.adopt(live.slice);
  live.holds_launcher = uid.has_value();
  if (uid) users_.acquire(*uid);
}

// Earlier versions had scopes one level higher, in takt-jobs-NN.slice.
Result<cgroup::Cgroup> ScopeLauncher::find(const AttemptId& id) const {
  const std::string unit = attempt::unit_name(name_of(id));
  for (const cgroup::Cgroup& outer : slices_below(jobs_cgroup())) {
    if (auto scope = outer.open_child(unit)) return scope;
    for (const cgroup::Cgroup& inner : slices_below(outer))
      if (auto scope = inner.open_child(unit)) return scope;
  }
  return make_error(ErrorCode::kNotFound, "no slice of takt's has " + unit);
}

void ScopeLauncher::release(LiveAttempt& live) {
  if (!live.holds_launcher) return;
  live.holds_launcher = false;
  if (const auto uid = slices_.release(live.slice)) users_.release(*uid);
  stop_idle_slices();
}

void ScopeLauncher::sweep() {
  for (const cgroup::Cgroup& slice : slices_below(jobs_cgroup()))
    if (const auto uid = sd::user_of_slice(last_component(slice.path()))) users_.found(*uid);
  stop_idle_slices();
}

// A start for the user waits meanwhile: systemd refuses one in a slice that is being stopped.
void ScopeLauncher::stop_idle_slices() {
  while (const auto uid = users_.evict()) {
    const std::string unit = sd::user_slice(*uid);
    const auto slice = jobs_cgroup().open_child(unit);
    const auto populated = slice ? slice->populated() : Result<bool>(slice.error());
    // Not there: nothing to stop. Populated: by what this worker does not know, which it leaves
    // alone.
    if (!populated || *populated) continue;
    stopping_.try_emplace(*uid);
    manager_.stop_unit(unit, limits::kScopeStart, [this, unit, uid](const Result<void>& stopped) {
      if (!stopped) log_warning(unit + " cannot be stopped: " + stopped.error().message);
      const auto waiting = stopping_.extract(*uid);
      if (waiting.empty()) return;
      for (const auto& start : waiting.mapped()) start();
    });
  }
}

}  // namespace takt::worker
