// SPDX-License-Identifier: Apache-2.0
// What users get of each other's jobs, by every RPC that there is.
#include <google/protobuf/dynamic_message.h>
#include <grpcpp/generic/generic_stub.h>

#include <map>
#include <optional>

#include "rpc/authorize.h"
#include "support/log_capture.h"
#include "unit/scheduler/principals.h"

namespace takt::scheduler {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::MethodDescriptor;

// As short as the pieces that the worker sends output in.
constexpr const char* kSecret = "hush";

// Names `job` wherever the message can name one.
void name_job(Message& message, const std::string& job) {
  const auto* reflection = message.GetReflection();
  for (int at = 0; at < message.GetDescriptor()->field_count(); ++at) {
    const FieldDescriptor* field = message.GetDescriptor()->field(at);
    const std::string name(field->name());
    if (name == "job_id") reflection->SetString(&message, field, job);
    if (name == "job_ids") reflection->AddString(&message, field, job);
    if (name == "argv") reflection->AddString(&message, field, "/bin/true");
    if (name == "priority") reflection->SetInt32(&message, field, 0);
    if (name == "condition") reflection->SetEnumValue(&message, field, 2);
    if (name == "spec") name_job(*reflection->MutableMessage(&message, field), job);
    if (name == "specs" || name == "dependencies")
      name_job(*reflection->AddMessage(&message, field), job);
  }
}

struct Answer {
  grpc::Status status;
  std::string bytes;  // all messages, and the text of the status
};

// One call, unary or not, by any method. Of a stream without end: until its first sign of life.
Answer call(const std::shared_ptr<grpc::Channel>& channel, const MethodDescriptor& method,
            const std::string& job) {
  google::protobuf::DynamicMessageFactory factory;
  const std::unique_ptr<Message> request(factory.GetPrototype(method.input_type())->New());
  const std::unique_ptr<Message> response(factory.GetPrototype(method.output_type())->New());
  name_job(*request, job);
  grpc::GenericStub stub(channel);
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(60));
  grpc::CompletionQueue queue;
  const auto done = [&queue] {
    void* tag = nullptr;
    bool ok = false;
    return queue.Next(&tag, &ok) && ok;
  };
  const std::string path =
      "/" + std::string(method.service()->full_name()) + "/" + std::string(method.name());
  const auto stream = stub.PrepareCall(&context, path, &queue);
  stream->StartCall(nullptr);
  EXPECT_TRUE(done());
  const grpc::Slice bytes(request->SerializeAsString());
  stream->WriteLast(grpc::ByteBuffer(&bytes, 1), {}, nullptr);
  (void)done();  // a refusal may come first
  Answer answer;
  const FieldDescriptor* event = method.output_type()->FindFieldByName("event");
  grpc::ByteBuffer buffer;
  for (stream->Read(&buffer, nullptr); done(); stream->Read(&buffer, nullptr)) {
    grpc::Slice slice;
    EXPECT_TRUE(buffer.DumpToSingleSlice(&slice).ok());
    const std::string text(reinterpret_cast<const char*>(slice.begin()), slice.size());
    answer.bytes += text;
    EXPECT_TRUE(response->ParseFromString(text));
    if (event != nullptr && !response->GetReflection()->HasField(*response, event))
      context.TryCancel();
  }
  stream->Finish(&answer.status, nullptr);
  (void)done();
  answer.bytes += answer.status.error_message();
  queue.Shutdown();
  while (done()) {
  }
  return answer;
}

// The method's row in the table; none: it has no row.
std::optional<rpc::Action> action_of(const MethodDescriptor& method) {
  const std::string name = std::string(method.service()->name()) + "." + std::string(method.name());
  for (int number = 0; number < static_cast<int>(rpc::Action::kEnd); ++number)
    if (rpc::action_name(static_cast<rpc::Action>(number)) == name)
      return static_cast<rpc::Action>(number);
  return std::nullopt;
}

std::vector<const MethodDescriptor*> methods() {
  std::vector<const MethodDescriptor*> all;
  const auto* file = v1::GetJobRequest::descriptor()->file();
  const auto* operators = v1::DrainWorkerRequest::descriptor()->file();
  const auto* registry = v1::RegisterWorkerRequest::descriptor()->file();
  for (const auto* service : {file->service(0), operators->service(0), registry->service(0)})
    for (int at = 0; at < service->method_count(); ++at) all.push_back(service->method(at));
  return all;
}

class AccessTest : public PrincipalsTest {
 protected:
  void SetUp() override {
    PrincipalsTest::SetUp();
    worker_ = make_worker(kWorkerOne, "one");
  }
  void TearDown() override {
    PrincipalsTest::TearDown();
    worker_.reset();
  }

  enum class Stands { kRunning, kExited, kStopped };

  // A job of bob's with a secret in all that it runs. One that has run printed it, and the reason
  // of a stop holds it.
  std::string bobs_job(Stands stands, const std::vector<std::string>& readers = {}) {
    v1::JobSpec spec;
    spec.set_name("shown");
    spec.add_argv("/bin/true");
    if (stands == Stands::kExited) spec.set_script("#!/bin/sh\n# hush\n");
    spec.add_argv(kSecret);
    spec.set_stdin_data(kSecret);
    spec.set_working_directory("/hush");
    spec.set_hold(stands == Stands::kStopped);
    v1::EnvironmentVariable* variable = spec.add_environment();
    variable->set_name("PASSWORD");
    variable->set_value(kSecret);
    (*spec.mutable_labels())["customer"] = kSecret;
    spec.mutable_readers()->Assign(readers.begin(), readers.end());
    const std::string job = submit_as(bob_, spec);
    if (stands == Stands::kStopped) {
      stop_bobs(job);
      return job;
    }
    watch_until(job, v1::JOB_STATE_RUNNING);
    worker_->write(job, "hush");
    if (stands == Stands::kExited) {
      worker_->end(job, 3);
      watch_until(job, v1::JOB_STATE_FAILED);
    }
    return job;
  }

  void stop_bobs(const std::string& job) {
    v1::StopJobRequest request;
    request.set_job_id(job);
    request.set_reason("hush reason");
    v1::StopJobResponse response;
    EXPECT_TRUE(bob_.jobs->StopJob(context().get(), request, &response).ok());
    watch_until(job, v1::JOB_STATE_STOPPED);
  }

  std::unique_ptr<test::FakeWorker> worker_;
};

TEST_F(AccessTest, NoRpcShowsAUserWhatAnothersJobRunsAndPrints) {
  for (const Stands stands : {Stands::kRunning, Stands::kExited, Stands::kStopped}) {
    const std::string job = bobs_job(stands);
    const v1::JobState state = get(job).state();
    for (const MethodDescriptor* method : methods()) {
      const std::string name(method->full_name());
      const auto action = action_of(*method);
      ASSERT_TRUE(action) << name << " has no row in the table";
      const Answer answer = call(alice_.channel, *method, job);
      EXPECT_EQ(answer.bytes.find(kSecret), std::string::npos) << name << ": " << answer.bytes;
      const auto access = rpc::access_of(alice_.principal, *action, rpc::Whose::kAnother);
      // GetLimits is about an account, here the caller's own.
      const bool refused = *action != rpc::Action::kGetLimits &&
                           (access == rpc::Access::kNo || access == rpc::Access::kIfShown);
      EXPECT_EQ(answer.status.error_code() == grpc::StatusCode::PERMISSION_DENIED, refused)
          << name << ": " << answer.status.error_message();
    }
    EXPECT_EQ(get(job).state(), state);
  }
}

// Whichever part refuses: the table, the owner of the job, or the check of the spec.
TEST_F(AccessTest, EachRefusalBecauseOfWhoAskedIsAuditedOnce) {
  const std::string job = bobs_job(Stands::kRunning);
  // Accounts of this test alone: lines about one are bounded.
  const Client dave = client(user("dave", 4102));
  const test::LogCapture log;
  const auto lines = [](const std::string& begin) {
    int count = 0;
    for (const std::string& line : test::LogCapture::lines())
      if (line.starts_with(begin)) ++count;
    return count;
  };
  int refused = 0;
  for (const MethodDescriptor* method : methods()) {
    const std::string name = rpc::action_name(action_of(*method).value());
    // Another user each time: one leaves few lines a minute.
    const std::string who = "carol" + std::to_string(refused);
    const uid_t uid = 4200 + static_cast<uid_t>(refused);
    const Client carol = client(user(who, uid));
    const bool denied = call(carol.channel, *method, job).status.error_code() ==
                        grpc::StatusCode::PERMISSION_DENIED;
    const std::string line =
        "refused " + name + " to " + who + " (uid " + std::to_string(uid) + "): ";
    EXPECT_EQ(lines(line), denied ? 1 : 0) << name;
    refused += denied ? 1 : 0;
  }
  EXPECT_GE(refused, 15);

  v1::SubmitJobRequest as_root;
  *as_root.mutable_spec() = spec();
  as_root.mutable_spec()->set_user("root");
  v1::SubmitJobResponse submitted;
  EXPECT_FALSE(dave.jobs->SubmitJob(context().get(), as_root, &submitted).ok());
  EXPECT_EQ(lines("refused JobService.SubmitJob to dave (uid 4102): spec.user: "), 1);
  v1::SubmitJobsRequest several;
  *several.add_specs() = as_root.spec();
  v1::SubmitJobsResponse all_submitted;
  EXPECT_FALSE(dave.jobs->SubmitJobs(context().get(), several, &all_submitted).ok());
  EXPECT_EQ(lines("refused JobService.SubmitJobs to dave (uid 4102): specs[0].spec.user: "), 1);
  v1::GetLimitsRequest of_bob;
  of_bob.set_account("bob");
  v1::GetLimitsResponse limits;
  EXPECT_FALSE(dave.jobs->GetLimits(context().get(), of_bob, &limits).ok());
  EXPECT_EQ(lines("refused JobService.GetLimits to dave (uid 4102): "), 1);
}

TEST_F(AccessTest, AJobThatWaitedForAnothersSaysNoMoreOfItsEnd) {
  v1::JobSpec other = spec("other");
  other.set_hold(true);
  for (const bool ended_before : {false, true}) {
    const std::string job = ended_before ? bobs_job(Stands::kStopped) : submit_as(bob_, other);
    v1::JobSpec waiting = spec("waiting");
    v1::Dependency* dependency = waiting.add_dependencies();
    dependency->set_job_id(job);
    dependency->set_condition(v1::DEPENDENCY_CONDITION_SUCCESS);
    const std::string own = submit_as(alice_, waiting);
    if (!ended_before) stop_bobs(job);
    watch_until(own, v1::JOB_STATE_FAILED);
    const v1::Job failed = get(own);
    EXPECT_EQ(failed.end().cause(), v1::END_CAUSE_DEPENDENCY_FAILED);
    EXPECT_EQ(failed.end().message().find(kSecret), std::string::npos) << failed.end().message();
  }
}

TEST_F(AccessTest, OwnersAndOperatorsSeeAll) {
  const std::map<std::string, std::string> jobs = {{"GetJob", bobs_job(Stands::kExited)},
                                                   {"ListJobs", ""},
                                                   {"WatchJobs", bobs_job(Stands::kStopped)},
                                                   {"ReadOutput", bobs_job(Stands::kExited)}};
  const Client root = client(user("admin", 4003, Role::kOperator));
  for (const Client* client : {static_cast<const Client*>(&bob_), &root})
    for (const MethodDescriptor* method : methods()) {
      const auto job = jobs.find(std::string(method->name()));
      if (job == jobs.end()) continue;
      const Answer answer = call(client->channel, *method, job->second);
      EXPECT_NE(answer.bytes.find(kSecret), std::string::npos)
          << client->principal.describe() << " " << job->first << ": "
          << answer.status.error_message();
    }
}

TEST_F(AccessTest, AReaderSeesAllAndActsOnNothing) {
  const std::string job = bobs_job(Stands::kExited, {"alice"});
  for (const MethodDescriptor* method : methods()) {
    const std::string name(method->name());
    const auto action = action_of(*method);
    ASSERT_TRUE(action) << name;
    const Answer answer = call(alice_.channel, *method, job);
    if (name == "GetJob" || name == "ListJobs" || name == "ReadOutput") {
      EXPECT_NE(answer.bytes.find(kSecret), std::string::npos)
          << name << ": " << answer.status.error_message();
    }
    const bool refused =
        *action != rpc::Action::kGetLimits &&
        rpc::access_of(alice_.principal, *action, rpc::Whose::kReaders) == rpc::Access::kNo;
    EXPECT_EQ(answer.status.error_code() == grpc::StatusCode::PERMISSION_DENIED, refused)
        << name << ": " << answer.status.error_message();
  }
}

TEST_F(AccessTest, SeeAllShowsJobsToUsersAndLetsThemActOnNone) {
  const std::string job = bobs_job(Stands::kRunning);
  daemon_->core().reads().set_see(rpc::See::kAll);
  v1::GetJobRequest get;
  get.set_job_id(job);
  v1::GetJobResponse got;
  ASSERT_TRUE(alice_.jobs->GetJob(context().get(), get, &got).ok());
  EXPECT_FALSE(got.job().is_summary());
  EXPECT_EQ(got.job().spec().stdin_data(), kSecret);
  v1::StopJobRequest stop;
  stop.set_job_id(job);
  v1::StopJobResponse stopped;
  EXPECT_EQ(alice_.jobs->StopJob(context().get(), stop, &stopped).error_code(),
            grpc::StatusCode::PERMISSION_DENIED);
}

TEST_F(AccessTest, LabelsFindOnlyJobsWhoseLabelsAreShown) {
  bobs_job(Stands::kRunning);
  v1::ListJobsRequest list;
  (*list.mutable_labels())["customer"] = kSecret;
  v1::ListJobsResponse listed;
  ASSERT_TRUE(alice_.jobs->ListJobs(context().get(), list, &listed).ok());
  EXPECT_EQ(listed.jobs_size(), 0);
  list.set_user("bob");
  ASSERT_TRUE(alice_.jobs->ListJobs(context().get(), list, &listed).ok());
  EXPECT_EQ(listed.jobs_size(), 0);
  ASSERT_TRUE(bob_.jobs->ListJobs(context().get(), list, &listed).ok());
  EXPECT_EQ(listed.jobs_size(), 1);
}

TEST_F(AccessTest, ASummarySaysThatTheJobIsThere) {
  const std::string job = bobs_job(Stands::kRunning);
  v1::ListJobsResponse listed;
  ASSERT_TRUE(alice_.jobs->ListJobs(context().get(), {}, &listed).ok());
  ASSERT_EQ(listed.jobs_size(), 1);
  const v1::Job& summary = listed.jobs(0);
  EXPECT_TRUE(summary.is_summary());
  EXPECT_EQ(summary.job_id(), job);
  EXPECT_EQ(summary.spec().name(), "shown");
  EXPECT_EQ(summary.submitted_by(), "user bob");
  EXPECT_EQ(summary.attempts(0).worker_name(), "one");
}

}  // namespace
}  // namespace takt::scheduler
