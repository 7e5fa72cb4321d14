// SPDX-License-Identifier: Apache-2.0
#include "supervisor/tree.h"

#include <csignal>
#include <set>
#include <tuple>

#include "base/limits.h"
#include "base/process.h"

namespace takt::supervisor {
namespace {

constexpr int kPassesMax = 16;  // a fork bomb is left to cgroup.kill

// A stopped process acts on a signal only once it goes on.
void signal_and_continue(int pidfd, int signal) {
  std::ignore = signal_pidfd(pidfd, signal);
  if (signal != SIGCONT && signal != SIGKILL) std::ignore = signal_pidfd(pidfd, SIGCONT);
}

// The pid is looked up in the cgroup again once we hold its pidfd: it cannot be another's then.
bool signal_member(const cgroup::Cgroup& cgroup, pid_t pid, int signal) {
  const auto pidfd = open_pidfd(pid);
  if (!pidfd || !cgroup.contains(pid) || pidfd_ended(pidfd->get())) return false;
  signal_and_continue(pidfd->get(), signal);
  return true;
}

}  // namespace

std::size_t signal_tree(const cgroup::Cgroup& cgroup, int signal) {
  std::set<pid_t> seen;
  std::size_t signaled = 0;
  for (int pass = 0; pass < kPassesMax; ++pass) {
    const auto pids = cgroup.processes();
    if (!pids) break;
    bool fresh = false;
    for (const pid_t pid : *pids) {
      if (!seen.insert(pid).second) continue;
      fresh = true;
      if (signal_member(cgroup, pid, signal)) ++signaled;
    }
    if (!fresh) break;
  }
  return signaled;
}

void TreeStop::stop(int signal, attempt::StopTarget target, LeaderRef leader, microseconds grace) {
  if (step_ != Step::kNone) return;
  leader_ = leader;
  step_ = Step::kAsked;
  // A frozen process gets its signal when it thaws, so the order does not matter to it; but nothing
  // may stay frozen for the whole grace.
  std::ignore = job_.freeze(false);
  switch (target) {
    case attempt::StopTarget::kAll:
      all_asked_ = true;
      signal_tree(job_, signal);
      if (!job_.contains(leader.pid)) signal_and_continue(leader.pidfd, signal);
      break;
    case attempt::StopTarget::kLeader:
      signal_and_continue(leader.pidfd, signal);
      break;
  }
  // From now, not from before: however long this took (SIGSTOP, a busy host), the job has its
  // grace.
  deadline_ = BootClock::now() + grace;
}

void TreeStop::end_rest(int signal) {
  if (step_ == Step::kKilled || all_asked_) return;
  const bool by_itself = step_ == Step::kNone;
  step_ = Step::kAsked;
  all_asked_ = true;
  std::ignore = job_.freeze(false);
  const std::size_t left = signal_tree(job_, signal);
  deadline_ = BootClock::now() + limits::kStragglerGrace;
  if (by_itself) stragglers_ = left;
}

void TreeStop::on_deadline() {
  step_ = Step::kKilled;
  deadline_.reset();
  const auto left = job_.processes();
  if (left && !left->empty()) sigkill_needed_ = true;
  // Every kernel that takt runs on has cgroup.kill; a read-only mount would not.
  if (!job_.kill()) signal_tree(job_, SIGKILL);
  const bool alive = leader_.pidfd >= 0 && !pidfd_ended(leader_.pidfd);
  if (alive && !job_.contains(leader_.pid)) {
    sigkill_needed_ = true;
    std::ignore = signal_pidfd(leader_.pidfd, SIGKILL);
  }
}

}  // namespace takt::supervisor
