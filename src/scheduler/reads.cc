// SPDX-License-Identifier: Apache-2.0
#include "scheduler/reads.h"

#include <utility>

#include "job/summary.h"

namespace takt::scheduler {

using rpc::Action;
using rpc::Sight;
using rpc::Whose;

Result<Sight> Reads::may(const Principal& principal, Action action, const Job& job) const {
  const bool is_reader = job.spec && principal.is_among(job.spec->readers);
  const Whose whose = principal.owns(job.submit_user) ? Whose::kOwn
                      : is_reader                     ? Whose::kReaders
                                                      : Whose::kAnother;
  return rpc::may(principal, action, {job.id.str(), job.submitted_by, whose}, see_);
}

Result<store::JobView> Reads::as_seen(const Asking& asking, store::JobView view) const {
  const auto sight = may(asking.principal, asking.action, view.job);
  if (!sight) return sight.error();
  if (*sight == Sight::kSummary) {
    view.job = summary_of(view.job);
    view.is_summary = true;
  }
  return view;
}

store::JobChange Reads::as_seen(const Principal& principal, const store::JobChange& change) const {
  Job job;
  job.id = change.job_id;
  job.submit_user = change.submit_user;
  const auto sight = may(principal, Action::kWatchJobs, job);
  store::JobChange seen = change;
  if (seen.end && (!sight || *sight == Sight::kSummary)) seen.end = summary_of(*seen.end);
  return seen;
}

void Reads::job(const Asking& asking, std::string key, bool whole_spec,
                Done<store::JobView> done) const {
  reader_.get_job(asking.asker(), std::move(key), whole_spec,
                  [this, asking, done = std::move(done)](Result<store::JobView> view) {
                    done(view ? as_seen(asking, std::move(*view)) : std::move(view));
                  });
}

void Reads::jobs(const Asking& asking, store::JobFilter filter, Done<store::JobPage> done) const {
  const auto all = rpc::may(asking.principal, asking.action, {}, see_);
  const bool sees_all = all && *all == Sight::kWhole;
  if (!sees_all && !filter.labels.empty()) {
    const std::string own = asking.principal.account();
    if (!filter.user.empty() && filter.user != own) return done(store::JobPage());
    filter.user = own;
  }
  reader_.list_jobs(asking.asker(), std::move(filter),
                    [this, asking, done = std::move(done)](Result<store::JobPage> page) {
                      if (!page) return done(std::move(page));
                      for (store::JobView& view : page->jobs) {
                        auto seen = as_seen(asking, std::move(view));
                        if (!seen) return done(seen.error());
                        view = std::move(*seen);
                      }
                      done(std::move(page));
                    });
}

void Reads::unsuccessful(const Asking& asking, const Uuid& whole,
                         Done<std::vector<Part>> done) const {
  reader_.unsuccessful(asking.asker(), whole, std::move(done));
}

void Reads::workers(const Asking& asking, std::string after_name, std::string after_id,
                    std::size_t limit, Done<store::WorkerPage> done) const {
  reader_.list_workers(asking.asker(), std::move(after_name), std::move(after_id), limit,
                       std::move(done));
}

}  // namespace takt::scheduler
