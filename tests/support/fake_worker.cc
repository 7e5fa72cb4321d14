// SPDX-License-Identifier: Apache-2.0
#include "support/fake_worker.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/clock.h"
#include "rpc/convert.h"

namespace takt::test {

// One reader of output; answers when there is something, or when the job has ended.
struct FakeWorker::Follower {
  std::string job;
  std::size_t offset = 0;
  bool follow = false;
  bool wanted = false;
  bool done = false;
  int left = -1;  // messages before the stream breaks; below 0: never
  std::shared_ptr<OutputWriter> writer;
};

class FakeWorker::Service final : public v1::WorkerService::CallbackService {
 public:
  explicit Service(FakeWorker& worker) : worker_(worker) {}

  grpc::ServerBidiReactor<v1::SessionRequest, v1::SessionResponse>* Session(
      grpc::CallbackServerContext*) override {
    auto slot = std::make_shared<std::weak_ptr<Stream>>();
    auto stream = Stream::create(1000, 100,
                                 {[this, slot](const std::shared_ptr<v1::SessionRequest>& message) {
                                    if (const auto alive = slot->lock())
                                      worker_.on_message(alive, *message);
                                  },
                                  [] {}});
    *slot = stream;
    return stream.get();
  }

  grpc::ServerWriteReactor<v1::WorkerServiceReadOutputResponse>* ReadOutput(
      grpc::CallbackServerContext*, const v1::WorkerServiceReadOutputRequest* request) override {
    auto follower = std::make_shared<Follower>();
    follower->job = request->job_id();
    follower->offset = static_cast<std::size_t>(request->stdout_offset());
    follower->follow = request->follow();
    follower->writer = OutputWriter::create({[this, follower] {
                                               const std::lock_guard lock(worker_.mutex_);
                                               follower->wanted = true;
                                               worker_.feed(follower);
                                             },
                                             [this, follower] {
                                               const std::lock_guard lock(worker_.mutex_);
                                               follower->done = true;
                                             }});
    auto* const reactor = follower->writer.get();
    {
      const std::lock_guard lock(worker_.mutex_);
      ++worker_.output_streams_;
      follower->left = std::exchange(worker_.break_after_, -1);
      worker_.followers_.push_back(follower);
    }
    reactor->start();
    return reactor;
  }

 private:
  FakeWorker& worker_;
};

FakeWorker::FakeWorker(std::string id, std::string name, std::string path)
    : id_(std::move(id)),
      name_(std::move(name)),
      path_(std::move(path)),
      service_(std::make_unique<Service>(*this)),
      said_name_(name_) {}

FakeWorker::~FakeWorker() { die(); }

void FakeWorker::serve() {
  grpc::ServerBuilder builder;
  builder.AddListeningPort(address(), grpc::InsecureServerCredentials());
  builder.RegisterService(service_.get());
  server_ = builder.BuildAndStart();
  TAKT_CHECK(server_ != nullptr, "the fake worker cannot listen on %s", path_.c_str());
}

void FakeWorker::die() {
  if (server_ == nullptr) return;
  std::shared_ptr<Stream> session;
  std::vector<std::shared_ptr<Follower>> followers;
  {
    const std::lock_guard lock(mutex_);
    session = std::exchange(session_, nullptr);
    followers.swap(followers_);
    for (const auto& follower : followers) follower->done = true;
  }
  const grpc::Status gone(grpc::StatusCode::UNAVAILABLE, "the worker dies");
  if (session != nullptr) session->finish(gone);
  for (const auto& follower : followers) {
    if (const auto writer = follower->writer) writer->finish(gone);
  }
  server_->Shutdown(std::chrono::system_clock::now());
  server_->Wait();
  server_.reset();
}

v1::RegisterWorkerRequest FakeWorker::registration() const {
  v1::RegisterWorkerRequest request;
  request.set_worker_id(id_);
  request.set_name(name_);
  request.set_address(address());
  request.set_boot_id(boot_);
  request.set_version("fake");
  return request;
}

void FakeWorker::on_start(OnStart what) {
  const std::lock_guard lock(mutex_);
  on_start_ = what;
}

void FakeWorker::set_labels(const google::protobuf::Map<std::string, std::string>& labels) {
  const std::lock_guard lock(mutex_);
  labels_ = labels;
}

void FakeWorker::say_name(const std::string& name) {
  const std::lock_guard lock(mutex_);
  said_name_ = name;
}

void FakeWorker::say_fault(const std::string& fault) {
  const std::lock_guard lock(mutex_);
  fault_ = fault;
  v1::SessionResponse message;
  *message.mutable_capacity() = capacity();
  if (session_) session_->send(std::move(message));
}

v1::Capacity FakeWorker::capacity() const {
  v1::Capacity capacity;
  capacity.set_slots(16);
  capacity.set_cpu_millicores(8000);
  capacity.set_memory_bytes(std::int64_t{8} << 30);
  capacity.add_launchers(v1::LAUNCHER_CGROUP);
  capacity.set_fault(fault_);
  return capacity;
}

void FakeWorker::set_boot(const std::string& boot) {
  const std::lock_guard lock(mutex_);
  boot_ = boot;
}

void FakeWorker::forget(const std::string& job) {
  const std::lock_guard lock(mutex_);
  held_.erase(job);
}

void FakeWorker::hold(const v1::Attempt& attempt, const std::optional<v1::JobSpec>& spec) {
  const std::lock_guard lock(mutex_);
  if (spec) specs_[attempt.job_id()] = *spec;
  held_[attempt.job_id()] = attempt;
}

void FakeWorker::end(const std::string& job, int exit_code) {
  const std::lock_guard lock(mutex_);
  v1::Attempt& attempt = held_.at(job);
  finish(attempt, v1::END_CAUSE_EXITED,
         exit_code == 0 ? v1::JOB_STATE_SUCCEEDED : v1::JOB_STATE_FAILED, exit_code);
}

void FakeWorker::write(const std::string& job, const std::string& text) {
  const std::lock_guard lock(mutex_);
  output_[job] += text;
  feed_all();
}

void FakeWorker::break_output_after(int messages) {
  const std::lock_guard lock(mutex_);
  break_after_ = messages;
}

bool FakeWorker::wait(const std::function<bool()>& ready) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, std::chrono::seconds(60), ready);
}

bool FakeWorker::wait_starts(std::size_t count) {
  return wait([&] { return starts_.size() >= count; });
}
bool FakeWorker::wait_stops(std::size_t count) {
  return wait([&] { return stops_.size() >= count; });
}
bool FakeWorker::wait_acknowledged(const std::string& job, int count) {
  return wait([&] { return acknowledged_[job] >= count; });
}
bool FakeWorker::wait_sessions(int count) {
  return wait([&] { return sessions_ >= count && listed_; });
}

bool FakeWorker::wait_describes(int count) {
  return wait([&] { return describes_ >= count; });
}

std::vector<v1::StartCommand> FakeWorker::starts() {
  const std::lock_guard lock(mutex_);
  return starts_;
}
std::vector<v1::StopCommand> FakeWorker::stops() {
  const std::lock_guard lock(mutex_);
  return stops_;
}
int FakeWorker::sessions() {
  const std::lock_guard lock(mutex_);
  return sessions_;
}
int FakeWorker::output_streams() {
  const std::lock_guard lock(mutex_);
  return output_streams_;
}
int FakeWorker::early_commands() {
  const std::lock_guard lock(mutex_);
  return early_;
}

void FakeWorker::on_message(const std::shared_ptr<Stream>& stream,
                            const v1::SessionRequest& message) {
  const std::lock_guard lock(mutex_);
  if (message.has_hello()) {
    on_hello(stream);
  } else if (!listed_) {
    ++early_;
  } else if (message.has_start()) {
    take_start(message.start());
  } else if (message.has_stop()) {
    take_stop(message.stop());
  } else if (message.has_describe()) {
    take_describe(message.describe());
  } else if (message.has_acknowledge()) {
    ++acknowledged_[message.acknowledge().job_id()];
  }
  changed_.notify_all();
}

void FakeWorker::on_hello(const std::shared_ptr<Stream>& stream) {
  session_ = stream;
  listed_ = false;
  v1::SessionResponse hello;
  hello.mutable_hello()->set_worker_id(id_);
  hello.mutable_hello()->set_boot_id(boot_);
  hello.mutable_hello()->set_session_number(++sessions_);
  hello.mutable_hello()->set_name(said_name_);
  hello.mutable_hello()->set_version("fake");
  *hello.mutable_hello()->mutable_labels() = labels_;
  (*hello.mutable_hello()->mutable_labels())["kind"] = "fake";
  *hello.mutable_hello()->mutable_capacity() = capacity();
  stream->send(std::move(hello));
  // One message each, so that the list has parts.
  for (const auto& [job, attempt] : held_) {
    v1::SessionResponse part;
    *part.mutable_list()->add_reports()->mutable_attempt() = attempt;
    stream->send(std::move(part));
  }
  v1::SessionResponse last;
  last.mutable_list_end()->set_count(static_cast<std::int64_t>(held_.size()));
  stream->send(std::move(last));
  listed_ = true;
}

void FakeWorker::take_start(const v1::StartCommand& start) {
  starts_.push_back(start);
  const auto known = held_.find(start.job_id());
  if (known != held_.end() && known->second.number() == start.attempt())
    return report(known->second);
  if (on_start_ == OnStart::kLose) return;
  if (on_start_ == OnStart::kRefuse) {
    v1::SessionResponse message;
    message.mutable_refused()->set_job_id(start.job_id());
    message.mutable_refused()->set_attempt(start.attempt());
    message.mutable_refused()->set_message("not today");
    if (session_ != nullptr) session_->send(std::move(message));
    return;
  }
  v1::Attempt& attempt = held_[start.job_id()];  // an earlier one has ended
  attempt.Clear();
  attempt.set_job_id(start.job_id());
  attempt.set_number(start.attempt());
  attempt.set_worker_id(id_);
  attempt.set_state(v1::JOB_STATE_RUNNING);
  *attempt.mutable_start_time() = rpc::time_to_proto(wall_now());
  report(attempt);
  if (on_start_ == OnStart::kSucceed)
    finish(attempt, v1::END_CAUSE_EXITED, v1::JOB_STATE_SUCCEEDED, 0);
}

void FakeWorker::take_stop(const v1::StopCommand& stop) {
  stops_.push_back(stop);
  const auto known = held_.find(stop.job_id());
  if (known == held_.end() || known->second.has_end()) return;
  finish(known->second, v1::END_CAUSE_STOPPED, v1::JOB_STATE_STOPPED, 143);
}

void FakeWorker::take_describe(const v1::DescribeCommand& describe) {
  ++describes_;
  const auto spec = specs_.find(describe.job_id());
  if (spec == specs_.end()) return;
  v1::SessionResponse message;
  v1::AttemptDescription* description = message.mutable_description();
  description->set_job_id(describe.job_id());
  description->set_attempt(describe.attempt());
  description->set_submitted_by("user alice");
  if (held_.contains(describe.job_id())) *description->mutable_spec() = spec->second;
  if (session_ != nullptr) session_->send(std::move(message));
}

void FakeWorker::finish(v1::Attempt& attempt, v1::EndCause cause, v1::JobState state,
                        int exit_code) {
  attempt.set_state(state);
  attempt.mutable_end()->set_cause(cause);
  attempt.mutable_end()->set_exit_code(exit_code);
  *attempt.mutable_end_time() = rpc::time_to_proto(wall_now());
  report(attempt);
  feed_all();
}

void FakeWorker::report(const v1::Attempt& attempt) {
  if (session_ == nullptr || !listed_) return;
  v1::SessionResponse message;
  *message.mutable_report()->mutable_attempt() = attempt;
  session_->send(std::move(message));
}

void FakeWorker::feed_all() {
  for (const auto& follower : followers_) feed(follower);
}

void FakeWorker::feed(const std::shared_ptr<Follower>& follower) {
  if (!follower->wanted || follower->done) return;
  if (follower->left == 0) {
    follower->done = true;
    follower->writer->finish({grpc::StatusCode::UNAVAILABLE, "the worker broke the stream"});
    return;
  }
  const auto held = held_.find(follower->job);
  if (held == held_.end()) {
    follower->done = true;
    follower->writer->finish({grpc::StatusCode::NOT_FOUND, "not on this worker"});
    return;
  }
  const std::string& all = output_[follower->job];
  v1::WorkerServiceReadOutputResponse message;
  message.set_attempt(held->second.number());
  if (follower->offset < all.size()) {
    const std::string piece = all.substr(follower->offset, 4);
    message.mutable_chunk()->set_stream(v1::OUTPUT_STREAM_STDOUT);
    message.mutable_chunk()->set_offset(static_cast<std::int64_t>(follower->offset));
    message.mutable_chunk()->set_data(piece);
    follower->offset += piece.size();
  } else if (held->second.has_end()) {
    message.set_complete(true);
    *message.mutable_end_time() = held->second.end_time();
    follower->done = true;
  } else if (follower->follow) {
    return;
  } else {
    follower->done = true;
    follower->writer->finish();
    return;
  }
  follower->wanted = false;
  if (follower->left > 0) --follower->left;
  follower->writer->give(std::move(message));
  if (follower->done) follower->writer->finish();
}

}  // namespace takt::test
