// SPDX-License-Identifier: Apache-2.0
#include "bench/operations.h"

#include <memory>
#include <string>
#include <utility>

#include "base/check.h"
#include "base/limits.h"
#include "bench/waiting_spec.h"
#include "rpc/convert.h"
#include "rpc/convert_spec.h"

namespace takt::bench {
namespace {

constexpr int kPage = 50;
constexpr int kBurst = 200;

v1::JobSpec waiting_job(const Scheduler& scheduler, int at) {
  v1::JobSpec spec = rpc::spec_to_proto(waiting_spec(at % scheduler.filled().size.lines));
  spec.add_argv("/bin/true");
  return spec;
}

v1::JobSpec job_for(const std::string& worker) {
  v1::JobSpec spec;
  spec.add_argv("/bin/true");
  v1::Constraint& constraint = *spec.add_constraints();
  constraint.set_key("worker");
  constraint.set_operator_(v1::CONSTRAINT_OPERATOR_EQUAL);
  constraint.add_values(worker);
  return spec;
}

std::string submit(Scheduler& scheduler, const v1::JobSpec& spec) {
  v1::SubmitJobRequest request;
  *request.mutable_spec() = spec;
  v1::SubmitJobResponse response;
  expect_ok(scheduler.jobs().SubmitJob(context().get(), request, &response));
  return response.job_id();
}

void wait_end(Scheduler& scheduler, const std::string& job) {
  TAKT_CHECK(scheduler.worker().wait_acknowledged(job), "job %s does not end", job.c_str());
}

// Jobs that wait behind those of the store; stopped after each round.
Operation submit_one() {
  const auto submitted = std::make_shared<std::vector<std::string>>();
  return {"submit a job that waits", 20, 1,
          [submitted](Scheduler& scheduler, int at) {
            const v1::JobSpec spec = waiting_job(scheduler, at);
            return timed([&] { submitted->push_back(submit(scheduler, spec)); });
          },
          [submitted](Scheduler& scheduler) {
            for (const std::string& job : *submitted) {
              v1::StopJobRequest request;
              request.set_job_id(job);
              v1::StopJobResponse response;
              expect_ok(scheduler.jobs().StopJob(context().get(), request, &response));
            }
            submitted->clear();
          }};
}

Operation dispatch() {
  return {"submit a job, until its worker has the start",
          20,
          1,
          [](Scheduler& scheduler, int) {
            const v1::JobSpec spec = job_for(worker_name(1));
            const std::size_t starts = scheduler.worker().starts().size();
            std::string job;
            const nanoseconds time = timed([&] {
              job = submit(scheduler, spec);
              TAKT_CHECK(scheduler.worker().wait_starts(starts + 1), "no start");
            });
            wait_end(scheduler, job);
            return time;
          },
          {}};
}

Operation whole_life() {
  return {"submit, start and end a job",
          20,
          1,
          [](Scheduler& scheduler, int) {
            const v1::JobSpec spec = job_for(worker_name(1));
            return timed([&] { wait_end(scheduler, submit(scheduler, spec)); });
          },
          {}};
}

Operation burst() {
  return {"the same, of " + std::to_string(kBurst) + " at once, each",
          1,
          kBurst,
          [](Scheduler& scheduler, int) {
            v1::SubmitJobsRequest request;
            for (int at = 0; at < kBurst; ++at) *request.add_specs() = job_for(worker_name(1));
            return timed([&] {
              v1::SubmitJobsResponse response;
              expect_ok(scheduler.jobs().SubmitJobs(context().get(), request, &response));
              for (const std::string& job : response.job_ids()) wait_end(scheduler, job);
            });
          },
          {}};
}

// A page of jobs, of which there are more; or, if `found` is given, so many, which are all.
Operation list(const std::string& by,
               const std::function<void(const Scheduler&, v1::ListJobsRequest&)>& filter,
               int found = 0) {
  return {"list " + by,
          10,
          1,
          [filter, found](Scheduler& scheduler, int) {
            v1::ListJobsRequest request;
            request.set_page_size(kPage);
            filter(scheduler, request);
            v1::ListJobsResponse response;
            const nanoseconds time = timed(
                [&] { expect_ok(scheduler.jobs().ListJobs(context().get(), request, &response)); });
            const bool more = !response.next_page_token().empty();
            TAKT_CHECK(response.jobs_size() == (found > 0 ? found : kPage) && more == (found == 0),
                       "a page of %d jobs", response.jobs_size());
            return time;
          },
          {}};
}

void add_lists(std::vector<Operation>& all) {
  using Request = v1::ListJobsRequest;
  all.push_back(list("unfiltered", [](const Scheduler&, Request&) {}));
  all.push_back(list("by state: queued", [](const Scheduler&, Request& request) {
    request.add_states(v1::JOB_STATE_QUEUED);
  }));
  all.push_back(list("by state: succeeded or failed", [](const Scheduler&, Request& request) {
    request.add_states(v1::JOB_STATE_SUCCEEDED);
    request.add_states(v1::JOB_STATE_FAILED);
  }));
  all.push_back(
      list("by user", [](const Scheduler&, Request& request) { request.set_user(kCommonUser); }));
  all.push_back(list("by label", [](const Scheduler&, Request& request) {
    (*request.mutable_labels())["team"] = "team-1";
  }));
  all.push_back(list(
      "by worker", [](const Scheduler&, Request& request) { request.set_worker(worker_name(2)); }));
  all.push_back(list("by user and state: queued", [](const Scheduler&, Request& request) {
    request.set_user(kCommonUser);
    request.add_states(v1::JOB_STATE_QUEUED);
  }));
  all.push_back(list("since a time", [](const Scheduler& scheduler, Request& request) {
    *request.mutable_since_time() = rpc::time_to_proto(scheduler.filled().last_ones);
  }));
}

// Few jobs fit both filters, in a store of either size, though many fit one of them.
void add_rare_lists(std::vector<Operation>& all) {
  using Request = v1::ListJobsRequest;
  all.push_back(list(
      "of a user with few jobs, state: queued",
      [](const Scheduler&, Request& request) {
        request.set_user(kRareUser);
        request.add_states(v1::JOB_STATE_QUEUED);
      },
      kRareJobs));
  all.push_back(list(
      "of a user with many jobs, state: stopped, of which there are few",
      [](const Scheduler&, Request& request) {
        request.set_user(kCommonUser);
        request.add_states(v1::JOB_STATE_STOPPED);
      },
      kRareJobs));
}

const Uuid& pick(const std::vector<Uuid>& ids, int at) {
  constexpr std::size_t kStride = 7919;  // not in the order of the store
  return ids[static_cast<std::size_t>(at) * kStride % ids.size()];
}

Operation get(const std::string& which, std::size_t length, bool finished) {
  return {"get a job, " + which,
          40,
          1,
          [length, finished](Scheduler& scheduler, int at) {
            const Filled& filled = scheduler.filled();
            v1::GetJobRequest request;
            request.set_job_id(
                pick(finished ? filled.finished : filled.queued, at).str().substr(0, length));
            v1::GetJobResponse response;
            return timed(
                [&] { expect_ok(scheduler.jobs().GetJob(context().get(), request, &response)); });
          },
          {}};
}

Operation explain() {
  return {"explain why a job waits",
          40,
          1,
          [](Scheduler& scheduler, int at) {
            v1::ExplainJobRequest request;
            request.set_job_id(pick(scheduler.filled().queued, at).str());
            v1::ExplainJobResponse response;
            return timed([&] {
              expect_ok(scheduler.jobs().ExplainJob(context().get(), request, &response));
            });
          },
          {}};
}

}  // namespace

std::vector<Operation> operations() {
  constexpr std::size_t kWholeId = 36;
  constexpr std::size_t kPrefix = 13;
  std::vector<Operation> all = {submit_one(), dispatch(), whole_life(), burst()};
  add_lists(all);
  add_rare_lists(all);
  all.push_back(get("finished", kWholeId, true));
  all.push_back(get("queued", kWholeId, false));
  all.push_back(get("finished, by a prefix", kPrefix, true));
  all.push_back(explain());
  return all;
}

void submit_waiting(Scheduler& scheduler, int jobs, int lines) {
  for (int at = 0; at < jobs;) {
    v1::SubmitJobsRequest request;
    for (; at < jobs && request.specs_size() < static_cast<int>(limits::kSubmitJobsMax); ++at) {
      *request.add_specs() = rpc::spec_to_proto(waiting_spec(at % lines));
      request.mutable_specs(request.specs_size() - 1)->add_argv("/bin/true");
    }
    v1::SubmitJobsResponse response;
    expect_ok(scheduler.jobs().SubmitJobs(context().get(), request, &response));
  }
}

}  // namespace takt::bench
