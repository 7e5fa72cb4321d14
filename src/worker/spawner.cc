// SPDX-License-Identifier: Apache-2.0
#include "worker/spawner.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/epoll.h>
#include <sys/wait.h>

#include "base/fs.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/process.h"

namespace takt::worker {
namespace {

constexpr int kTriesMax = 5;

// posix_spawn with nothing inherited but the socket: no environment, no descriptor, no signal mask.
Result<pid_t> start_program(const std::string& program, int socket) {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawnattr_init(&attributes);
  for (int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
    ::posix_spawn_file_actions_addopen(&actions, fd, "/dev/null", O_RDWR, 0);
  ::posix_spawn_file_actions_adddup2(&actions, socket, attempt::kSpawnerSocketFd);
  sigset_t all;
  sigset_t none;
  ::sigfillset(&all);
  ::sigemptyset(&none);
  ::posix_spawnattr_setsigdefault(&attributes, &all);
  ::posix_spawnattr_setsigmask(&attributes, &none);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
  std::string option = "--spawner";
  std::string name = program;
  char* const argv[] = {name.data(), option.data(), nullptr};
  char* const environment[] = {nullptr};
  pid_t pid = 0;
  const int error = ::posix_spawn(&pid, program.c_str(), &actions, &attributes, argv, environment);
  ::posix_spawn_file_actions_destroy(&actions);
  ::posix_spawnattr_destroy(&attributes);
  if (error != 0) return system_error("start " + program, error);
  return pid;
}

}  // namespace

Spawner::Spawner(sd::EventLoop& loop, std::string program)
    : loop_(loop), program_(std::move(program)) {}

Spawner::~Spawner() {
  socket_source_.reset();
  socket_.reset();  // the spawner ends with it, and its parked children with their own
  if (pid_ > 0) ::waitpid(pid_, nullptr, 0);
}

Result<void> Spawner::start() {
  auto pair = attempt::make_socket_pair();
  if (!pair) return pair.error();
  // adddup2 of a descriptor onto itself would leave it close-on-exec.
  UniqueFd theirs(::fcntl(pair->second.get(), F_DUPFD_CLOEXEC, 10));
  if (!theirs) return system_error("F_DUPFD_CLOEXEC");
  auto pid = start_program(program_, theirs.get());
  if (!pid) return pid.error();
  pid_ = *pid;
  auto pidfd = open_pidfd(pid_);
  if (!pidfd) return pidfd.error();
  pidfd_ = std::move(*pidfd);
  socket_ = std::move(pair->first);
  if (auto set = set_nonblocking(socket_.get(), true); !set) return set;
  auto source = loop_.add_io(socket_.get(), EPOLLIN, [this](std::uint32_t) { on_socket(); });
  if (!source) return source.error();
  socket_source_ = std::move(*source);
  log_debug("spawner started, pid " + std::to_string(pid_));
  return {};
}

void Spawner::spawn(UniqueFd cgroup, Done done) {
  const std::uint64_t number = next_number_++;
  requests_.emplace(
      number,
      Request{.cgroup = std::move(cgroup), .control = {}, .tries = 0, .done = std::move(done)});
  ask_all();
}

// Asks for every request that is not asked yet of this spawner.
void Spawner::ask_all() {
  if (!socket_ && !requests_.empty()) {
    if (auto started = start(); !started) {
      socket_.reset();
      std::vector<std::uint64_t> numbers;
      for (const auto& [number, request] : requests_) numbers.push_back(number);
      for (std::uint64_t number : numbers) answer(number, started.error());
      return;
    }
  }
  for (auto& [number, request] : requests_) {
    if (request.control) continue;
    if (auto asked = ask(number, request); !asked) {
      // A full socket is emptied by its reader: answers come first, then we ask again.
      request.control.reset();
      if (asked.error().code == ErrorCode::kUnavailable) return;
      lost();
      return;
    }
  }
}

Result<void> Spawner::ask(std::uint64_t number, Request& request) {
  auto pair = attempt::make_socket_pair();
  if (!pair) return pair.error();
  std::vector<int> fds{pair->second.get()};
  if (request.cgroup) fds.push_back(request.cgroup.get());
  auto sent = attempt::send_message(socket_.get(), attempt::SpawnRequest{.number = number}, fds);
  if (!sent) return sent;
  request.control = std::move(pair->first);
  ++request.tries;
  return {};
}

void Spawner::on_socket() {
  for (;;) {
    auto packet = attempt::receive_packet(socket_.get());
    if (!packet && packet.error().code == ErrorCode::kUnavailable) break;
    if (!packet || packet->end) return lost();
    auto message = attempt::decode_message(packet->data);
    const auto* spawned = message ? std::get_if<attempt::SpawnAnswer>(&*message) : nullptr;
    if (spawned == nullptr) return lost();
    on_answer(*spawned, *packet);
  }
  ask_all();
}

void Spawner::on_answer(const attempt::SpawnAnswer& spawned, attempt::Packet& packet) {
  const auto found = requests_.find(spawned.number);
  if (found == requests_.end()) return;
  if (spawned.pid <= 0 || packet.fds.empty())
    return answer(spawned.number, system_error("fork a supervisor", spawned.error_number));
  answer(spawned.number, Parked{.pid = spawned.pid,
                                .pidfd = std::move(packet.fds[0]),
                                .control = std::move(found->second.control)});
}

void Spawner::answer(std::uint64_t number, Result<Parked> result) {
  auto node = requests_.extract(number);
  if (node.empty()) return;
  // Later, so that nobody is called from within spawn().
  auto call = [done = std::move(node.mapped().done),
               result = std::make_shared<Result<Parked>>(std::move(result))] {
    done(std::move(*result));
  };
  if (!loop_.post(std::move(call))) log_error("the loop took no answer of the spawner");
}

void Spawner::lost() {
  log_warning("the spawner has ended; starting another one");
  socket_source_.reset();
  socket_.reset();
  if (pid_ > 0) {
    std::ignore = signal_pidfd(pidfd_.get(), SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = 0;
  }
  std::vector<std::uint64_t> hopeless;
  for (auto& [number, request] : requests_) {
    request.control.reset();
    if (request.tries >= kTriesMax) hopeless.push_back(number);
  }
  for (std::uint64_t number : hopeless)
    answer(number,
           make_error(ErrorCode::kInternal,
                      "the spawner ended " + std::to_string(kTriesMax) + " times over this start"));
  retry_ = loop_.add_timer(limits::kReconnectMin, [this] { ask_all(); });
}

}  // namespace takt::worker
