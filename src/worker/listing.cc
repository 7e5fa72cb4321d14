// SPDX-License-Identifier: Apache-2.0
#include "worker/listing.h"

#include <utility>

#include "base/limits.h"
#include "rpc/convert.h"
#include "rpc/page.h"
#include "rpc/page_token.h"
#include "worker/access.h"

namespace takt::worker {

void Listing::list(ListRequest request) {
  const std::string payer = request.principal.payer();
  std::deque<ListRequest>& requests = accounts_[payer].requests;
  if (requests.size() > limits::kRequestsOfAccount)
    return request.answer(make_error(
        ErrorCode::kResourceExhausted,
        std::to_string(limits::kRequestsOfAccount) + " calls of ListJobs of " + payer +
            " wait on this worker, which reads one page of an account at a time; try again when "
            "they are answered"));
  requests.push_back(std::move(request));
  if (requests.size() == 1) begin(payer);
}

void Listing::begin(const std::string& payer) {
  Account& account = accounts_.at(payer);
  while (!account.requests.empty() && account.requests.front().is_over())
    account.requests.pop_front();
  if (account.requests.empty()) return (void)accounts_.erase(payer);
  const ListRequest& request = account.requests.front();
  HistoryRange range{.after = request.after, .attempts_max = request.page_size, .live = {}};
  // Of the live ones, a page has no more than the first of them.
  const auto& all = core_.attempts.all();
  for (auto at = range.after ? all.upper_bound(*range.after) : all.begin();
       at != all.end() && account.live.size() < range.attempts_max; ++at) {
    account.live.insert(*at);
    range.live.insert(at->first);
  }
  thread_.run(
      [&state = core_.state, range = std::move(range)] { return read_history_page(state, range); },
      [this, payer](const Result<HistoryPage>& page) { finish(payer, page); });
}

void Listing::finish(const std::string& payer, const Result<HistoryPage>& page) {
  Account& account = accounts_.at(payer);
  const ListRequest request = std::move(account.requests.front());
  account.requests.pop_front();
  const auto live = std::exchange(account.live, {});
  if (page) {
    request.answer(answer_of(request, *page, live));
  } else {
    request.answer(page.error());
  }
  begin(payer);
}

v1::WorkerServiceListJobsResponse Listing::answer_of(
    const ListRequest& request, const HistoryPage& page,
    const std::map<AttemptId, LivePtr>& live) const {
  v1::WorkerServiceListJobsResponse answer;
  rpc::PageRoom room;
  AttemptId last = request.after.value_or(AttemptId());
  for (const HistoryEntry& entry : page.entries) {
    if (const auto found = find(request.principal, entry, live)) {
      auto message = rpc::attempt_to_proto(*found);
      if (!room.takes(message)) {
        answer.set_next_page_token(rpc::attempt_token(last));
        return answer;
      }
      *answer.add_attempts() = std::move(message);
    }
    last = entry.id;
  }
  if (page.next_after) answer.set_next_page_token(rpc::attempt_token(*page.next_after));
  return answer;
}

// One that was live and was not read may have ended, and be looked after no longer.
std::optional<Attempt> Listing::find(const Principal& principal, const HistoryEntry& entry,
                                     const std::map<AttemptId, LivePtr>& live) const {
  LivePtr now = core_.attempts.find_any(entry.id);
  if (const auto then = live.find(entry.id);
      !now && then != live.end() && has_ended(then->second->record.state))
    now = then->second;
  if (!now && !entry.read) return std::nullopt;
  const auto target = target_of(core_, principal, rpc::Action::kWorkerListJobs, entry.id,
                                now ? now->acceptance : entry.read->acceptance);
  if (!target) return std::nullopt;
  return as_seen(now ? now->record : entry.read->attempt, target->sight);
}

}  // namespace takt::worker
