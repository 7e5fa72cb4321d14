// SPDX-License-Identifier: Apache-2.0
#include "supervisor/leader.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <optional>
#include <string>
#include <tuple>
#include <utility>

#include "base/fs.h"
#include "base/result.h"
#include "supervisor/clone.h"

namespace takt::supervisor {
namespace {

struct Pipe {
  UniqueFd read_end;  // non-blocking
  UniqueFd write_end;
};

Result<Pipe> make_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return system_error("pipe");
  Pipe made{.read_end = UniqueFd(ends[0]), .write_end = UniqueFd(ends[1])};
  auto set = set_nonblocking(made.read_end.get(), true);
  if (!set) return set.error();
  return made;
}

// A pipe that the job's user can open again by /dev/stdout.
Result<Pipe> make_output_pipe(const attempt::LaunchPlan& plan) {
  auto made = make_pipe();
  if (!made) return made.error();
  // Without the privilege to give it away there is no other user either.
  std::ignore = ::fchown(made->write_end.get(), plan.uid, plan.gid);
  return made;
}

Result<UniqueFd> make_stdin(const std::optional<std::string>& data) {
  if (!data) return open_at(AT_FDCWD, "/dev/null", O_RDONLY);
  UniqueFd file(::memfd_create("stdin", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!file) return system_error("memfd_create");
  auto written = write_all(file.get(), *data, "stdin");
  if (!written) return written.error();
  constexpr int kSeals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL;
  if (::fcntl(file.get(), F_ADD_SEALS, kSeals) != 0) return system_error("seal stdin");
  // A description of its own, for reading only, at offset 0.
  return open_at(AT_FDCWD, "/proc/self/fd/" + std::to_string(file.get()), O_RDONLY);
}

StartFailure failed_at(Step step, const Error& error) {
  return StartFailure{.step = step, .error_number = error.error_number};
}

}  // namespace

std::variant<Leader, StartFailure> launch_leader(const attempt::LaunchPlan& plan,
                                                 const cgroup::Cgroup& job) {
  auto stdin_fd = make_stdin(plan.stdin_data);
  if (!stdin_fd) return failed_at(Step::kStdin, stdin_fd.error());
  auto out = make_output_pipe(plan);
  if (!out) return failed_at(Step::kPipes, out.error());
  auto err = make_output_pipe(plan);
  if (!err) return failed_at(Step::kPipes, err.error());
  auto start = make_pipe();
  if (!start) return failed_at(Step::kPipes, start.error());
  auto cloned = clone_process(job.fd());
  if (!cloned) return failed_at(Step::kClone, cloned.error());
  if (cloned->pid == 0) {
    const ChildFds fds{.stdin_fd = stdin_fd->get(),
                       .stdout_fd = out->write_end.get(),
                       .stderr_fd = err->write_end.get(),
                       .start_pipe = start->write_end.get()};
    run_child(plan, fds);
  }
  return Leader{.pid = cloned->pid,
                .pidfd = std::move(cloned->pidfd),
                .start_pipe = std::move(start->read_end),
                .stdout_pipe = std::move(out->read_end),
                .stderr_pipe = std::move(err->read_end)};
}

StartState read_start_pipe(int start_pipe, StartFailure& failure) {
  ssize_t got = -1;
  do {
    got = ::read(start_pipe, &failure, sizeof failure);
  } while (got < 0 && errno == EINTR);
  if (got < 0 && errno == EAGAIN) return StartState::kPending;
  return got == static_cast<ssize_t>(sizeof failure) ? StartState::kFailed : StartState::kExecuted;
}

}  // namespace takt::supervisor
