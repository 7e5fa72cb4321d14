// SPDX-License-Identifier: Apache-2.0
#include "supervisor/supervise.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <tuple>
#include <utility>
#include <variant>

#include "attempt/folder.h"
#include "base/fs.h"
#include "base/limits.h"

namespace takt::supervisor {
namespace {

constexpr int kMakeRoomTries = 8;

bool is_full(const Error& error) {
  return error.error_number == ENOSPC || error.error_number == EDQUOT;
}

// What keeps a supervisor alive and a parent. Neither is worth failing a job for.
void become_guardian() {
  std::ignore = ::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
  std::ignore = write_file(AT_FDCWD, "/proc/self/oom_score_adj", "-999", 0);
}

}  // namespace

Supervision::Supervision(UniqueFd control, Prepared prepared)
    : control_(std::move(control)),
      prepared_(std::move(prepared)),
      start_(BootClock::now()),
      clock_(prepared_.plan.run_time_limit, prepared_.plan.count_paused, start_),
      lease_(prepared_.plan),
      tree_(prepared_.job),
      journal_(prepared_.plan),
      space_(prepared_.folder.get(), prepared_.plan.free_min_bytes),
      timeline_(prepared_.folder.get(), prepared_.plan.output_cap_bytes, space_) {
  record_.start_time = wall_now();
}

void Supervision::run() {
  become_guardian();
  std::ignore = set_nonblocking(control_.get(), true);
  begin();
  while (phase_ != Phase::kOver) turn();
  finish();
}

void Supervision::begin() {
  // Whoever finds the record without this line knows that nothing has run.
  auto opened = append_to_record(attempt::go_lines(record_.start_time, start_));
  if (opened) opened = open_event_sources();
  if (!opened)
    return start_failed({.step = Step::kSupervise, .error_number = opened.error().error_number});
  // A stop that came before the command is there: it shall not run at all.
  const Seen seen = signals_->take();
  if (seen.stop) return stop(*seen.stop);
  if (lease_.ran_out(BootClock::now())) return lose_contact();
  launch();
}

Result<void> Supervision::open_event_sources() {
  auto signals = Signals::open();
  if (!signals) return signals.error();
  signals_ = std::move(*signals);
  auto timer = DeadlineTimer::open();
  if (!timer) return timer.error();
  timer_ = std::move(*timer);
  auto events = cgroup::Events::open(prepared_.job);
  if (!events) return events.error();
  events_ = std::move(*events);
  oom_.open(prepared_.job);
  return {};
}

void Supervision::launch() {
  const int folder = prepared_.folder.get();
  const std::uint64_t cap = prepared_.plan.output_cap_bytes;
  OutputFile out(folder, attempt::kStdoutFile, cap, space_);
  out.create();
  auto launched = launch_leader(prepared_.plan, prepared_.job);
  if (const auto* failure = std::get_if<StartFailure>(&launched)) return start_failed(*failure);
  leader_ = std::get<Leader>(std::move(launched));
  journal_.set_leader(leader_.pid);
  // For a later worker to show, and nothing else.
  if (auto told = append_to_record(attempt::leader_pid_line(leader_.pid)); !told)
    note(told.error().message);
  pumps_.reserve(2);
  pumps_.emplace_back(Stream::kStdout, std::move(leader_.stdout_pipe), std::move(out), timeline_,
                      journal_);
  pumps_.emplace_back(Stream::kStderr, std::move(leader_.stderr_pipe),
                      OutputFile(folder, attempt::kStderrFile, cap, space_), timeline_, journal_);
}

// Sleeps until something happens, then looks at everything, the leader's end before a stop: every
// look is cheap and none blocks, so nobody needs to know what woke us.
void Supervision::turn() {
  timer_->arm(next_deadline());
  std::vector<pollfd> fds = watched();
  if (::poll(fds.data(), fds.size(), -1) < 0) TAKT_CHECK(errno == EINTR, "poll");
  const Seen seen = signals_->take();
  if (phase_ == Phase::kStarting) look_at_start();
  if (seen.child) reap();
  if (phase_ == Phase::kStarting || phase_ == Phase::kRunning) oom_.look(leader_.pid);
  if (seen.stop) stop(*seen.stop);
  if (question_) look_at_answer();
  if (clock_.deadline() && BootClock::now() >= *clock_.deadline()) time_out();
  if (!asked_to_end_ && lease_.ran_out(BootClock::now())) lose_contact();
  if (tree_.deadline() && BootClock::now() >= *tree_.deadline()) tree_.on_deadline();
  for (Pump& pump : pumps_)
    if (pump.fd() >= 0) pump.turn();
  journal_.flush();
  look_at_tree();
}

std::optional<BootTime> Supervision::next_deadline() const {
  const bool may_time_out =
      !asked_to_end_ && (phase_ == Phase::kStarting || phase_ == Phase::kRunning);
  auto next = may_time_out ? clock_.deadline() : tree_.deadline();
  const auto at_latest = [&next](BootTime when) {
    next = std::min(when, next.value_or(BootTime::max()));
  };
  if (may_time_out && lease_.deadline()) at_latest(*lease_.deadline());
  if (question_) at_latest(question_->deadline());
  return next;
}

std::vector<pollfd> Supervision::watched() const {
  std::vector<pollfd> fds{{.fd = signals_->fd(), .events = POLLIN, .revents = 0},
                          {.fd = timer_->fd(), .events = POLLIN, .revents = 0},
                          {.fd = events_.fd(), .events = POLLPRI, .revents = 0},
                          {.fd = oom_.fd(), .events = POLLPRI, .revents = 0}};
  if (phase_ == Phase::kStarting)
    fds.push_back({.fd = leader_.start_pipe.get(), .events = POLLIN, .revents = 0});
  if (question_)
    fds.push_back({.fd = question_->fd(), .events = question_->events(), .revents = 0});
  for (const Pump& pump : pumps_)
    if (pump.fd() >= 0) fds.push_back({.fd = pump.fd(), .events = POLLIN, .revents = 0});
  if (journal_.waiting_fd() >= 0)
    fds.push_back({.fd = journal_.waiting_fd(), .events = POLLOUT, .revents = 0});
  return fds;
}

void Supervision::reap() {
  int status = 0;
  for (pid_t pid = 0; (pid = ::waitpid(-1, &status, WNOHANG | __WALL)) > 0;) {
    if (pid != leader_.pid) continue;  // an orphan of the job, ours as its subreaper
    journal_.set_leader(0);
    if (phase_ == Phase::kStarting) look_at_start();
    if (phase_ == Phase::kRunning) leader_ended(status);
  }
}

void Supervision::look_at_start() {
  StartFailure failure;
  switch (read_start_pipe(leader_.start_pipe.get(), failure)) {
    case StartState::kPending:
      return;
    case StartState::kFailed:
      return start_failed(failure);
    case StartState::kExecuted:
      break;
  }
  leader_.start_pipe.reset();
  phase_ = Phase::kRunning;
  tell(attempt::Started{.leader = leader_.pid, .start_time = record_.start_time});
}

void Supervision::look_at_tree() {
  const auto tree = events_.state();
  if (tree && clock_.set_frozen(tree->frozen, BootClock::now())) {
    // For the worker, which keeps an eye on the limit.
    if (auto told = append_to_record(attempt::paused_line(clock_.stood_still())); !told)
      note(told.error().message);
  }
  if (phase_ != Phase::kEnding) return;
  if (!tree) note(tree.error().message);
  if ((!tree || !tree->populated) && !question_) phase_ = Phase::kOver;
}

void Supervision::start_failed(const StartFailure& failure) {
  record_.cause = attempt::EndCause::kStartFailed;
  record_.failed_step = step_name(failure.step);
  record_.failed_field = step_field(failure.step);
  record_.failed_errno = failure.error_number;
  record_.end_time = wall_now();
  // A child that failed is on its way out of job/.
  phase_ = leader_.pid > 0 ? Phase::kEnding : Phase::kOver;
  leader_.start_pipe.reset();
}

void Supervision::leader_ended(int wait_status) {
  record_.wait_status = wait_status;
  record_.end_time = wall_now();
  record_.duration = std::chrono::duration_cast<microseconds>(BootClock::now() - start_);
  find_cause(wait_status);
  const auto appended = append_to_record(attempt::leader_line(wait_status, record_.end_time));
  if (!appended) note(appended.error().message);
  tell(attempt::Ending{});
  phase_ = Phase::kEnding;
  look_at_tree();
  if (phase_ == Phase::kEnding) tree_.end_rest(prepared_.plan.stop_signal);
}

void Supervision::find_cause(int wait_status) {
  const bool killed = WIFSIGNALED(wait_status) && WTERMSIG(wait_status) == SIGKILL;
  const auto for_memory =
      killed && !asked_to_end_ ? oom_.of_leader(prepared_.base, prepared_.job) : std::nullopt;
  if (for_memory) {
    record_.cause = attempt::EndCause::kOomKilled;
    record_.oom_scope = for_memory->scope;
    record_.oom_kills = for_memory->kills;
    record_.memory_limit_bytes = prepared_.plan.limits.memory_bytes;
    return;
  }
  if (!asked_to_end_)
    record_.cause =
        WIFEXITED(wait_status) ? attempt::EndCause::kExited : attempt::EndCause::kSignaled;
  if (const std::uint64_t kills = oom_.kills(); kills > 0)
    note(std::to_string(kills) + (kills == 1 ? " process was" : " processes were") +
         " killed for memory");
}

Result<void> Supervision::append_to_record(const std::string& lines) {
  return attempt::append_to_record(prepared_.folder.get(), lines);
}

void Supervision::stop(const StopSignal& signal) {
  if (asked_to_end_ || phase_ == Phase::kEnding || phase_ == Phase::kOver) return;
  const auto request = attempt::read_stop_record(prepared_.folder.get());
  const attempt::StopRecord stop = request ? *request : attempt::StopRecord{.by = signal.by};
  const bool by_host = stop.cause == attempt::StopCause::kHostShutdown;
  record_.stop_by = stop.by;
  record_.stop_reason = stop.reason;
  record_.stopped_from_outside = !request && request.error().code == ErrorCode::kNotFound;
  if (!request && !record_.stopped_from_outside) note(request.error().message);
  if (record_.stopped_from_outside && signal.by_systemd) ask_why();
  begin_ending(by_host ? attempt::EndCause::kHostShutdown : attempt::EndCause::kStopped,
               stop.grace.value_or(prepared_.plan.grace));
}

void Supervision::time_out() {
  if (asked_to_end_ || phase_ == Phase::kEnding || phase_ == Phase::kOver) return;
  record_.run_time_limit = prepared_.plan.run_time_limit;
  begin_ending(attempt::EndCause::kTimedOut, prepared_.plan.grace);
  tell(attempt::Ending{});
}

// The scheduler may start the job elsewhere from now on.
void Supervision::lose_contact() {
  if (asked_to_end_ || phase_ == Phase::kEnding || phase_ == Phase::kOver) return;
  record_.stop_reason = attempt::lease_over_text(*prepared_.plan.lease);
  begin_ending(attempt::EndCause::kWorkerLost, prepared_.plan.grace);
  tell(attempt::Ending{});
}

void Supervision::begin_ending(attempt::EndCause cause, microseconds grace) {
  asked_to_end_ = true;
  record_.cause = cause;
  // Should this process be lost now, the line says why the job ended.
  if (const auto appended = append_to_record(attempt::ending_line(cause)); !appended)
    note(appended.error().message);
  if (leader_.pid > 0) {
    const attempt::LaunchPlan& plan = prepared_.plan;
    return tree_.stop(plan.stop_signal, plan.stop_target, {leader_.pid, leader_.pidfd.get()},
                      grace);
  }
  record_.end_time = wall_now();
  phase_ = Phase::kEnding;
  look_at_tree();
}

// The same signal comes for one unit and for all of them, when the host goes down. Only PID 1
// knows.
void Supervision::ask_why() {
  auto asked = sd::SystemStateQuestion::ask();
  if (!asked) return note("not known whether the host was going down: " + asked.error().message);
  question_ = std::move(*asked);
}

void Supervision::look_at_answer() {
  const auto state = question_->turn();
  if (!state) return;
  question_.reset();
  if (!*state) return note("not known whether the host was going down: " + state->error().message);
  if (**state != sd::kSystemStopping || record_.cause != attempt::EndCause::kStopped) return;
  record_.cause = attempt::EndCause::kHostShutdown;
  record_.stop_by = "systemd";
  if (auto told = append_to_record(attempt::ending_line(record_.cause)); !told)
    note(told.error().message);
}

void Supervision::finish() {
  for (Pump& pump : pumps_) pump.finish();
  timeline_.finish();
  journal_.finish(BootClock::now() + limits::kJournalFinish);
  reap();
  fill_usage();
  write_exit_record();
  // What cannot be removed now is removed with the base, by its launcher.
  std::ignore = prepared_.base.remove_child(attempt::kJobLeaf);
  tell(attempt::Ended{});
}

void Supervision::fill_usage() {
  const cgroup::CpuStat cpu = prepared_.job.cpu_stat();
  const cgroup::IoStat io = prepared_.job.io_stat();
  record_.cpu_user = cpu.user;
  record_.cpu_system = cpu.system;
  record_.memory_peak_bytes = prepared_.job.memory_peak();
  record_.tasks_peak = prepared_.job.tasks_peak();
  record_.io_read_bytes = io.read_bytes;
  record_.io_write_bytes = io.write_bytes;
  record_.sigkill_needed = tree_.sigkill_needed();
  record_.stragglers_killed = tree_.stragglers();
  record_.journal_lines_sent = journal_.sent();
  record_.journal_lines_dropped = journal_.dropped();
}

void Supervision::write_exit_record() {
  auto written = try_exit_record();
  // On a full disk: how it ended matters more than the last of its output.
  for (int i = 0; i < kMakeRoomTries && !written && is_full(written.error()); ++i) {
    if (!give_back_output()) break;
    written = try_exit_record();
  }
  // Where even this fails, `leader=` remains, and the worker says so.
  if (!written) std::ignore = remove_file(prepared_.folder.get(), "exit.tmp");
}

Result<void> Supervision::try_exit_record() {
  if (!pumps_.empty()) {
    record_.stdout_totals = pumps_.front().totals();
    record_.stderr_totals = pumps_.back().totals();
  }
  return attempt::write_record(prepared_.folder.get(), record_);
}

bool Supervision::give_back_output() {
  return std::any_of(pumps_.begin(), pumps_.end(), [](Pump& pump) { return pump.give_back(); });
}

// The worker may be slow, gone, or another by now: it learns all from the folder anyway.
void Supervision::tell(const attempt::Message& message) {
  std::ignore = attempt::send_message(control_.get(), message);
}

void Supervision::note(const std::string& text) {
  if (!record_.note.empty()) record_.note += "; ";
  record_.note += text;
}

}  // namespace takt::supervisor
