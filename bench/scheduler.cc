// SPDX-License-Identifier: Apache-2.0
#include "bench/scheduler.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <ctime>
#include <fstream>
#include <utility>

#include "base/check.h"
#include "base/fs.h"
#include "base/units.h"
#include "rpc/channel.h"
#include "support/eventually.h"

namespace takt::bench {
namespace {

std::string made(const std::string& folder, mode_t mode) {
  const auto done = make_directories(folder, mode);
  TAKT_CHECK(done.ok(), "%s", done.error().message.c_str());
  return folder;
}

// The workers of the bench send no heartbeats, and nothing that was filled in leaves the history.
std::string configuration(const std::string& folder) {
  return "[scheduler]\nstate_directory = " + folder + "/state\nlisten = unix:" + folder +
         "/socket\n[workers]\nunreachable_after = 1h\nlost_after = 24h\n"
         "[history]\nretain_jobs = 10000000\n";
}

std::string worker_id(int number) {
  return "11111111-0000-4000-8000-00000000000" + std::to_string(number);
}

}  // namespace

std::unique_ptr<grpc::ClientContext> context() {
  auto context = std::make_unique<grpc::ClientContext>();
  context->set_deadline(std::chrono::system_clock::now() + std::chrono::minutes(5));
  return context;
}

void expect_ok(const grpc::Status& status) {
  TAKT_CHECK(status.ok(), "%s", status.error_message().c_str());
}

Scheduler::Scheduler(std::string name, const std::string& folder, const StoreSize& size,
                     const std::string& extra)
    : name_(std::move(name)),
      folder_(made(folder + "/" + name_, 0711)),
      filled_(fill_store(made(folder_ + "/state", 0700), size)) {
  const auto written =
      write_file(AT_FDCWD, folder_ + "/conf", configuration(folder_) + extra, 0600);
  TAKT_CHECK(written.ok(), "%s", written.error().message.c_str());
}

Scheduler::~Scheduler() {
  if (process_ == nullptr) return;
  process_->signal(SIGTERM);
  static_cast<void>(process_->wait());
}

microseconds Scheduler::start() {
  const auto begin = BootClock::now();
  process_ = std::make_unique<test::ChildProcess>(
      std::vector<std::string>{TAKT_SCHEDULER, "--config", folder_ + "/conf"}, folder_ + "/log");
  const std::string socket = folder_ + "/socket";
  const bool there =
      test::eventually([&] { return ::access(socket.c_str(), F_OK) == 0 || !process_->running(); });
  TAKT_CHECK(there && process_->running(), "no scheduler; see %s/log", folder_.c_str());
  const auto channel = rpc::make_channel("unix:" + socket);
  TAKT_CHECK(channel.ok(), "%s", channel.error().message.c_str());
  jobs_ = v1::JobService::NewStub(*channel);
  operator_ = v1::OperatorService::NewStub(*channel);
  registry_ = v1::RegistryService::NewStub(*channel);
  v1::ListWorkersResponse response;
  expect_ok(operator_->ListWorkers(context().get(), {}, &response));
  return std::chrono::duration_cast<microseconds>(BootClock::now() - begin);
}

void Scheduler::add_workers() {
  for (int number = 1; number <= kWorkers; ++number) {
    const std::string name = worker_name(number);
    auto worker = std::make_unique<test::FakeWorker>(worker_id(number), name, folder_ + "/" + name);
    worker->on_start(test::FakeWorker::OnStart::kSucceed);
    worker->serve();
    v1::RegisterWorkerResponse response;
    expect_ok(registry_->RegisterWorker(context().get(), worker->registration(), &response));
    TAKT_CHECK(worker->wait_sessions(1), "%s has no session", name.c_str());
    workers_.push_back(std::move(worker));
  }
}

nanoseconds Scheduler::cpu_time() const {
  clockid_t clock = 0;
  timespec used{};
  TAKT_CHECK(::clock_getcpuclockid(process_->pid(), &clock) == 0, "the scheduler is gone");
  TAKT_CHECK(::clock_gettime(clock, &used) == 0, "clock_gettime");
  return seconds(used.tv_sec) + nanoseconds(used.tv_nsec);
}

std::int64_t Scheduler::resident_bytes() const { return memory("VmRSS:"); }

std::int64_t Scheduler::peak_resident_bytes() const { return memory("VmHWM:"); }

void Scheduler::forget_peak() const {
  std::ofstream("/proc/" + std::to_string(process_->pid()) + "/clear_refs") << 5;
}

std::int64_t Scheduler::memory(const std::string& label) const {
  const auto text =
      read_file(AT_FDCWD, "/proc/" + std::to_string(process_->pid()) + "/status", 1 << 16);
  TAKT_CHECK(text.ok(), "%s", text.error().message.c_str());
  const std::size_t begin = text->find_first_of("0123456789", text->find(label));
  const std::size_t end = text->find(' ', begin);
  const auto kib = parse_integer(text->substr(begin, end - begin), label, 0, std::int64_t{1} << 40);
  TAKT_CHECK(kib.ok(), "%s", label.c_str());
  return *kib * 1024;
}

std::int64_t Scheduler::store_bytes() const {
  struct stat info = {};
  TAKT_CHECK(::stat((folder_ + "/state/takt.db").c_str(), &info) == 0, "no store");
  return info.st_size;
}

}  // namespace takt::bench
