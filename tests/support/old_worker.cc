// SPDX-License-Identifier: Apache-2.0
#include "support/old_worker.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <chrono>
#include <utility>

#include "base/check.h"
#include "base/unique_fd.h"
#include "base/uuid.h"
#include "rpc/unary.h"

namespace takt::test {
namespace {

namespace old = ::jobscheduler;

const grpc::Status kNotFound(grpc::StatusCode::UNKNOWN, "job not found");  // as Go's errors come

// A call that is answered only by its end.
class Hanging final : public grpc::ServerUnaryReactor {
 public:
  void OnCancel() override { Finish(grpc::Status::CANCELLED); }
  void OnDone() override { delete this; }
};

}  // namespace

std::string free_address() {
  const UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  TAKT_CHECK(::bind(fd.get(), generic, length) == 0, "bind");
  TAKT_CHECK(::getsockname(fd.get(), generic, &length) == 0, "getsockname");
  return "127.0.0.1:" + std::to_string(ntohs(address.sin_port));
}

class OldWorker::Service final : public old::Worker::CallbackService {
 public:
  explicit Service(OldWorker& worker) : worker_(worker) {}

  grpc::ServerUnaryReactor* StartJob(grpc::CallbackServerContext* context,
                                     const old::StartJobRequest* request,
                                     old::StartJobResponse* response) override {
    const std::lock_guard lock(worker_.mutex_);
    Start& start = worker_.starts_.emplace_back(Start{request->command(), request->path(), ""});
    worker_.changed_.notify_all();
    if (worker_.on_start_ == OnStart::kHang) return new Hanging();
    if (worker_.on_start_ == OnStart::kRefuse)
      return rpc::finish_now(context, {grpc::StatusCode::UNKNOWN,
                                       "exec: \"nothing\": executable file not found in $PATH"});
    start.id = Uuid::random().str();
    worker_.jobs_[start.id] = {};
    response->set_jobid(start.id);
    return rpc::finish_now(context);
  }

  grpc::ServerUnaryReactor* StopJob(grpc::CallbackServerContext* context,
                                    const old::StopJobRequest* request,
                                    old::StopJobResponse*) override {
    const std::lock_guard lock(worker_.mutex_);
    ++worker_.stops_;
    const auto found = worker_.jobs_.find(request->jobid());
    if (found == worker_.jobs_.end()) return rpc::finish_now(context, kNotFound);
    if (!found->second.done) found->second = {true, worker_.stopped_text_};
    return rpc::finish_now(context);
  }

  grpc::ServerUnaryReactor* QueryJob(grpc::CallbackServerContext* context,
                                     const old::QueryJobRequest* request,
                                     old::QueryJobResponse* response) override {
    const std::lock_guard lock(worker_.mutex_);
    const auto found = worker_.jobs_.find(request->jobid());
    if (found == worker_.jobs_.end()) return rpc::finish_now(context, kNotFound);
    ++worker_.queries_;
    response->set_done(found->second.done);
    response->set_error(!found->second.text.empty());
    response->set_errortext(found->second.text);
    return rpc::finish_now(context);
  }

 private:
  OldWorker& worker_;
};

OldWorker::OldWorker() : address_(free_address()), service_(std::make_unique<Service>(*this)) {
  serve();
}

OldWorker::~OldWorker() { die(); }

void OldWorker::serve() {
  grpc::ServerBuilder builder;
  builder.AddListeningPort(address_, grpc::InsecureServerCredentials());
  builder.RegisterService(service_.get());
  server_ = builder.BuildAndStart();
  TAKT_CHECK(server_ != nullptr, "the old worker cannot listen on %s", address_.c_str());
}

void OldWorker::die() {
  if (server_ == nullptr) return;
  server_->Shutdown(std::chrono::system_clock::now());
  server_->Wait();
  server_.reset();
  const std::lock_guard lock(mutex_);
  jobs_.clear();
}

void OldWorker::on_start(OnStart what) {
  const std::lock_guard lock(mutex_);
  on_start_ = what;
}

void OldWorker::end(const std::string& id, const std::string& text) {
  const std::lock_guard lock(mutex_);
  jobs_.at(id) = {true, text};
}

void OldWorker::on_stop(const std::string& text) {
  const std::lock_guard lock(mutex_);
  stopped_text_ = text;
}

bool OldWorker::wait_starts(std::size_t count) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, std::chrono::seconds(20), [&] { return starts_.size() >= count; });
}

std::vector<OldWorker::Start> OldWorker::starts() {
  const std::lock_guard lock(mutex_);
  return starts_;
}

std::size_t OldWorker::stops() {
  const std::lock_guard lock(mutex_);
  return stops_;
}

std::size_t OldWorker::queries() {
  const std::lock_guard lock(mutex_);
  return queries_;
}

}  // namespace takt::test
