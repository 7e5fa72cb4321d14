// SPDX-License-Identifier: Apache-2.0
// What the parts of a worker share, with a loop and a state folder of the test's own and no
// launcher. Guarantees: parts that the test makes are destroyed before it, on the loop.
#pragma once

#include <fcntl.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/check.h"
#include "unit/base/temp_folder.h"
#include "unit/sd/loop_thread.h"
#include "worker/core.h"
#include "worker/daemon.h"

namespace takt::worker {

class WorkerCore {
 public:
  WorkerCore() {
    config_.slots = 16;
    auto credentials = load_credentials(config_);
    TAKT_CHECK(credentials.ok(), "%s", credentials.error().message.c_str());
    credentials_ = std::move(*credentials);
    auto state = StateFolder::open(folder_.path() + "/state");
    TAKT_CHECK(state.ok(), "%s", state.error().message.c_str());
    state_.emplace(std::move(*state));
    run([this] {
      auto inotify = sd::Inotify::create(loop_.loop());
      TAKT_CHECK(inotify.ok(), "%s", inotify.error().message.c_str());
      inotify_ = std::move(*inotify);
      disk_ = std::make_unique<DiskThread>(loop_.loop());
      users_ = std::make_unique<UserLookup>(loop_.loop());
      core_.reset(new Core{.loop = loop_.loop(),
                           .config = config_,
                           .credentials = *credentials_,
                           .state = *state_,
                           .disk = *disk_,
                           .inotify = *inotify_,
                           .users = *users_,
                           .contacts = Contacts(state_->path())});
    });
  }
  WorkerCore(const WorkerCore&) = delete;
  WorkerCore& operator=(const WorkerCore&) = delete;
  ~WorkerCore() {
    disk_.reset();
    run([this] {
      core_.reset();
      users_.reset();
      inotify_.reset();
    });
  }

  // On the loop, and waits for it.
  void run(const std::function<void()>& fn) { loop_.run(fn); }
  sd::LoopThread& loop() { return loop_; }
  Core& core() { return *core_; }
  StateFolder& state() { return *state_; }
  // Of a file of the attempt.
  [[nodiscard]] std::string path(const AttemptId& id, const char* file) const {
    return state_->file_path(id, file);
  }

  // A start of alice's that was taken, in the state folder only.
  UniqueFd create(const AttemptId& id, JobSpec spec = {}) {
    auto folder = state_->create_attempt(id, acceptance(std::move(spec)));
    TAKT_CHECK(folder.ok(), "%s", folder.error().message.c_str());
    return std::move(*folder);
  }
  // The same, which has exited with 0.
  UniqueFd create_ended(const AttemptId& id, JobSpec spec = {}) {
    UniqueFd folder = create(id, std::move(spec));
    attempt::ExitRecord end;
    end.cause = attempt::EndCause::kExited;
    end.wait_status = 0;
    end.start_time = end.end_time = wall_now();
    TAKT_CHECK(attempt::write_record(folder.get(), end).ok(), "exit");
    return folder;
  }
  // The same as create(), and looked after.
  LivePtr add_live(const AttemptId& id) {
    auto live = std::make_shared<LiveAttempt>();
    live->folder = create(id);
    live->acceptance = acceptance({});
    live->record.id = id;
    live->record.user = "alice";
    live->record.state = JobState::kRunning;
    live->step = Step::kGo;
    live->output = std::make_shared<OutputGate>();
    run([&] { core_->attempts.add(live); });
    return live;
  }

 private:
  static Acceptance acceptance(JobSpec spec) {
    Acceptance taken;
    taken.owner = kDirectOwner;
    taken.boot_id = boot_id();
    taken.submitted_by = "alice";
    taken.caller_uid = 4001;
    taken.user = "alice";
    taken.accept_time = wall_now();
    taken.spec = std::move(spec);
    return taken;
  }

  test::TempFolder folder_;
  config::WorkerConfig config_;
  std::unique_ptr<rpc::Credentials> credentials_;
  std::optional<StateFolder> state_;
  sd::LoopThread loop_;
  std::unique_ptr<sd::Inotify> inotify_;
  std::unique_ptr<DiskThread> disk_;
  std::unique_ptr<UserLookup> users_;
  std::unique_ptr<Core> core_;
};

}  // namespace takt::worker
