// SPDX-License-Identifier: Apache-2.0
#include "bench/stores.h"

#include <algorithm>
#include <future>
#include <memory>
#include <utility>

#include "base/check.h"
#include "bench/waiting_spec.h"
#include "store/store.h"

namespace takt::bench {
namespace {

constexpr int kKinds = 4;  // of users and of teams: a page of each is there in a small store too
constexpr int kSamples = 1000;
constexpr int kLastOnes = 200;
constexpr std::size_t kBatch = 10000;

// Writes batches while the next one is made.
class Filler {
 public:
  explicit Filler(store::Store& store) : store_(store) {}
  ~Filler() { wait(); }
  Filler(const Filler&) = delete;
  Filler& operator=(const Filler&) = delete;

  void add(store::JobWrite write) {
    batch_.jobs.push_back(std::move(write));
    if (batch_.jobs.size() >= kBatch) commit();
  }
  void commit() {
    wait();
    auto done = std::make_shared<std::promise<void>>();
    under_way_ = done->get_future();
    const bool taken =
        store_.writer().commit(std::exchange(batch_, {}), [done](const Result<void>& committed) {
          TAKT_CHECK(committed.ok(), "%s", committed.error().message.c_str());
          done->set_value();
        });
    TAKT_CHECK(taken, "the writer is busy");
  }

 private:
  void wait() {
    if (under_way_.valid()) under_way_.get();
  }

  store::Store& store_;
  store::Batch batch_;
  std::future<void> under_way_;
};

// Whether the at'th of `count` is one of those few that are spread among them.
bool is_rare(int at, int count, int offset) { return at % (count / kRareJobs) == offset; }

// One job as submitted, the number'th of the store.
store::JobWrite new_job(std::int64_t number, WallTime time, const std::string& user, JobSpec spec) {
  store::JobWrite write;
  write.number = number;
  write.time = time;
  write.is_new = true;
  Job& job = write.job;
  job.id = Uuid::random();
  job.revision = number;
  job.submit_time = time;
  job.submit_user = user;
  job.submitted_by = "user " + job.submit_user;
  spec.name = "nightly-" + std::to_string(number % 1000);
  spec.argv = {"/usr/bin/rsync", "--archive", "/srv/data/" + std::to_string(number), "/backup"};
  spec.environment = {{"LANG", "C.UTF-8"}, {"RUN", std::to_string(number)}};
  spec.labels = {{"team", "team-" + std::to_string(number / kKinds % kKinds)},
                 {"build", std::to_string(number / 100)}};
  job.spec = std::make_shared<const JobSpec>(std::move(spec));
  return write;
}

// The same after its one attempt; one in 20 failed.
void finish(store::JobWrite& write, bool stopped) {
  Job& job = write.job;
  const bool failed = write.number % 20 == 0;
  Attempt attempt;
  attempt.id = {job.id, 1};
  attempt.worker_name = worker_name(static_cast<int>(write.number / 16 % kWorkers) + 1);
  attempt.boot_id = "0b5b1c57-9bd4-4b0b-8f0e-6a3b1a6f9d11";
  attempt.unit = "takt-job-" + job.id.str() + ".1.scope";
  attempt.cgroup = "/takt.slice/takt-jobs.slice/" + attempt.unit;
  attempt.leader_pid = 4711;
  attempt.user = job.submit_user;
  attempt.launcher = Launcher::kScope;
  attempt.start_time = job.submit_time;
  attempt.end_time = job.submit_time + seconds(1);
  attempt.usage.cpu_user = microseconds(120000);
  attempt.usage.cpu_system = microseconds(30000);
  attempt.usage.memory_peak_bytes = 17 << 20;
  attempt.usage.stdout_bytes = 4096;
  attempt.usage.wall = microseconds(1000000);
  attempt.end = JobEnd{.cause = stopped ? EndCause::kStopped : EndCause::kExited,
                       .exit_code = failed ? 1 : 0};
  attempt.state = state_of_end(*attempt.end);
  job.state = attempt.state;
  job.end = attempt.end;
  job.end_time = attempt.end_time;
  job.tries = 1;
  job.attempts.push_back(std::move(attempt));
}

}  // namespace

std::string worker_name(int number) { return "bench-" + std::to_string(number); }

Filled fill_store(const std::string& folder, const StoreSize& size) {
  auto opened = store::Store::open({.directory = folder});
  TAKT_CHECK(opened.ok(), "%s", opened.error().message.c_str());
  Filled filled{size, {}, {}, {}};
  const int jobs = size.queued + size.finished;
  // One each 50 ms, until now.
  constexpr milliseconds kPause{50};
  const WallTime begin = wall_now() - kPause * jobs;
  filled.last_ones = begin + kPause * std::max(jobs - kLastOnes, 0);
  const int queued_step = std::max(size.queued / kSamples, 1);
  const int finished_step = std::max(size.finished / kSamples, 1);
  Filler filler(**opened);
  for (int at = 0; at < jobs; ++at) {
    const WallTime time = begin + kPause * at;
    const std::string user = "user-" + std::to_string(at % kKinds);
    if (at < size.queued) {
      const bool rare = is_rare(at, size.queued, 0);
      store::JobWrite write =
          new_job(at + 1, time, rare ? kRareUser : user, waiting_spec(at % size.lines));
      if (at % queued_step == 0) filled.queued.push_back(write.job.id);
      filler.add(std::move(write));
      continue;
    }
    const int nth = at - size.queued;
    const bool rare = is_rare(nth, size.finished, 0);
    const bool stopped = is_rare(nth, size.finished, 1);
    store::JobWrite write = new_job(at + 1, time,
                                    rare      ? kRareUser
                                    : stopped ? kCommonUser
                                              : user,
                                    {});
    finish(write, stopped);
    if (nth % finished_step == 0) filled.finished.push_back(write.job.id);
    filler.add(std::move(write));
  }
  filler.commit();
  return filled;
}

}  // namespace takt::bench
