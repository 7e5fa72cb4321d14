// SPDX-License-Identifier: Apache-2.0
// Says to ThreadSanitizer what gRPC orders. Debian's gRPC and Abseil are not instrumented, and
// their locks are not those of pthreads, so all that our code hands from thread to thread through
// them would look like a race. To be preloaded (LD_PRELOAD); does nothing in a program without
// ThreadSanitizer. Guarantees: an order is told only where there is one: from the unlock of a mutex
// to its next lock, from the start of an operation, and from what gRPC does for it, to its
// completion.
#include <absl/time/time.h>
#include <dlfcn.h>
#include <grpc/grpc.h>
#include <grpcpp/support/server_callback.h>

#include <cstdio>
#include <cstdlib>

extern "C" {
[[gnu::weak]] void __tsan_acquire(void* address);
[[gnu::weak]] void __tsan_release(void* address);
}

namespace {

void acquire(void* address) {
  if (__tsan_acquire != nullptr) __tsan_acquire(address);
}
void release(void* address) {
  if (__tsan_release != nullptr) __tsan_release(address);
}

// What the function that stands before it replaces.
template <class Function>
Function* next(const char* symbol) {
  void* const found = ::dlsym(RTLD_NEXT, symbol);
  if (found == nullptr) {
    std::fprintf(stderr, "grpc_order: there is no %s\n", symbol);
    std::abort();
  }
  return reinterpret_cast<Function*>(found);
}

// Abseil's own look-out for deadlocks, of debug builds, is one more lock around all of them.
[[gnu::constructor]] void leave_deadlocks_to_tsan() {
  using Set = void (*)(int);
  void* const found = ::dlsym(
      RTLD_DEFAULT, "_ZN4absl7debian329SetMutexDeadlockDetectionModeENS0_15OnDeadlockCycleE");
  if (found != nullptr) reinterpret_cast<Set>(found)(0);
}

}  // namespace

// By their names in the libraries; a member function takes `this` first.
#define MUTEX "_ZN4absl7debian35Mutex"
#define CONDVAR "_ZN4absl7debian37CondVar"
#define BEGIN_OP "_Z16grpc_cq_begin_opP21grpc_completion_queuePv"
#define DURATION "PNS0_5MutexENS0_8DurationE"
#define TIME "PNS0_5MutexENS0_4TimeE"

#define END_OP                                                               \
  "_Z14grpc_cq_end_opP21grpc_completion_queuePvN4absl7debian36StatusEPFvS1_" \
  "P18grpc_cq_completionES1_S6_b"
#define SERVER_CALL "_ZN4grpc8internal18ServerCallbackCall"

using grpc::internal::ServerCallbackCall;
using grpc::internal::ServerReactor;

extern "C" {
void mutex_lock(void* mutex) asm(MUTEX "4LockEv");
void mutex_unlock(void* mutex) asm(MUTEX "6UnlockEv");
bool mutex_try_lock(void* mutex) asm(MUTEX "7TryLockEv");
void condvar_wait(void* self, void* mutex) asm(CONDVAR "4WaitEPNS0_5MutexE");
bool condvar_wait_for(void* self, void* mutex,
                      absl::Duration span) asm(CONDVAR "15WaitWithTimeoutE" DURATION);
bool condvar_wait_until(void* self, void* mutex,
                        absl::Time when) asm(CONDVAR "16WaitWithDeadlineE" TIME);
bool begin_op(grpc_completion_queue* queue, void* tag) asm(BEGIN_OP);
void end_op(grpc_completion_queue* queue, void* tag, void* status, void* done, void* argument,
            void* storage, bool internal) asm(END_OP);
grpc_event queue_next(grpc_completion_queue* queue, gpr_timespec deadline,
                      void* reserved) asm("grpc_completion_queue_next");
grpc_event queue_pluck(grpc_completion_queue* queue, void* tag, gpr_timespec deadline,
                       void* reserved) asm("grpc_completion_queue_pluck");
void call_on_cancel(ServerCallbackCall* call,
                    ServerReactor* reactor) asm(SERVER_CALL "12CallOnCancelEPNS0_13ServerReactorE");
void schedule_on_done(ServerCallbackCall* call, bool inlined) asm(SERVER_CALL "14ScheduleOnDoneEb");
}

void mutex_lock(void* mutex) {
  static auto* const real = next<decltype(mutex_lock)>(MUTEX "4LockEv");
  real(mutex);
  acquire(mutex);
}

void mutex_unlock(void* mutex) {
  static auto* const real = next<decltype(mutex_unlock)>(MUTEX "6UnlockEv");
  release(mutex);
  real(mutex);
}

bool mutex_try_lock(void* mutex) {
  static auto* const real = next<decltype(mutex_try_lock)>(MUTEX "7TryLockEv");
  const bool locked = real(mutex);
  if (locked) acquire(mutex);
  return locked;
}

void condvar_wait(void* self, void* mutex) {
  static auto* const real = next<decltype(condvar_wait)>(CONDVAR "4WaitEPNS0_5MutexE");
  release(mutex);
  real(self, mutex);
  acquire(mutex);
}

bool condvar_wait_for(void* self, void* mutex, absl::Duration span) {
  static auto* const real = next<decltype(condvar_wait_for)>(CONDVAR "15WaitWithTimeoutE" DURATION);
  release(mutex);
  const bool late = real(self, mutex, span);
  acquire(mutex);
  return late;
}

bool condvar_wait_until(void* self, void* mutex, absl::Time when) {
  static auto* const real = next<decltype(condvar_wait_until)>(CONDVAR "16WaitWithDeadlineE" TIME);
  release(mutex);
  const bool late = real(self, mutex, when);
  acquire(mutex);
  return late;
}

bool begin_op(grpc_completion_queue* queue, void* tag) {
  static auto* const real = next<decltype(begin_op)>(BEGIN_OP);
  release(tag);
  return real(queue, tag);
}

void end_op(grpc_completion_queue* queue, void* tag, void* status, void* done, void* argument,
            void* storage, bool internal) {
  static auto* const real = next<decltype(end_op)>(END_OP);
  release(tag);
  real(queue, tag, status, done, argument, storage, internal);
}

grpc_event queue_next(grpc_completion_queue* queue, gpr_timespec deadline, void* reserved) {
  static auto* const real = next<decltype(queue_next)>("grpc_completion_queue_next");
  const grpc_event event = real(queue, deadline, reserved);
  if (event.type == GRPC_OP_COMPLETE) acquire(event.tag);
  return event;
}

grpc_event queue_pluck(grpc_completion_queue* queue, void* tag, gpr_timespec deadline,
                       void* reserved) {
  static auto* const real = next<decltype(queue_pluck)>("grpc_completion_queue_pluck");
  const grpc_event event = real(queue, tag, deadline, reserved);
  if (event.type == GRPC_OP_COMPLETE) acquire(tag);
  return event;
}

namespace {

// The count of what is under way in a server's call; whoever brings it to zero ends the call. It is
// counted down in gRPC's headers, which our programs compile, and in gRPC itself.
void* counter(ServerCallbackCall* call) {
  static_assert(sizeof(ServerCallbackCall) == 16, "two counters behind the virtual table");
  return reinterpret_cast<char*>(call) + 12;
}

// Stands before a reactor for its OnCancel(), whose end gRPC counts.
class Cancelled final : public ServerReactor {
 public:
  Cancelled(ServerCallbackCall* call, ServerReactor* reactor) : call_(call), reactor_(reactor) {}
  void OnCancel() override {
    reactor_->OnCancel();
    release(counter(call_));
    delete this;
  }
  void OnDone() override {}
  bool InternalInlineable() override { return reactor_->InternalInlineable(); }

 private:
  ServerCallbackCall* const call_;
  ServerReactor* const reactor_;
};

}  // namespace

void call_on_cancel(ServerCallbackCall* call, ServerReactor* reactor) {
  static auto* const real =
      next<decltype(call_on_cancel)>(SERVER_CALL "12CallOnCancelEPNS0_13ServerReactorE");
  real(call, new Cancelled(call, reactor));
}

void schedule_on_done(ServerCallbackCall* call, bool inlined) {
  static auto* const real = next<decltype(schedule_on_done)>(SERVER_CALL "14ScheduleOnDoneEb");
  acquire(counter(call));
  real(call, inlined);
}
