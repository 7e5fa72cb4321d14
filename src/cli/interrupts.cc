// SPDX-License-Identifier: Apache-2.0
#include "cli/interrupts.h"

#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>

#include <grpcpp/client_context.h>

#include <tuple>
#include <utility>

namespace takt::cli {

Interrupts::~Interrupts() {
  if (!listener_.joinable()) return;
  eventfd_write(quit_.get(), 1);
  listener_.join();
}

Result<void> Interrupts::arm() {
  if (listener_.joinable()) return {};
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGINT, SIGTERM}) {
    struct sigaction now {};
    // Ignored for us (nohup, & in a script): it stays so; blocking it would make it come.
    if (sigaction(signal, nullptr, &now) == 0 && now.sa_handler != SIG_IGN) sigaddset(&set, signal);
  }
  const int failed = pthread_sigmask(SIG_BLOCK, &set, nullptr);
  if (failed != 0) return system_error("block signals", failed);
  signals_ = UniqueFd(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  wake_ = UniqueFd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  quit_ = UniqueFd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!signals_ || !wake_ || !quit_) return system_error("watch signals");
  listener_ = std::thread([this] { listen(); });
  return {};
}

void Interrupts::listen() {
  pollfd fds[] = {{signals_.get(), POLLIN, 0}, {quit_.get(), POLLIN, 0}};
  while (fds[1].revents == 0) {
    if (::poll(fds, 2, -1) < 0) continue;  // EINTR is all that there can be
    signalfd_siginfo info;
    while (::read(signals_.get(), &info, sizeof info) == ssize_t{sizeof info})
      deliver(static_cast<int>(info.ssi_signo));
  }
}

void Interrupts::deliver(int signal) {
  const std::lock_guard lock(mutex_);
  if (first_ == 0) first_ = signal;
  ++count_;
  if (wake_) eventfd_write(wake_.get(), 1);
  cancel_if_due();
  came_.notify_all();
}

void Interrupts::cancel_if_due() {
  if (call_ != nullptr && count_ > accepted_ + spare_) call_->TryCancel();
}

int Interrupts::first_signal() const {
  const std::lock_guard lock(mutex_);
  return first_;
}

bool Interrupts::pending(int spare) const {
  const std::lock_guard lock(mutex_);
  return count_ > accepted_ + spare;
}

void Interrupts::accept() {
  const std::lock_guard lock(mutex_);
  accepted_ = count_;
  eventfd_t drained = 0;
  if (wake_) std::ignore = eventfd_read(wake_.get(), &drained);
}

bool Interrupts::wait(milliseconds span, int spare) {
  std::unique_lock lock(mutex_);
  return came_.wait_for(lock, span, [this, spare] { return count_ > accepted_ + spare; });
}

Interrupts::Call::Call(Interrupts& interrupts, grpc::ClientContext& context, int spare)
    : interrupts_(interrupts) {
  const std::lock_guard lock(interrupts_.mutex_);
  outer_ = std::exchange(interrupts_.call_, &context);
  outer_spare_ = std::exchange(interrupts_.spare_, spare);
  interrupts_.cancel_if_due();
}

Interrupts::Call::~Call() {
  const std::lock_guard lock(interrupts_.mutex_);
  interrupts_.call_ = outer_;
  interrupts_.spare_ = outer_spare_;
  interrupts_.cancel_if_due();
}

}  // namespace takt::cli
