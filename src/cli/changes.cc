// SPDX-License-Identifier: Apache-2.0
#include "cli/changes.h"

#include "cli/text.h"

namespace takt::cli {

Changes::Changes(Client& client, Console& console, v1::WatchJobsRequest request, Told told)
    : client_(client), request_(std::move(request)), told_(std::move(told)), outage_(console) {}

std::optional<std::int64_t> Changes::revision() const {
  if (request_.from_now()) return std::nullopt;
  return request_.after_revision();
}

Result<void> Changes::run() {
  for (;;) {
    const grpc::Status status = read_stream();
    if (enough_) return {};
    if (client_.interrupts().pending()) return make_error(ErrorCode::kCancelled, "interrupted");
    // A reader too slow has to ask again; so has one too many.
    const bool passing = status.ok() || may_repeat(status) ||
                         status.error_code() == grpc::StatusCode::RESOURCE_EXHAUSTED;
    if (!passing) return rpc::from_status(status);
    const std::string what =
        status.ok() ? "the watch ended" : printable(rpc::from_status(status).message);
    if (!outage_.wait(client_.interrupts(), what))
      return make_error(ErrorCode::kUnavailable, "contact was lost for too long (" + what + ")");
  }
}

grpc::Status Changes::read_stream() {
  grpc::ClientContext context;
  context.set_wait_for_ready(false);
  const Interrupts::Call guard(client_.interrupts(), context);
  const auto reader = client_.jobs().WatchJobs(&context, request_);
  v1::WatchJobsResponse change;
  while (!enough_ && reader->Read(&change)) {
    outage_.over();
    enough_ = !take(change);
  }
  if (enough_) context.TryCancel();  // else it might hide why the stream ended
  return reader->Finish();
}

bool Changes::take(const v1::WatchJobsResponse& change) {
  const bool seen = !request_.from_now() && change.revision() <= request_.after_revision();
  if (change.has_event() && seen) return true;
  if (!seen) request_.set_after_revision(change.revision());
  request_.set_from_now(false);
  return told_(change);
}

}  // namespace takt::cli
