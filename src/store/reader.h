// SPDX-License-Identifier: Apache-2.0
// The one thread that reads, with a connection of its own, so that a read sees committed state only
// and holds up neither loop nor writer. Guarantees: each account has its share of the reads, in the
// order given (read_queue.h); every callback is called exactly once: on the reader's thread, or,
// where too many wait, inside a call, with kResourceExhausted or, for an asker that has gone, with
// kCancelled. What no client waits for is not read. Any thread may call.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/result.h"
#include "store/read_queue.h"
#include "store/types.h"

namespace takt::store {

class Connection;

class Reader {
 public:
  template <class T>
  using Done = std::function<void(Result<T>)>;

  // Takes a read-only connection and starts the thread.
  explicit Reader(std::unique_ptr<Connection> connection);
  // Answers what waits, then ends the thread.
  ~Reader();
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  // A job by UUID, by a prefix that fits one job, or by a name that one job has; with script and
  // stdin_data if `whole_spec`. kInvalid, kNotFound, kFailedPrecondition (fits several).
  void get_job(const Asker& asker, std::string key, bool whole_spec, Done<JobView> done);

  // A page of jobs, newest first.
  void list_jobs(const Asker& asker, JobFilter filter, Done<JobPage> done);

  // At most `limit` changes after one revision, up to another (included).
  void events(const Asker& asker, std::int64_t after, std::int64_t up_to, std::size_t limit,
              Done<EventPage> done);

  // Whole specs of jobs by number, for the scheduler's own starts.
  void specs(std::vector<std::int64_t> numbers, Done<std::vector<JobSpec>> done);

  // How these jobs stand, in that order; nothing of those that are not there.
  void outcomes(const Asker& asker, std::vector<Uuid> ids,
                Done<std::vector<std::optional<JobOutcome>>> done);

  // The parts of a job that did not succeed, by index.
  void unsuccessful(const Asker& asker, const Uuid& whole, Done<std::vector<Part>> done);

  // What a request made, if it came before.
  void request(const Asker& asker, std::string submitter, std::string request_id,
               Done<std::optional<StoredRequest>> done);

  // Workers by name and id, after the pair given; empty strings: from the first.
  void list_workers(const Asker& asker, std::string after_name, std::string after_id,
                    std::size_t limit, Done<WorkerPage> done);

  // How many reads wait.
  [[nodiscard]] ReadUse use(const std::string& account, bool is_operator);

 private:
  template <class T, class Run>
  void ask(const Asker& asker, Run run, Done<T> done);
  Result<void> post(const Asker& asker, ReadTask task);
  void run();

  const std::unique_ptr<Connection> connection_;

  std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  ReadQueue queue_;
  bool stopping_ = false;

  std::thread thread_;
};

}  // namespace takt::store
