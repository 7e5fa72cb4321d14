// SPDX-License-Identifier: Apache-2.0
// Users start jobs on a worker directly, each over a connection of their own: no one of them takes
// another's place.
#include <fcntl.h>
#include <grp.h>
#include <grpcpp/create_channel_posix.h>
#include <gtest/gtest.h>
#include <pwd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "base/check.h"
#include "base/fs.h"
#include "component/fleet.h"

namespace takt::component {
namespace {

// Users that every host has.
constexpr const char* kAlice = "games";
constexpr const char* kBob = "mail";
constexpr const char* kMembersOf = "nobody";  // the group of this user may call the worker

gid_t calling_group() {
  const passwd* entry = ::getpwnam(kMembersOf);
  TAKT_CHECK(entry != nullptr, "there is no user %s", kMembersOf);
  return entry->pw_gid;
}

WorkerOptions options() {
  const group* entry = ::getgrgid(calling_group());
  TAKT_CHECK(entry != nullptr, "the group of %s has no name", kMembersOf);
  return {.extra = "users = *, " + std::string(kAlice) + ", " + kBob +
                   "\n[access]\ngroup = " + std::string(entry->gr_name) + "\n"};
}

// A connection that the kernel says is of this user.
UniqueFd connect_as(const std::string& user, const std::string& path) {
  const passwd* entry = ::getpwnam(user.c_str());
  TAKT_CHECK(entry != nullptr, "there is no user %s", user.c_str());
  const uid_t uid = entry->pw_uid;
  const gid_t gid = calling_group();
  UniqueFd connection(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  TAKT_CHECK(path.copy(address.sun_path, sizeof address.sun_path - 1) == path.size(), "long path");
  bool connected = false;
  std::thread([&] {
    // By the kernel's own calls: those of the C library change all threads.
    connected = ::syscall(SYS_setgroups, 0, nullptr) == 0 &&
                ::syscall(SYS_setresgid, gid, gid, gid) == 0 &&
                ::syscall(SYS_setresuid, uid, uid, uid) == 0 &&
                ::connect(connection.get(), reinterpret_cast<sockaddr*>(&address),  // NOLINT
                          sizeof address) == 0;
  }).join();
  TAKT_CHECK(connected && set_nonblocking(connection.get(), true), "connect as %s", user.c_str());
  return connection;
}

class Ownership : public Fleet {
 protected:
  void SetUp() override {
    Fleet::SetUp();
    worker_ = &add_worker("one", options());
    connect();
  }
  void connect() {
    const auto call = context();
    call->set_wait_for_ready(true);
    v1::WorkerServiceListJobsResponse listed;
    ASSERT_TRUE(worker_->stub().ListJobs(call.get(), {}, &listed).ok()) << "it serves";
    alice_ = stub_of(kAlice);
    bob_ = stub_of(kBob);
  }
  std::unique_ptr<v1::WorkerService::Stub> stub_of(const std::string& user) {
    const std::string path = worker_->socket().substr(std::string("unix:").size());
    return v1::WorkerService::NewStub(
        grpc::CreateInsecureChannelFromFd("worker", connect_as(user, path).release()));
  }
  // Appends to a file of the caller's own, which says how often it has run.
  v1::WorkerServiceStartJobRequest request(const std::string& id) {
    v1::WorkerServiceStartJobRequest made;
    made.set_request_id(id);
    *made.mutable_spec() = sh("echo ran >> " + shared("witness") + ".$(id -un)");
    return made;
  }
  static std::string start(v1::WorkerService::Stub& stub,
                           const v1::WorkerServiceStartJobRequest& request) {
    v1::WorkerServiceStartJobResponse response;
    const grpc::Status status = stub.StartJob(context().get(), request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response.attempt().job_id();
  }
  static bool has_ended(v1::WorkerService::Stub& stub, const std::string& job) {
    v1::QueryJobRequest query;
    query.set_job_id(job);
    v1::QueryJobResponse found;
    return stub.QueryJob(context().get(), query, &found).ok() && found.attempt().has_end();
  }

  // What the caller gets of the job's stdout, and how that ends.
  static std::pair<std::string, grpc::Status> output(v1::WorkerService::Stub& stub,
                                                     const std::string& job) {
    v1::WorkerServiceReadOutputRequest request;
    request.set_job_id(job);
    const auto call = context();
    const auto reader = stub.ReadOutput(call.get(), request);
    std::string text;
    v1::WorkerServiceReadOutputResponse message;
    while (reader->Read(&message)) text += message.chunk().data();
    return {text, reader->Finish()};
  }

  WorkerProcess* worker_ = nullptr;
  std::unique_ptr<v1::WorkerService::Stub> alice_;
  std::unique_ptr<v1::WorkerService::Stub> bob_;
};

TEST_F(Ownership, ADirectStartDoesNotTakeTheIdOfAQueuedJob) {
  v1::JobSpec spec = sh("echo own; exit 3");
  spec.set_hold(true);
  const std::string job = submit(spec);
  v1::WorkerServiceStartJobRequest forged;
  forged.set_job_id(job);
  *forged.mutable_spec() = sh("echo forged");
  v1::WorkerServiceStartJobResponse response;
  const grpc::Status refused = alice_->StartJob(context().get(), forged, &response);
  EXPECT_EQ(refused.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  for (const char* part : {"job_id", "request_id"})
    EXPECT_NE(refused.error_message().find(part), std::string::npos) << refused.error_message();

  v1::ReleaseJobRequest release;
  release.set_job_id(job);
  v1::ReleaseJobResponse released;
  ASSERT_TRUE(jobs_->ReleaseJob(context().get(), release, &released).ok());
  EXPECT_EQ(ended(job).end().exit_code(), 3);
  EXPECT_EQ(follow(job).out, "own\n");
}

TEST_F(Ownership, ARepeatedRequestRunsOnceForEachCaller) {
  const std::string alices = start(*alice_, request("nightly"));
  const std::string bobs = start(*bob_, request("nightly"));
  EXPECT_NE(alices, bobs);
  for (const std::string& job : {alices, bobs})
    ASSERT_TRUE(eventually([&] { return has_ended(*alice_, job); }));
  EXPECT_EQ(start(*alice_, request("nightly")), alices);

  worker_->kill();
  worker_->start();
  connect();
  EXPECT_EQ(start(*alice_, request("nightly")), alices);
  EXPECT_EQ(start(*bob_, request("nightly")), bobs);
  for (const char* user : {kAlice, kBob})
    EXPECT_EQ(read_shared("witness." + std::string(user)), "ran\n");

  v1::WorkerServiceStartJobRequest other = request("nightly");
  other.mutable_spec()->set_nice(3);
  v1::WorkerServiceStartJobResponse response;
  const grpc::Status refused = alice_->StartJob(context().get(), other, &response);
  EXPECT_EQ(refused.error_code(), grpc::StatusCode::ALREADY_EXISTS) << refused.error_message();
  EXPECT_NE(start(*alice_, request("weekly")), alices);
}

TEST_F(Ownership, ADirectJobIsStoppedByItsOwnerOnly) {
  v1::WorkerServiceStartJobRequest sleep;
  *sleep.mutable_spec() = sh("exec sleep 1000");
  v1::WorkerServiceStopJobRequest stop;
  stop.set_job_id(start(*alice_, sleep));
  v1::WorkerServiceStopJobResponse response;
  const grpc::Status refused = bob_->StopJob(context().get(), stop, &response);
  EXPECT_EQ(refused.error_code(), grpc::StatusCode::PERMISSION_DENIED);
  EXPECT_NE(refused.error_message().find(kAlice), std::string::npos) << refused.error_message();
  v1::WorkerServicePauseJobRequest pause;
  pause.set_job_id(stop.job_id());
  v1::WorkerServicePauseJobResponse paused;
  EXPECT_EQ(bob_->PauseJob(context().get(), pause, &paused).error_code(),
            grpc::StatusCode::PERMISSION_DENIED);
  EXPECT_TRUE(alice_->StopJob(context().get(), stop, &response).ok());
  EXPECT_TRUE(eventually([&] { return has_ended(*alice_, stop.job_id()); }));
  for (const char* call : {"StopJob", "PauseJob"})
    EXPECT_NE(worker_->log().find(std::string("refused WorkerService.") + call + " to " + kBob),
              std::string::npos)
        << "the audit has it";
}

TEST_F(Ownership, OthersSeeOfADirectJobOnlyThatItIsThere) {
  v1::WorkerServiceStartJobRequest print;
  *print.mutable_spec() = sh("echo hush");
  const std::string job = start(*alice_, print);
  ASSERT_TRUE(eventually([&] { return has_ended(*alice_, job); }));
  v1::QueryJobRequest query;
  query.set_job_id(job);
  v1::QueryJobResponse own;
  ASSERT_TRUE(alice_->QueryJob(context().get(), query, &own).ok());
  EXPECT_NE(own.attempt().cgroup(), "");
  v1::QueryJobResponse seen;
  ASSERT_TRUE(bob_->QueryJob(context().get(), query, &seen).ok());
  v1::WorkerServiceListJobsResponse listed;
  ASSERT_TRUE(bob_->ListJobs(context().get(), {}, &listed).ok());
  ASSERT_EQ(listed.attempts_size(), 1);
  for (const v1::Attempt& attempt : {seen.attempt(), listed.attempts(0)}) {
    EXPECT_EQ(attempt.job_id(), job);
    EXPECT_EQ(attempt.user(), kAlice);
    EXPECT_EQ(attempt.cgroup(), "");
  }
  EXPECT_EQ(output(*alice_, job).first, "hush\n");
  const auto [text, status] = output(*bob_, job);
  EXPECT_EQ(text, "");
  EXPECT_EQ(status.error_code(), grpc::StatusCode::PERMISSION_DENIED);
  EXPECT_NE(status.error_message().find(kAlice), std::string::npos) << status.error_message();
}

}  // namespace
}  // namespace takt::component
