// SPDX-License-Identifier: Apache-2.0
#include "cli/client.h"

#include <algorithm>
#include <chrono>

#include "base/units.h"
#include "rpc/channel.h"

namespace takt::cli {

Client::Client(std::string address, bool tls, microseconds patience, Interrupts& interrupts)
    : address_(std::move(address)), tls_(tls), patience_(patience), interrupts_(interrupts) {}

Result<std::unique_ptr<Client>> Client::connect(const std::string& address,
                                                const rpc::Credentials& credentials,
                                                microseconds patience, Interrupts& interrupts) {
  if (auto reached = rpc::probe(address); !reached) return reached.error();
  auto channel = credentials.channel(address, {rpc::Role::kScheduler, ""});
  if (!channel) return channel.error().in("can't reach the scheduler");
  const bool tls = credentials.tls() != nullptr && !address.starts_with("unix:");
  std::unique_ptr<Client> client(new Client(address, tls, patience, interrupts));
  client->jobs_ = v1::JobService::NewStub(*channel);
  client->operators_ = v1::OperatorService::NewStub(*channel);
  return client;
}

std::unique_ptr<Client> Client::with(Interrupts& interrupts) const {
  std::unique_ptr<Client> other(new Client(address_, tls_, patience_, interrupts));
  other->jobs_ = jobs_;
  other->operators_ = operators_;
  return other;
}

Result<std::vector<v1::Job>> Client::list_parts(const std::string& whole) {
  std::vector<v1::Job> parts;
  v1::ListJobsRequest request;
  request.set_part_of(whole);
  request.set_page_size(static_cast<int>(limits::kPageSizeMax));
  do {
    auto page = call(&v1::JobService::Stub::ListJobs, request);
    if (!page) return page.error();
    for (v1::Job& job : *page->mutable_jobs()) parts.push_back(std::move(job));
    request.set_page_token(page->next_page_token());
  } while (!request.page_token().empty());
  std::reverse(parts.begin(), parts.end());
  return parts;
}

void Client::prepare(grpc::ClientContext& context, const Tries& tries) const {
  const nanoseconds left = std::max<nanoseconds>(tries.deadline - BootClock::now(), seconds(0));
  context.set_wait_for_ready(!tls_);  // why a certificate will not do is told at once
  context.set_deadline(std::chrono::system_clock::now() +
                       std::chrono::duration_cast<microseconds>(left));
}

Result<void> Client::again(const grpc::Status& status, Tries& tries, int spare) {
  if (interrupts_.pending(spare)) return make_error(ErrorCode::kCancelled, "interrupted");
  const bool late = BootClock::now() + tries.pause >= tries.deadline;
  if (status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED || (may_repeat(status) && late)) {
    if (auto reached = rpc::probe(address_); !reached) return reached.error();
    Error error = make_error(ErrorCode::kDeadlineExceeded, "the scheduler at " + address_ +
                                                               " gave no answer within " +
                                                               format_duration(tries.patience));
    if (may_repeat(status)) error.message += " (" + rpc::from_status(status).message + ")";
    if (tls_) error.message += ". Its journal says so if it refuses this certificate";
    return error;
  }
  if (!may_repeat(status)) return rpc::from_status(status);
  if (interrupts_.wait(tries.pause, spare)) return make_error(ErrorCode::kCancelled, "interrupted");
  tries.pause = std::min<milliseconds>(tries.pause * 2, limits::kClientPauseMax);
  return {};
}

Result<v1::Job> Client::get_job(const std::string& id) { return get_job(id, patience_); }

Result<v1::Job> Client::get_job(const std::string& id, microseconds patience) {
  v1::GetJobRequest request;
  request.set_job_id(id);
  auto response = repeat<v1::GetJobResponse>(
      [&](auto* context, auto* answer) { return jobs_->GetJob(context, request, answer); },
      patience, 0);
  if (!response) return response.error();
  return std::move(*response->mutable_job());
}

Result<v1::ListWorkersResponse> Client::list_workers() {
  v1::ListWorkersResponse all;
  v1::ListWorkersRequest request;
  request.set_page_size(static_cast<int>(limits::kPageSizeMax));
  do {
    auto page = call(&v1::OperatorService::Stub::ListWorkers, request);
    if (!page) return page.error();
    request.set_page_token(page->next_page_token());
    page->clear_next_page_token();
    all.MergeFrom(*page);
  } while (!request.page_token().empty() &&
           static_cast<std::size_t>(all.workers_size()) <= limits::kWorkersMax);
  return all;
}

bool out_of_reach(const Error& error) {
  return error.code == ErrorCode::kUnavailable || error.code == ErrorCode::kDeadlineExceeded;
}

bool may_repeat(const grpc::Status& status) {
  switch (status.error_code()) {
    case grpc::StatusCode::UNAVAILABLE:
    case grpc::StatusCode::CANCELLED:
    case grpc::StatusCode::ABORTED:
      return true;
    default:
      return false;
  }
}

}  // namespace takt::cli
