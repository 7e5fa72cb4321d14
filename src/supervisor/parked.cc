// SPDX-License-Identifier: Apache-2.0
#include "supervisor/parked.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

#include "attempt/control.h"
#include "attempt/folder.h"
#include "base/check.h"
#include "base/fs.h"
#include "supervisor/limits.h"
#include "supervisor/signals.h"
#include "supervisor/supervise.h"
#include "supervisor/title.h"

namespace takt::supervisor {
namespace {

constexpr int kControlFd = 3;
constexpr int kPidMeansSelf = 0;

// Why preparing failed.
struct Refusal {
  std::string step;
  Error error;
};

// Preparing, step by step, and taking it back.
class Preparation {
 public:
  // Nothing on success. `fds`: attempt folder, plan [, job/ directory].
  std::optional<Refusal> prepare(attempt::Launcher launcher, std::vector<UniqueFd> fds) {
    const std::size_t expected = launcher == attempt::Launcher::kScope ? 2 : 3;
    if (fds.size() != expected)
      return Refusal{"prepare", make_error(ErrorCode::kInvalid,
                                           std::to_string(fds.size()) + " descriptors came")};
    prepared_.folder = std::move(fds[0]);
    auto read = read_plan(fds[1].get());
    if (!read) return Refusal{"plan", read.error()};
    auto placed = launcher == attempt::Launcher::kScope ? make_leaves() : adopt_leaves(fds[2]);
    if (!placed) return Refusal{"cgroup", placed.error()};
    auto limited = limit();
    if (!limited) return Refusal{"limits", limited.error()};
    auto inode = prepared_.base.inode();
    if (!inode) return Refusal{"cgroup", inode.error()};
    base_inode_ = *inode;
    return std::nullopt;
  }

  // Only what was made here: a leaf that came from the worker is the worker's.
  void undo() {
    if (!made_leaves_) return;
    const cgroup::Cgroup& base = prepared_.base;
    std::ignore = base.remove_child(attempt::kJobLeaf);
    std::ignore = base.add_process(kPidMeansSelf);
    std::ignore = base.remove_child(attempt::kSupervisorLeaf);
  }

  [[nodiscard]] attempt::Ready ready() const {
    return {.cgroup_path = prepared_.base.path(), .cgroup_inode = base_inode_};
  }
  [[nodiscard]] Prepared take() { return std::move(prepared_); }

 private:
  Result<void> read_plan(int memfd) {
    if (::lseek(memfd, 0, SEEK_SET) != 0) return system_error("seek the launch plan");
    auto bytes = read_all(memfd, attempt::kPlanMaxBytes, "launch plan");
    if (!bytes) return bytes.error();
    auto plan = attempt::decode_plan(*bytes);
    if (!plan) return plan.error();
    prepared_.plan = std::move(*plan);
    set_title("takt-supervisor " + prepared_.plan.job_id + "." +
              std::to_string(prepared_.plan.attempt));
    return {};
  }

  // Scope: the cgroup that systemd put us into is the base.
  Result<void> make_leaves() {
    auto path = cgroup::path_of_self();
    if (!path) return path.error();
    if (!path->ends_with("/" + prepared_.plan.unit))
      return make_error(ErrorCode::kFailedPrecondition,
                        "the supervisor is in " + *path + ", not in " + prepared_.plan.unit);
    auto tree = cgroup::Tree::find();
    if (!tree) return tree.error();
    auto base = cgroup::Cgroup::open(*tree, *path);
    if (!base) return base.error();
    prepared_.base = std::move(*base);
    made_leaves_ = true;
    auto own = prepared_.base.make_child(attempt::kSupervisorLeaf);
    if (!own) return own.error();
    auto moved = own->add_process(kPidMeansSelf);
    if (!moved) return moved;
    auto job = prepared_.base.make_child(attempt::kJobLeaf);
    if (!job) return job.error();
    prepared_.job = std::move(*job);
    return {};
  }

  // No line of a job runs before its limits are in force.
  Result<void> limit() {
    const attempt::CgroupLimits& limits = prepared_.plan.limits;
    auto enabled = enable_controllers(prepared_.base, limits);
    if (!enabled) return enabled;
    return apply_limits(prepared_.base, prepared_.job, limits);
  }

  // Cgroup: we were cloned into supervisor/, and job/ came along.
  Result<void> adopt_leaves(UniqueFd& job) {
    auto path = cgroup::path_of_self();
    if (!path) return path.error();
    if (!path->ends_with(std::string("/") + attempt::kSupervisorLeaf))
      return make_error(ErrorCode::kFailedPrecondition,
                        "the supervisor is in " + *path + ", not in a supervisor/ leaf");
    auto directory = open_directory(job.get(), "..");
    if (!directory) return directory.error();
    prepared_.base = cgroup::Cgroup(std::move(*directory), cgroup::parent_path(*path));
    prepared_.job =
        cgroup::Cgroup(std::move(job), cgroup::join_path(prepared_.base.path(), attempt::kJobLeaf));
    return check_leaf(attempt::kJobLeaf, prepared_.job);
  }

  // That the worker's descriptor is the job/ beside us, and not some other cgroup.
  Result<void> check_leaf(const char* name, const cgroup::Cgroup& leaf) {
    auto here = prepared_.base.open_child(name);
    if (!here) return here.error();
    const auto expected = here->inode();
    const auto actual = leaf.inode();
    if (expected && actual && *expected == *actual) return {};
    return make_error(ErrorCode::kFailedPrecondition, "the job/ given is not beside supervisor/");
  }

  Prepared prepared_;
  std::uint64_t base_inode_ = 0;
  bool made_leaves_ = false;
};

void drop_all_but(UniqueFd& control) {
  if (control.get() != kControlFd) {
    TAKT_CHECK(::dup3(control.get(), kControlFd, O_CLOEXEC) == kControlFd, "dup3");
    control = UniqueFd(kControlFd);
  }
  TAKT_CHECK(::syscall(SYS_close_range, kControlFd + 1, ~0U, 0) == 0, "close_range");
}

// The next message; nothing at end-of-file or if it cannot be read: both mean to give up.
std::optional<attempt::Message> next_message(int control, std::vector<UniqueFd>& fds) {
  auto packet = attempt::receive_packet(control);
  if (!packet || packet->end) return std::nullopt;
  auto message = attempt::decode_message(packet->data);
  if (!message) return std::nullopt;
  fds = std::move(packet->fds);
  return std::move(*message);
}

// True if the attempt ran.
bool park(UniqueFd control) {
  std::vector<UniqueFd> fds;
  const auto first = next_message(control.get(), fds);
  const auto* request = first ? std::get_if<attempt::Prepare>(&*first) : nullptr;
  if (request == nullptr) return false;
  Preparation preparation;
  const auto refused = preparation.prepare(request->launcher, std::move(fds));
  if (refused) {
    preparation.undo();
    const attempt::Failed failed{.step = refused->step,
                                 .field = refused->error.field,
                                 .error_number = refused->error.error_number,
                                 .text = refused->error.message};
    std::ignore = attempt::send_message(control.get(), failed);
    return false;
  }
  const auto answered = attempt::send_message(control.get(), preparation.ready());
  std::vector<UniqueFd> none;
  const auto second = answered ? next_message(control.get(), none) : std::nullopt;
  if (!second || !std::holds_alternative<attempt::Go>(*second)) {
    preparation.undo();
    return false;
  }
  Supervision(std::move(control), preparation.take()).run();
  return true;
}

}  // namespace

void run_parked(UniqueFd control) {
  block_signals();
  drop_all_but(control);
  std::ignore = ::prctl(PR_SET_NAME, "takt-supervisor", 0, 0, 0);
  set_title("takt-supervisor (parked)");
  park(std::move(control));
  // No atexit handlers: they are the spawner's.
  ::_exit(EXIT_SUCCESS);
}

}  // namespace takt::supervisor
