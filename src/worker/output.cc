// SPDX-License-Identifier: Apache-2.0
#include "worker/output.h"

#include <fcntl.h>
#include <sys/inotify.h>

#include "rpc/output_request.h"
#include "worker/access.h"
#include "worker/output_follower.h"

namespace takt::worker {

Error gone_down() {
  return make_error(ErrorCode::kUnavailable,
                    "the worker goes down; read on later from the last offset");
}

grpc::ServerWriteReactor<OutputMessage>* Outputs::read(
    const Principal& principal, const v1::WorkerServiceReadOutputRequest& request,
    rpc::StreamShare share) {
  auto id = Uuid::parse(request.job_id(), "job_id");
  if (!id) return rpc::refuse_stream<OutputMessage>(id.error());
  if (auto checked = rpc::check_output_request(request); !checked)
    return rpc::refuse_stream<OutputMessage>(checked.error());
  const auto follower =
      std::make_shared<OutputFollower>(*this, principal, *id, request, std::move(share));
  auto* reactor = follower->open_stream();
  if (auto admitted = admit(follower); admitted) {
    follower->start();
  } else {
    follower->end(admitted.error());
  }
  return reactor;
}

Result<void> Outputs::admit(const std::shared_ptr<OutputFollower>& follower) {
  const std::lock_guard lock(mutex_);
  if (ended_) return gone_down();
  followers_.insert(follower);
  return {};
}

void Outputs::end_all() {
  std::set<std::shared_ptr<OutputFollower>> followers;
  {
    const std::lock_guard lock(mutex_);
    ended_ = true;
    followers = followers_;
  }
  for (const auto& follower : followers) follower->end(gone_down());
}

Result<OutputSource> Outputs::open(const Principal& principal, const Uuid& job_id, int attempt,
                                   bool follow) {
  auto target = resolve(core_, principal, rpc::Action::kWorkerReadOutput, job_id, attempt);
  if (!target) return target.error();
  AttemptKey& key = target->key;
  if (const LivePtr live = core_.attempts.find(key)) {
    if (follow && !live->output_watch) {
      auto watch = core_.inotify.watch(live->folder.get(), IN_MODIFY | IN_CREATE,
                                       [gate = live->output](std::uint32_t) { gate->grown(); });
      if (!watch) return watch.error();
      live->output_watch = std::move(*watch);
    }
    UniqueFd folder(::fcntl(live->folder.get(), F_DUPFD_CLOEXEC, 0));
    if (!folder) return system_error("dup");
    return OutputSource{std::move(key), std::move(folder), live->output};
  }
  auto stored = core_.state.open_attempt(key);
  if (!stored) return stored.error();
  auto end = attempt::read_exit_record(stored->fd.get());
  if (!end) return end.error();
  auto gate = std::make_shared<OutputGate>();
  gate->mark_ended(end->end_time);
  return OutputSource{std::move(key), std::move(stored->fd), std::move(gate)};
}

void Outputs::followed(const AttemptKey& key, int change) {
  const LivePtr live = core_.attempts.find(key);
  if (!live) return;
  if (change > 0) ++live->followers;
  if (change < 0 && live->followers > 0 && --live->followers == 0) live->output_watch.reset();
}

}  // namespace takt::worker
