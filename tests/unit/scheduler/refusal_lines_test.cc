// SPDX-License-Identifier: Apache-2.0
// Each request that is refused because of who asked leaves one line, wherever it is refused.
#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include "support/log_capture.h"
#include "unit/scheduler/principals.h"

namespace takt::scheduler {
namespace {

using test::LogCapture;

class RefusalLinesTest : public PrincipalsTest {
 protected:
  // A call that is refused.
  struct Refused {
    const char* call;  // as the line names it
    std::function<grpc::Status(const Client&)> ask;
  };

  void SetUp() override {
    PrincipalsTest::SetUp();
    v1::JobSpec held = spec("bobs");
    held.set_hold(true);
    bobs_ = submit_as(bob_, held);
  }

  template <class Request, class Response>
  static Refused unary(const char* call, const Request& request,
                       grpc::Status (v1::JobService::Stub::*method)(grpc::ClientContext*,
                                                                    const Request&, Response*)) {
    return {call, [request, method](const Client& client) {
              Response response;
              return (client.jobs.get()->*method)(context().get(), request, &response);
            }};
  }
  // Of bob's job.
  template <class Request, class Response>
  Refused on_bobs(const char* call,
                  grpc::Status (v1::JobService::Stub::*method)(grpc::ClientContext*, const Request&,
                                                               Response*)) {
    Request request;
    request.set_job_id(bobs_);
    return unary(call, request, method);
  }
  static v1::JobSpec as_bob() {
    v1::JobSpec made = spec();
    made.set_user("bob");
    return made;
  }
  static v1::JobSpec urgent() {
    v1::JobSpec made = spec();
    made.set_priority(9);
    return made;
  }

  std::vector<Refused> by_spec() {
    std::vector<Refused> calls;
    for (const v1::JobSpec& spec : {as_bob(), urgent()}) {
      v1::SubmitJobRequest submit;
      *submit.mutable_spec() = spec;
      calls.push_back(unary("JobService.SubmitJob", submit, &v1::JobService::Stub::SubmitJob));
      v1::SubmitJobsRequest several;
      *several.add_specs() = spec;
      calls.push_back(unary("JobService.SubmitJobs", several, &v1::JobService::Stub::SubmitJobs));
      v1::PlanJobRequest plan;
      *plan.mutable_spec() = spec;
      calls.push_back(unary("JobService.PlanJob", plan, &v1::JobService::Stub::PlanJob));
    }
    return calls;
  }
  std::vector<Refused> of_bobs_job() {
    using Stub = v1::JobService::Stub;
    v1::GetLimitsRequest limits;
    limits.set_account("bob");
    return {on_bobs("JobService.StopJob", &Stub::StopJob),
            on_bobs("JobService.HoldJob", &Stub::HoldJob),
            on_bobs("JobService.ExplainJob", &Stub::ExplainJob),
            on_bobs("JobService.RetryJob", &Stub::RetryJob),
            unary("JobService.GetLimits", limits, &Stub::GetLimits),
            {"JobService.ReadOutput",
             [this](const Client& client) {
               v1::ReadOutputRequest request;
               request.set_job_id(bobs_);
               const auto call = context();
               const auto stream = client.jobs->ReadOutput(call.get(), request);
               v1::ReadOutputResponse message;
               EXPECT_FALSE(stream->Read(&message));
               return stream->Finish();
             }},
            {"OperatorService.DrainWorker", [](const Client& client) {
               v1::DrainWorkerRequest request;
               request.set_worker_id("one");
               v1::DrainWorkerResponse response;
               return v1::OperatorService::NewStub(client.channel)
                   ->DrainWorker(context().get(), request, &response);
             }}};
  }
  // Of the caller's own job.
  std::vector<Refused> of_own_job() {
    return {{"JobService.UpdateJob",
             [](const Client& client) {
               v1::UpdateJobRequest request;
               request.set_job_id(submit_as(client, spec()));
               request.set_priority(9);
               v1::UpdateJobResponse response;
               return client.jobs->UpdateJob(context().get(), request, &response);
             }},
            {"JobService.ReleaseJob",
             [this](const Client& client) {
               v1::HoldJobRequest hold;
               hold.set_job_id(submit_as(client, spec()));
               v1::HoldJobResponse held;
               EXPECT_TRUE(jobs_->HoldJob(context().get(), hold, &held).ok());
               v1::ReleaseJobRequest request;
               request.set_job_id(hold.job_id());
               v1::ReleaseJobResponse response;
               return client.jobs->ReleaseJob(context().get(), request, &response);
             }},
            {"JobService.RetryJob", [this](const Client& client) {
               // Submitted while the same account was an operator's.
               Principal before = client.principal;
               before.role = Role::kOperator;
               Client earlier = this->client(before);
               v1::RetryJobRequest request;
               request.set_job_id(submit_as(earlier, as_bob()));
               drop(earlier);
               stop_job(request.job_id(), "");
               watch_until(request.job_id(), v1::JOB_STATE_STOPPED);
               v1::RetryJobResponse response;
               return client.jobs->RetryJob(context().get(), request, &response);
             }}};
  }

  // Each by a user of its own, who has lines left.
  void expect_lines(const std::vector<Refused>& calls) {
    for (const Refused& call : calls) {
      const std::string name = "refused" + std::to_string(next_uid_);
      const Client refused = client(user(name, next_uid_));
      const std::string who = name + " (uid " + std::to_string(next_uid_++) + ")";
      const LogCapture captured;
      const grpc::Status status = call.ask(refused);
      EXPECT_EQ(status.error_code(), grpc::StatusCode::PERMISSION_DENIED)
          << call.call << ": " << status.error_message();
      const std::string line = std::string("refused ") + call.call + " to " + who + ": ";
      const std::vector<std::string> lines = LogCapture::lines();
      EXPECT_EQ(std::count_if(lines.begin(), lines.end(),
                              [&](const std::string& one) { return one.starts_with(line); }),
                1)
          << line << status.error_message();
    }
  }

  std::string bobs_;
  uid_t next_uid_ = 5001;
};

TEST_F(RefusalLinesTest, OfWhatASpecAsksFor) { expect_lines(by_spec()); }
TEST_F(RefusalLinesTest, OfWhatIsAnothers) { expect_lines(of_bobs_job()); }
TEST_F(RefusalLinesTest, OfOnesOwnJob) { expect_lines(of_own_job()); }

}  // namespace
}  // namespace takt::scheduler
