// SPDX-License-Identifier: Apache-2.0
// How long root waits for the answer to a stop, alone and while another user floods the scheduler:
// prints the table in the form in which README.md has it. Usage: see bench/run.
#include <grpcpp/create_channel_posix.h>

#include <algorithm>
#include <cstdio>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/check.h"
#include "base/fs.h"
#include "base/limits.h"
#include "base/units.h"
#include "bench/scheduler.h"
#include "bench/timing.h"
#include "support/connect_as.h"
#include "support/eventually.h"
#include "support/flood.h"

namespace takt::bench {
namespace {

constexpr uid_t kNobody = 65534;
constexpr gid_t kNogroup = 65534;
constexpr std::uint64_t kAnswersBefore = 1000;  // of a flood, or one refusal: it is under way
constexpr std::chrono::seconds kPatience{60};
constexpr int kLargeJobs = 20;  // whose list fills a page of 2 MiB
constexpr std::size_t kLargeBytes = 100UL << 10;
constexpr std::size_t kLargeInput = 1000UL << 10;
constexpr std::size_t kSmallInput = 10;
// Nobody's jobs that have not ended; what is beyond it is refused, and bounds the disk.
constexpr const char* kConfiguration =
    "[access]\ngroup = nogroup\n[queue]\njobs_of_user_max = 300\n";

using Floods = std::vector<std::unique_ptr<test::Flood>>;

v1::JobSpec waiting_job() {
  v1::JobSpec spec;
  spec.add_argv("/bin/true");
  v1::Constraint& constraint = *spec.add_constraints();
  constraint.set_key("nowhere");
  constraint.set_operator_(v1::CONSTRAINT_OPERATOR_EXISTS);
  return spec;
}

std::unique_ptr<test::Flood> call(const test::FloodOf& of, const std::string& method,
                                  const google::protobuf::Message& request, test::Reading reading) {
  return test::flood_calls(of,
                           {"/takt.v1.JobService/" + method, request.SerializeAsString(), reading});
}

std::unique_ptr<test::Flood> submissions(const test::FloodOf& of, std::size_t bytes) {
  v1::SubmitJobRequest request;
  *request.mutable_spec() = waiting_job();
  request.mutable_spec()->set_stdin_data(std::string(bytes, 'x'));
  return call(of, "SubmitJob", request, test::Reading::kAll);
}

std::unique_ptr<test::Flood> reads(const test::FloodOf& of) {
  v1::ListJobsRequest request;
  request.set_page_size(static_cast<int>(limits::kPageSizeMax));
  return call(of, "ListJobs", request, test::Reading::kAll);
}

struct Kind {
  const char* name;
  std::function<std::unique_ptr<test::Flood>(const test::FloodOf&)> begin;
};

// Each by itself, and then all at once.
std::vector<Kind> kinds() {
  return {
      {"reads", reads},
      {"submissions of 10 bytes",
       [](const test::FloodOf& of) { return submissions(of, kSmallInput); }},
      {"submissions of 1 MB", [](const test::FloodOf& of) { return submissions(of, kLargeInput); }},
      {"watches",
       [](const test::FloodOf& of) {
         return call(of, "WatchJobs", v1::WatchJobsRequest(), test::Reading::kSome);
       }},
      {"connections",
       [](const test::FloodOf& of) {
         return test::flood_connections(of, "/takt.v1.JobService/CountJobs");
       }},
      {"headers", [](const test::FloodOf& of) {
         return test::flood_headers(of, "/takt.v1.JobService/GetJob");
       }}};
}

// What was measured of one flood, over all rounds; times in ms.
struct Series {
  std::string name;
  std::vector<double> alone, flooded, ratios;
  double served = 0, refused = 0;  // a second, in the last round
  double growth_mib = 0;           // the most
};

double percentile(std::vector<double> values, double share) {
  std::sort(values.begin(), values.end());
  const auto last = static_cast<double>(values.size() - 1);
  return values[static_cast<std::size_t>(last * share)];
}

// Root stops so many jobs, one after another; the times of the answers in ms.
std::vector<double> stop_some(Scheduler& scheduler, std::vector<std::string>& jobs, int count) {
  std::vector<double> times;
  for (int i = 0; i < count; ++i) {
    v1::StopJobRequest request;
    request.set_job_id(jobs.back());
    jobs.pop_back();
    v1::StopJobResponse response;
    times.push_back(to_us(timed([&] {
                      expect_ok(scheduler.jobs().StopJob(context().get(), request, &response));
                    })) /
                    1000);
  }
  return times;
}

std::vector<std::string> submit_waiting(Scheduler& scheduler, int count) {
  v1::SubmitJobsRequest request;
  for (int i = 0; i < count; ++i) *request.add_specs() = waiting_job();
  v1::SubmitJobsResponse response;
  expect_ok(scheduler.jobs().SubmitJobs(context().get(), request, &response));
  return {response.job_ids().begin(), response.job_ids().end()};
}

void measure(Scheduler& scheduler, const test::FloodOf& of, const std::vector<Kind>& begin,
             int stops, Series& series) {
  std::vector<std::string> jobs = submit_waiting(scheduler, 2 * stops);
  const std::vector<double> alone = stop_some(scheduler, jobs, stops);
  scheduler.forget_peak();
  const std::int64_t idle = scheduler.resident_bytes();
  std::vector<double> flooded;
  {
    Floods floods;
    for (const Kind& kind : begin) floods.push_back(kind.begin(of));
    const bool under_way = test::eventually(
        [&] {
          return std::all_of(floods.begin(), floods.end(), [](const auto& flood) {
            return flood->refused() > 0 || flood->served() > kAnswersBefore;
          });
        },
        kPatience);
    TAKT_CHECK(under_way, "no flood of %s", series.name.c_str());
    const auto answers = [&](auto count) {
      double all = 0;
      for (const auto& flood : floods) all += static_cast<double>(count(*flood));
      return all;
    };
    const auto served = [&] { return answers([](const auto& flood) { return flood.served(); }); };
    const auto refused = [&] { return answers([](const auto& flood) { return flood.refused(); }); };
    const double served_before = served();
    const double refused_before = refused();
    const double span =
        to_us(timed([&] { flooded = stop_some(scheduler, jobs, stops); })) / 1'000'000;
    series.served = (served() - served_before) / span;
    series.refused = (refused() - refused_before) / span;
  }
  constexpr double kMiB = 1 << 20;
  series.growth_mib = std::max(series.growth_mib,
                               static_cast<double>(scheduler.peak_resident_bytes() - idle) / kMiB);
  series.ratios.push_back(median(flooded) / median(alone));
  series.alone.insert(series.alone.end(), alone.begin(), alone.end());
  series.flooded.insert(series.flooded.end(), flooded.begin(), flooded.end());
}

void print(const std::vector<Series>& all) {
  std::printf(
      "| flood | alone, median, ms | p99 | under the flood, median, ms | p99 | ratio of medians | "
      "of p99 | served/s | refused/s | memory, MiB |\n"
      "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n");
  for (const Series& series : all) {
    const double alone = percentile(series.alone, 0.99);
    const double flooded = percentile(series.flooded, 0.99);
    std::printf("| %s | %.1f | %.1f | %.1f | %.1f | %.1f | %.1f | %.0f | %.0f | %.0f |\n",
                series.name.c_str(), median(series.alone), alone, median(series.flooded), flooded,
                median(series.ratios), flooded / alone, series.served, series.refused,
                series.growth_mib);
  }
}

// The other user's own jobs, whose list is long.
void submit_large(const test::FloodOf& of) {
  v1::SubmitJobsRequest request;
  for (int i = 0; i < kLargeJobs; ++i) {
    *request.add_specs() = waiting_job();
    request.mutable_specs(i)->add_argv(std::string(kLargeBytes, 'x'));
  }
  v1::SubmitJobsResponse response;
  UniqueFd connection = test::connect_as(of.socket, of.uid, of.gid, {});
  TAKT_CHECK(set_nonblocking(connection.get(), true).ok(), "O_NONBLOCK");
  const auto jobs =
      v1::JobService::NewStub(grpc::CreateInsecureChannelFromFd("nobody", connection.release()));
  expect_ok(jobs->SubmitJobs(context().get(), request, &response));
}

void run(const std::string& folder, int rounds, int stops) {
  Scheduler scheduler("flooded", folder, {400, 300, 1}, kConfiguration);
  const test::FloodOf of{scheduler.socket(), kNobody, kNogroup};
  scheduler.start();
  scheduler.add_workers();
  submit_large(of);
  const std::vector<Kind> each = kinds();
  std::vector<Series> all;
  for (const Kind& kind : each) all.emplace_back().name = kind.name;
  all.emplace_back().name = "all at once";
  for (int round = 0; round < rounds; ++round) {
    for (std::size_t step = 0; step < all.size(); ++step) {
      const std::size_t at = (step + static_cast<std::size_t>(round)) % all.size();
      std::fprintf(stderr, "round %d of %d: %s\n", round + 1, rounds, all[at].name.c_str());
      measure(scheduler, of, at < each.size() ? std::vector<Kind>{each[at]} : each, stops, all[at]);
    }
  }
  print(all);
}

int usage() {
  std::fprintf(stderr, "usage: flood FOLDER ROUNDS STOPS\n");
  return 2;
}

int main(const std::vector<std::string>& words) {
  constexpr std::int64_t kMost = 400;  // two series of stops are one request
  if (words.size() != 3) return usage();
  const auto rounds = parse_integer(words[1], "ROUNDS", 1, kMost);
  const auto stops = parse_integer(words[2], "STOPS", 1, kMost);
  if (!rounds || !stops) return usage();
  run(words[0], static_cast<int>(*rounds), static_cast<int>(*stops));
  return 0;
}

}  // namespace
}  // namespace takt::bench

int main(int argc, char** argv) { return takt::bench::main({argv + 1, argv + argc}); }
