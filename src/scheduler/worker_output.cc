// SPDX-License-Identifier: Apache-2.0
#include "scheduler/worker_output.h"

#include <utility>

namespace takt::scheduler {

WorkerOutput::WorkerOutput(const std::shared_ptr<grpc::Channel>& channel,
                           v1::WorkerServiceReadOutputRequest request, Events events)
    : stub_(v1::WorkerService::NewStub(channel)),
      request_(std::move(request)),
      events_(std::move(events)) {}

std::shared_ptr<WorkerOutput> WorkerOutput::start(const std::shared_ptr<grpc::Channel>& channel,
                                                  v1::WorkerServiceReadOutputRequest request,
                                                  Events events) {
  std::shared_ptr<WorkerOutput> output(
      new WorkerOutput(channel, std::move(request), std::move(events)));
  output->self_ = output;
  output->stub_->async()->ReadOutput(&output->context_, &output->request_, output.get());
  output->AddHold();  // for reads that come from the owner's thread
  output->StartCall();
  return output;
}

void WorkerOutput::read() {
  const std::lock_guard lock(mutex_);
  if (!held_) return;
  reading_ = true;
  StartRead(&message_);
}

void WorkerOutput::cancel() {
  context_.TryCancel();
  {
    const std::lock_guard lock(mutex_);
    if (reading_ || !held_) return;  // the read that fails lets go
  }
  let_go();
}

void WorkerOutput::let_go() {
  {
    const std::lock_guard lock(mutex_);
    if (!std::exchange(held_, false)) return;
  }
  RemoveHold();
}

void WorkerOutput::OnReadDone(bool ok) {
  {
    const std::lock_guard lock(mutex_);
    reading_ = false;
  }
  if (!ok) return let_go();
  events_.on_message(message_);
}

void WorkerOutput::OnDone(const grpc::Status& status) {
  std::shared_ptr<WorkerOutput> last;
  {
    const std::lock_guard lock(mutex_);
    last = std::move(self_);
  }
  const Events events = std::exchange(events_, {});
  events.on_end(status);
}

}  // namespace takt::scheduler
