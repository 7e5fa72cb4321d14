// SPDX-License-Identifier: Apache-2.0
#include "unit/supervisor/harness.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <tuple>
#include <utility>
#include <variant>

#include "attempt/folder.h"
#include "base/fs.h"
#include "base/process.h"

namespace takt::supervisor {
namespace {

// As the worker does it: no environment, no descriptor but the socket.
[[noreturn]] void exec_spawner(int socket) {
  ::dup2(socket, attempt::kSpawnerSocketFd);
  if (socket == attempt::kSpawnerSocketFd) ::fcntl(socket, F_SETFD, 0);
  const char* const arguments[] = {TAKT_SUPERVISOR, "--spawner", nullptr};
  const char* const environment[] = {nullptr};
  ::execve(TAKT_SUPERVISOR, const_cast<char**>(arguments), const_cast<char**>(environment));
  ::_exit(127);
}

UniqueFd plan_file(const std::string& bytes) {
  UniqueFd file(::memfd_create("plan", MFD_CLOEXEC));
  EXPECT_TRUE(write_all(file.get(), bytes, "plan").ok());
  return file;
}

}  // namespace

bool wait_for(int fd, short events) {
  pollfd watched{.fd = fd, .events = events, .revents = 0};
  return ::poll(&watched, 1, kPatienceMs) == 1;
}

SpawnerProcess::SpawnerProcess() {
  auto [ours, theirs] = attempt::make_socket_pair().value();
  pid_ = ::fork();
  if (pid_ == 0) exec_spawner(theirs.get());
  socket_ = std::move(ours);
}

SpawnerProcess::~SpawnerProcess() { kill(); }

SpawnerProcess::Spawned SpawnerProcess::spawn(UniqueFd control, std::optional<int> cgroup) {
  std::vector<int> fds{control.get()};
  if (cgroup) fds.push_back(*cgroup);
  ++number_;
  EXPECT_TRUE(attempt::send_message(socket(), attempt::SpawnRequest{number_}, fds).ok());
  EXPECT_TRUE(wait_for(socket(), POLLIN));
  auto packet = attempt::receive_packet(socket());
  Spawned spawned;
  if (!packet || packet->end) {
    ADD_FAILURE() << "the spawner did not answer";
    return spawned;
  }
  spawned.answer = std::get<attempt::SpawnAnswer>(attempt::decode_message(packet->data).value());
  EXPECT_EQ(spawned.answer.number, number_);
  if (!packet->fds.empty()) spawned.pidfd = std::move(packet->fds[0]);
  return spawned;
}

void SpawnerProcess::kill() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
  pid_ = 0;
}

int SpawnerProcess::close() {
  socket_.reset();
  int status = -1;
  ::waitpid(std::exchange(pid_, 0), &status, 0);
  return status;
}

Attempt::Attempt(SpawnerProcess& spawner, const cgroup::Cgroup& parent, attempt::Launcher launcher)
    : spawner_(spawner), parent_(parent), launcher_(launcher) {
  const attempt::AttemptName name{Uuid::random(), 1};
  name_ = attempt::unit_name(name);
  plan.job_id = name.job_id.str();
  plan.attempt = 1;
  plan.unit = name_;
  plan.environment = {"PATH=/usr/bin:/bin"};
  plan.search_path = "/usr/bin:/bin";
  plan.journal = false;
  set_script("true");
  base_ = parent_.make_child(name_).value();
  if (launcher_ == attempt::Launcher::kScope) return;
  supervisor_ = base_.make_child(attempt::kSupervisorLeaf).value();
  job_ = base_.make_child(attempt::kJobLeaf).value();
}

Attempt::~Attempt() {
  control_.reset();
  std::ignore = base_.kill();
  EXPECT_TRUE(test::TestCgroup::wait_until_empty(base_));
  EXPECT_TRUE(parent_.remove_child(name_).ok());
}

void Attempt::set_script(const std::string& script) { plan.argv = {"sh", "-c", script}; }

void Attempt::spawn() {
  auto [ours, theirs] = attempt::make_socket_pair().value();
  const int cgroup = launcher_ == attempt::Launcher::kScope ? base_.fd() : supervisor_.fd();
  auto spawned = spawner_.spawn(std::move(theirs), cgroup);
  ASSERT_EQ(spawned.answer.error_number, 0);
  ASSERT_GT(spawned.answer.pid, 0);
  control_ = std::move(ours);
  pidfd_ = std::move(spawned.pidfd);
  pid_ = spawned.answer.pid;
}

attempt::Message Attempt::prepare() {
  const UniqueFd file = plan_file(attempt::encode_plan(plan).value());
  std::vector<int> fds{folder(), file.get()};
  if (launcher_ == attempt::Launcher::kCgroup) fds.push_back(job_.fd());
  EXPECT_TRUE(attempt::send_message(control_.get(), attempt::Prepare{launcher_}, fds).ok());
  attempt::Message answer = next();
  if (const auto* ready = std::get_if<attempt::Ready>(&answer)) {
    EXPECT_EQ(ready->cgroup_path, base_.path());
    EXPECT_EQ(ready->cgroup_inode, base_.inode().value());
    if (!job_) job_ = base_.open_child(attempt::kJobLeaf).value();
  }
  return answer;
}

void Attempt::prepare_again() {
  ASSERT_TRUE(attempt::send_message(control_.get(), attempt::Prepare{launcher_}).ok());
}

void Attempt::go() {
  const attempt::SupervisorRecord record{.pid = pid_,
                                         .start_ticks = process_start_ticks(pid_).value(),
                                         .boot_id = boot_id(),
                                         .launcher = launcher_,
                                         .unit = plan.unit,
                                         .cgroup_path = base_.path(),
                                         .cgroup_inode = base_.inode().value()};
  ASSERT_TRUE(attempt::write_record(folder(), record).ok());
  ASSERT_TRUE(attempt::send_message(control_.get(), attempt::Go{}).ok());
}

attempt::Message Attempt::next() {
  EXPECT_TRUE(wait_for(control_.get(), POLLIN)) << "the supervisor says nothing";
  auto packet = attempt::receive_packet(control_.get());
  if (!packet || packet->end) {
    ADD_FAILURE() << "the supervisor has closed its control socket";
    return attempt::Failed{.step = "closed"};
  }
  return attempt::decode_message(packet->data).value();
}

void Attempt::start() {
  ASSERT_NO_FATAL_FAILURE(spawn());
  const attempt::Message answer = prepare();
  const auto* failed = std::get_if<attempt::Failed>(&answer);
  ASSERT_EQ(failed, nullptr) << failed->step << ": " << failed->text;
  ASSERT_NO_FATAL_FAILURE(go());
  const attempt::Message message = next();
  ASSERT_TRUE(std::holds_alternative<attempt::Started>(message)) << message.index();
  leader_ = std::get<attempt::Started>(message).leader;
}

void Attempt::stop(const attempt::StopRecord& request) {
  ASSERT_TRUE(attempt::write_record(folder(), request).ok());
  signal(SIGTERM);
}

void Attempt::signal(int number) { ASSERT_TRUE(signal_pidfd(pidfd_.get(), number).ok()); }

bool Attempt::wait() { return wait_for(pidfd_.get(), POLLIN); }

attempt::ExitRecord Attempt::result() {
  EXPECT_TRUE(wait()) << "the supervisor does not end";
  const auto record = attempt::read_exit_record(folder());
  EXPECT_TRUE(record.ok());
  return record ? *record : attempt::ExitRecord{};
}

attempt::ExitRecord Attempt::run() {
  start();
  return testing::Test::HasFatalFailure() ? attempt::ExitRecord{} : result();
}

std::string Attempt::read(const std::string& file) const {
  constexpr std::size_t kMax = 64 << 20;
  const auto text = read_file(folder(), file, kMax);
  EXPECT_TRUE(text.ok()) << file;
  return text ? *text : std::string();
}

bool Attempt::has(const std::string& file) const {
  return ::faccessat(folder(), file.c_str(), F_OK, 0) == 0;
}

void Attempt::wait_for_output(const std::string& text) const {
  const UniqueFd watcher(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  const std::string path = folder_.path() + "/" + attempt::kStdoutFile;
  ASSERT_GE(::inotify_add_watch(watcher.get(), path.c_str(), IN_MODIFY), 0);
  while (read(attempt::kStdoutFile).find(text) == std::string::npos) {
    ASSERT_TRUE(wait_for(watcher.get(), POLLIN)) << "stdout never had: " << text;
    std::array<char, 4096> events;
    std::ignore = ::read(watcher.get(), events.data(), events.size());
  }
}

void Attempt::expect_nothing_left() const {
  EXPECT_FALSE(base_.populated().value());
  EXPECT_FALSE(base_.open_child(attempt::kJobLeaf).ok()) << "job/ is still there";
}

}  // namespace takt::supervisor
