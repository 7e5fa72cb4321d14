// SPDX-License-Identifier: Apache-2.0
#include "component/daemons.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "base/check.h"
#include "base/fs.h"
#include "rpc/channel.h"
#include "support/eventually.h"

namespace takt::component {
namespace {

std::string make_folder(const std::string& folder) {
  const auto made = make_directories(folder, kPassThrough);
  TAKT_CHECK(made.ok(), "%s", made.error().message.c_str());
  return folder;
}

std::string scheduler_conf(const std::string& folder) {
  return "[scheduler]\nstate_directory = " + folder + "/state\nlisten = unix:" + folder +
         "/socket\nlog_level = debug\n";
}

std::string worker_conf(const std::string& folder, const std::string& name,
                        const std::string& cgroup, const std::string& scheduler,
                        const WorkerOptions& options) {
  return "[worker]\nname = " + name + "\nstate_directory = " + folder +
         "/state\nlisten = unix:" + folder + "/socket\naddress = unix:" + folder +
         "/socket\nsupervisor = " TAKT_SUPERVISOR "\nlog_level = debug\n" +
         (options.labels.empty() ? "" : "labels = " + options.labels + "\n") +
         "[scheduler]\naddress = " + scheduler +
         "\n[jobs]\nlauncher = cgroup\ndefault_user = nobody\njournal = no\ncgroup = " + cgroup +
         "\nslots = " + std::to_string(options.slots) +
         "\nstarts_at_once = " + std::to_string(options.starts_at_once) + "\n" + options.extra;
}

// Whether a SIGTERM waits for the process, or is caught: by its default it would end it.
bool holds_termination(pid_t pid) {
  const auto text = read_file(AT_FDCWD, "/proc/" + std::to_string(pid) + "/status", 1 << 16);
  for (const char* key : {"SigBlk:\t", "SigCgt:\t"}) {
    const std::size_t at = text ? text->find(key) : std::string::npos;
    if (at == std::string::npos) continue;
    if (((std::stoull(text->substr(at + 8, 16), nullptr, 16) >> (SIGTERM - 1)) & 1U) != 0)
      return true;
  }
  return false;
}

std::string cgroup_name(const std::string& name) {
  return "takt-component-" + std::to_string(::getpid()) + "-" + name;
}

Result<cgroup::Cgroup> root_cgroup() {
  auto tree = cgroup::Tree::find();
  if (!tree) return tree.error();
  return cgroup::Cgroup::open(*tree, "/");
}

}  // namespace

DaemonProcess::DaemonProcess(std::string program, std::string folder,
                             const std::string& configuration)
    : program_(std::move(program)), folder_(make_folder(folder)) {
  const auto written = write_file(AT_FDCWD, this->configuration(), configuration, 0644);
  TAKT_CHECK(written.ok(), "%s", written.error().message.c_str());
}

void DaemonProcess::start(std::vector<std::string> under) {
  TAKT_CHECK(!running(), "%s runs already", program_.c_str());
  under.insert(under.end(), {program_, "--config", configuration()});
  process_ = std::make_unique<test::ChildProcess>(under, folder_ + "/log");
}

void DaemonProcess::stop() {
  if (process_ == nullptr) return;
  EXPECT_TRUE(test::eventually([this] { return !running() || holds_termination(pid()); }))
      << program_ << " does not begin";
  process_->signal(SIGTERM);
  expect_end();
}

void DaemonProcess::expect_end() {
  const auto status = process_->wait();
  EXPECT_TRUE(status.has_value()) << program_ << " does not go";
  if (status) {
    EXPECT_EQ(*status, 0) << program_ << " (a wait status)\n" << log();
  }
  process_.reset();
}

void DaemonProcess::kill() {
  process_->signal(SIGKILL);
  const auto status = process_->wait();
  EXPECT_TRUE(status && WIFSIGNALED(*status)) << program_ << " had ended before\n" << log();
  // One that goes in order tells of findings by its exit code.
  EXPECT_EQ(log().find("Sanitizer: "), std::string::npos) << program_ << "\n" << log();
  process_.reset();
}

std::string DaemonProcess::log() const {
  const auto text = read_file(AT_FDCWD, folder_ + "/log", 64 << 20);
  return text ? *text : "";
}

SchedulerProcess::SchedulerProcess(const std::string& folder, const std::string& extra)
    : DaemonProcess(TAKT_SCHEDULER, folder + "/scheduler",
                    scheduler_conf(folder + "/scheduler") + extra) {}

WorkerProcess::WorkerProcess(const std::string& folder, const std::string& name,
                             const std::string& scheduler, const WorkerOptions& options)
    : DaemonProcess(
          TAKT_WORKER, folder + "/" + name,
          worker_conf(folder + "/" + name, name, component::cgroup_name(name), scheduler, options)),
      name_(name),
      cgroup_name_(component::cgroup_name(name)) {
  auto channel = rpc::make_channel(socket());
  TAKT_CHECK(channel.ok(), "%s", channel.error().message.c_str());
  stub_ = v1::WorkerService::NewStub(*channel);
}

WorkerProcess::~WorkerProcess() {
  if (running()) kill();
  auto root = root_cgroup();
  if (!root) return;
  auto own = root->open_child(cgroup_name_);
  if (!own) return;
  static_cast<void>(own->kill());
  EXPECT_TRUE(test::eventually([&] { return root->remove_child(cgroup_name_).ok(); }))
      << cgroup_name_ << " stays";
}

v1::WorkerService::Stub& WorkerProcess::stub() { return *stub_; }

std::string WorkerProcess::id() const {
  const auto text = read_file(AT_FDCWD, state() + "/worker-id", 64);
  return text ? text->substr(0, 36) : "";
}

pid_t WorkerProcess::spawner() const {
  const auto children = test::children_of(pid());
  return children.size() == 1 ? children.front() : 0;
}

std::vector<std::string> WorkerProcess::active() const {
  const auto names = list_directory(AT_FDCWD, state() + "/active");
  return names ? *names : std::vector<std::string>{};
}

bool WorkerProcess::populated() const {
  auto root = root_cgroup();
  auto own = root ? root->open_child(cgroup_name_) : std::move(root);
  if (!own) return false;
  const auto populated = own->populated();
  return populated && *populated;
}

Result<cgroup::Cgroup> WorkerProcess::cgroup() const {
  auto root = root_cgroup();
  return root ? root->open_child(cgroup_name_) : std::move(root);
}

bool WorkerProcess::has_cgroup() const {
  auto root = root_cgroup();
  return root && root->open_child(cgroup_name_).ok();
}

}  // namespace takt::component
