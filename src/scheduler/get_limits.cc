// SPDX-License-Identifier: Apache-2.0
// GetLimits: what an account holds of the scheduler. Waits for no read, so it is answered also when
// the account's reads are used up.
#include <algorithm>
#include <utility>

#include "scheduler/verbs.h"

namespace takt::scheduler {
namespace {

using rpc::ShareHolder;
using LimitsReply = rpc::UnaryReply<v1::GetLimitsResponse>;

std::int64_t number(std::size_t count) { return static_cast<std::int64_t>(count); }

// Who submits the jobs of an account, as they have it.
std::string submitter_of(const std::string& account) {
  const bool is_user_name =
      account.find("://") == std::string::npos && !account.starts_with("uid ");
  return is_user_name ? "user " + account : account;
}

v1::ResourceLimit& add(v1::GetLimitsResponse& response, const std::string& resource,
                       std::size_t used, std::size_t all_used, std::size_t all_limit) {
  v1::ResourceLimit& limit = *response.add_limits();
  limit.set_resource(resource);
  limit.set_used(number(used));
  limit.set_all_used(number(all_used));
  limit.set_all_limit(number(all_limit));
  return limit;
}

// An account may have as many reads waiting as there are places free.
void add_reads(v1::GetLimitsResponse& response, Core& core, const ShareHolder& holder,
               bool is_operator) {
  const store::ReadUse reads = core.reads().use(holder.account, is_operator);
  v1::ResourceLimit& limit =
      add(response, "waiting reads", reads.mine, reads.all, limits::kReaderQueriesMax);
  limit.set_limit(number(reads.places - std::min(reads.places, reads.all)));
}

// Operators have no limits of their own here.
void add_jobs(v1::GetLimitsResponse& response, Core& core, const std::string& submitter,
              bool is_operator) {
  const Holdings held = core.jobs().of_submitter(submitter);
  const QueuePolicy& policy = core.policy();
  v1::ResourceLimit& jobs =
      add(response, "live jobs", held.jobs, core.jobs().size(), policy.jobs_max);
  v1::ResourceLimit& bytes =
      add(response, "spec bytes", held.spec_bytes, core.jobs().spec_bytes(), 0);
  jobs.set_key("jobs_of_user_max");
  bytes.set_key("spec_bytes_of_account_max");
  if (is_operator) return;
  jobs.set_limit(number(policy.jobs_of_user_max));
  bytes.set_limit(number(policy.spec_bytes_of_account_max));
}

}  // namespace

void get_limits(Core& core, const Principal& principal, const v1::GetLimitsRequest& request,
                const std::function<std::vector<rpc::ShareUse>(const ShareHolder&)>& uses,
                const LimitsReply& reply) {
  const std::string& asked = request.account();
  const bool own = asked.empty() || asked == principal.payer() || asked == principal.account();
  const auto access = rpc::access_of(principal, rpc::Action::kGetLimits,
                                     own ? rpc::Whose::kOwn : rpc::Whose::kAnother);
  if (access != rpc::Access::kYes)
    return (void)reply.fail(
        make_error(ErrorCode::kPermissionDenied,
                   "only operators see the limits of another account than " + principal.payer()));
  const ShareHolder holder = own ? rpc::holder_of(principal) : ShareHolder{asked, false};
  v1::GetLimitsResponse response;
  response.set_account(holder.account);
  response.set_is_privileged(holder.privileged);
  for (const rpc::ShareUse& use : uses(holder)) {
    // Over TCP they are counted for the address.
    if (use.share == rpc::Share::kConnections && own && !principal.is_local()) continue;
    v1::ResourceLimit& limit = add(response, use.what, use.used, use.all_used, use.all_limit);
    if (use.limit) limit.set_limit(number(*use.limit));
    limit.set_key(use.key);
  }
  const bool is_operator = own && principal.is_operator();
  add_reads(response, core, holder, is_operator);
  const std::string submitter = own ? principal.display_name() : submitter_of(asked);
  core.run(
      [&core, reply, submitter, is_operator, response = std::move(response)]() mutable {
        add_jobs(response, core, submitter, is_operator);
        answer_committed<v1::GetLimitsResponse>(core, reply, std::move(response));
      },
      [reply](const Error& error) { reply.fail(error); });
}

}  // namespace takt::scheduler
