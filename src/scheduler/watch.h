// SPDX-License-Identifier: Apache-2.0
// One WatchJobs stream: the history first, then what comes, without gap or double. Guarantees: at
// most limits::kWatchQueueMax changes wait for the reader of the stream, or one commit; for a
// slower one nothing is kept, it gets the rest from the history when it reads on. The changes of a
// commit are kept once for all streams, and become events one by one as the reader takes them, so
// that a commit costs the loop little for each stream. Thread-safe; its stream asks on gRPC
// threads, the hub feeds on the loop's.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <unordered_set>
#include <vector>

#include "base/result.h"
#include "base/uuid.h"
#include "job/principal.h"
#include "rpc/stream_writer.h"
#include "store/types.h"
#include "takt/v1/job_service.grpc.pb.h"

namespace takt::scheduler {

// Changes in the order of their revisions, and the jobs that they are of.
struct JobChanges {
  explicit JobChanges(std::vector<store::JobChange> its_changes);

  const std::vector<store::JobChange> changes;
  std::unordered_set<Uuid> jobs;
};
using JobChangesPtr = std::shared_ptr<const JobChanges>;

// Who watches, and what of a change that principal sees.
struct Viewer {
  std::function<store::JobChange(const store::JobChange&)> as_seen;
  Principal principal;
};

class Watch : public std::enable_shared_from_this<Watch> {
 public:
  using Writer = rpc::PullWriter<v1::WatchJobsResponse>;
  struct Events {
    // All that was fed is sent, and the watch is not live: feed it more history.
    std::function<void(const std::shared_ptr<Watch>&)> on_hungry;
    // The stream is over.
    std::function<void(const std::shared_ptr<Watch>&)> on_end;
  };

  // After that revision; without one, from now on. An empty set watches all jobs.
  static std::shared_ptr<Watch> create(Viewer viewer, std::optional<std::int64_t> after,
                                       std::unordered_set<Uuid> jobs, Events events);

  // What the handler returns to gRPC; asks for the first history. Once, in the handler.
  grpc::ServerWriteReactor<v1::WatchJobsResponse>* start();

  // Where one begins that is to begin now.
  void begin(std::int64_t revision) { cursor_ = revision; }
  // All changes after the cursor up to `up_to`; moves the cursor there. False if the watch was live
  // and its reader is too slow: then it is live no more, and the cursor stands before what the
  // reader has not got.
  bool feed(const JobChangesPtr& changes, std::int64_t up_to);
  // From now on the hub feeds each commit; the history is told.
  void go_live();
  // Tells the newest revision, if the reader waits.
  void sign_of_life(std::int64_t revision);
  // Ends the stream; what waited is dropped.
  void finish(const grpc::Status& status);

  // The revision up to which it was fed. Loop thread only, as feed().
  [[nodiscard]] std::int64_t cursor() const { return cursor_; }
  [[nodiscard]] std::optional<std::int64_t> after() const { return after_; }
  [[nodiscard]] const Principal& principal() const { return viewer_.principal; }

 private:
  Watch(Viewer viewer, std::optional<std::int64_t> after, std::unordered_set<Uuid> jobs,
        Events events)
      : viewer_(std::move(viewer)),
        after_(after),
        jobs_(std::move(jobs)),
        events_(std::move(events)),
        cursor_(after.value_or(0)) {}
  // Changes that wait, from the one at `next` on.
  struct Waiting {
    JobChangesPtr of;
    std::size_t next = 0;
  };

  void on_wanted();
  [[nodiscard]] bool concerns(const JobChanges& changes) const;
  std::optional<v1::WatchJobsResponse> take_next();
  bool fall_back(std::size_t more);

  const Viewer viewer_;
  const std::optional<std::int64_t> after_;
  const std::unordered_set<Uuid> jobs_;
  const Events events_;
  std::shared_ptr<Writer> writer_;
  std::int64_t cursor_;

  std::mutex mutex_;  // guards what follows
  std::deque<Waiting> queue_;
  bool wanted_ = false;  // the stream asked, and was not answered yet
  bool hungry_ = false;  // asked the hub for history
  bool live_ = false;
};

}  // namespace takt::scheduler
