// SPDX-License-Identifier: Apache-2.0
#include "rpc/shares.h"

#include <chrono>
#include <mutex>
#include <unordered_map>
#include <utility>

#include "base/check.h"
#include "base/clock.h"
#include "rpc/address.h"

namespace takt::rpc {
namespace {

using Counts = std::array<std::size_t, kShares>;

constexpr std::size_t kBegunMax = 1024;  // accounts that are remembered beyond their second

std::int64_t this_second() {
  return std::chrono::duration_cast<std::chrono::seconds>(BootClock::now().time_since_epoch())
      .count();
}

struct ShareText {
  const char* what;
  const char* key;    // in [limits]; empty: none
  const char* freed;  // by what
};

constexpr ShareText kShareTexts[] = {
    {"connections", "connections_of_account_max", "end programs that keep one open"},
    {"connections over TLS", "", "end programs that keep one open"},
    {"requests in flight", "requests_of_account_max", "wait until some are answered"},
    {"readers of output", "readers_of_account_max", "end some takt logs --follow or takt run"},
    {"watchers", "watchers_of_account_max", "end some takt watch or takt wait"},
    {"bytes in flight", "", "wait until requests are answered, and read the answers"},
    {"refused connections", "connections_of_account_max", "close them"},
};
static_assert(std::size(kShareTexts) == kShares);

constexpr std::size_t index_of(Share share) { return static_cast<std::size_t>(share); }

std::string where_set(const ShareText& text) {
  return *text.key == '\0' ? "" : std::string(" (") + text.key + " in [limits])";
}

std::size_t for_ordinary_accounts(std::size_t total) { return total - total / 4; }

ShareLease both(ShareLease one, ShareLease other) {
  return std::make_shared<const std::pair<ShareLease, ShareLease>>(std::move(one),
                                                                   std::move(other));
}

}  // namespace

ShareHolder holder_of(const Caller& caller) {
  ShareHolder holder;
  holder.privileged = caller.every_role || caller.role == Role::kOperator ||
                      caller.role == Role::kScheduler || caller.role == Role::kWorker;
  holder.account = caller.payer();
  return holder;
}

ShareHolder holder_of_network(int connection, bool privileged) {
  return {"address " + remote_network(connection), privileged};
}

struct Shares::Books {
  // What an account has begun in the second that it last began anything in.
  struct Begun {
    std::int64_t second = 0;
    std::size_t requests = 0;
  };

  const std::string advice;
  std::mutex mutex;
  ShareLimits limits;
  std::unordered_map<std::string, Counts> accounts;  // that hold anything
  std::unordered_map<std::string, Begun> begun;      // by account
  Counts ordinary{};
  Counts all{};
};

class Shares::Held {
 public:
  Held(std::shared_ptr<Books> books, Share share, ShareHolder holder, std::size_t amount)
      : books_(std::move(books)),
        at_(index_of(share)),
        holder_(std::move(holder)),
        amount_(amount) {}
  Held(const Held&) = delete;
  Held& operator=(const Held&) = delete;
  ~Held() {
    const std::lock_guard lock(books_->mutex);
    books_->all[at_] -= amount_;
    if (!holder_.privileged) books_->ordinary[at_] -= amount_;
    const auto account = books_->accounts.find(holder_.account);
    account->second[at_] -= amount_;
    if (account->second == Counts{}) books_->accounts.erase(account);
  }

 private:
  const std::shared_ptr<Books> books_;
  const std::size_t at_;
  const ShareHolder holder_;
  const std::size_t amount_;
};

Shares::Shares(const ShareLimits& limits, std::string advice)
    : books_(new Books{.advice = std::move(advice),
                       .mutex = {},
                       .limits = limits,
                       .accounts = {},
                       .begun = {}}) {}

Result<ShareLease> Shares::take(Share share, const ShareHolder& holder, std::size_t amount) {
  const std::size_t at = index_of(share);
  TAKT_CHECK(at < kShares, "share %zu", at);
  const ShareText& text = kShareTexts[at];
  const std::lock_guard lock(books_->mutex);
  const ShareLimit limit = books_->limits[share];
  const auto found = books_->accounts.find(holder.account);
  const std::size_t used = found == books_->accounts.end() ? 0 : found->second[at];
  if (!holder.privileged && used + amount > limit.of_account)
    return make_error(ErrorCode::kResourceExhausted,
                      holder.account + " has " + std::to_string(used) + " of the " +
                          std::to_string(limit.of_account) + " " + text.what +
                          " that one account may have" + where_set(text) + ": " + text.freed +
                          ", then try again" + books_->advice);
  const std::size_t ordinary_max = for_ordinary_accounts(limit.total);
  if (!holder.privileged && books_->ordinary[at] + amount > ordinary_max)
    return make_error(ErrorCode::kResourceExhausted,
                      "the " + std::to_string(ordinary_max) + " " + text.what +
                          " that are not reserved for operators are taken, " +
                          std::to_string(used) + " of them by " + holder.account +
                          ": try again when some have ended" + books_->advice);
  if (books_->all[at] + amount > limit.total)
    return make_error(ErrorCode::kResourceExhausted,
                      "all " + std::to_string(limit.total) + " " + text.what + " are taken, " +
                          std::to_string(used) + " of them by " + holder.account + ": " +
                          text.freed + ", or try again when some have ended" + books_->advice);
  books_->all[at] += amount;
  if (!holder.privileged) books_->ordinary[at] += amount;
  books_->accounts[holder.account][at] += amount;
  return ShareLease(std::make_shared<Held>(books_, share, holder, amount));
}

Result<void> Shares::count_request(const ShareHolder& holder) {
  const std::int64_t now = this_second();
  const std::lock_guard lock(books_->mutex);
  auto& all = books_->begun;
  if (all.size() >= kBegunMax && !all.contains(holder.account))
    std::erase_if(all, [now](const auto& one) { return one.second.second != now; });
  Books::Begun& begun = all[holder.account];
  if (begun.second != now) begun = {.second = now};
  const std::size_t most = books_->limits.requests_per_second;
  if (!holder.privileged && begun.requests >= most)
    return make_error(ErrorCode::kResourceExhausted,
                      holder.account + " has made the " + std::to_string(most) +
                          " requests that one account may make in a second "
                          "(requests_per_second_of_account_max in [limits]): try again after it" +
                          books_->advice);
  ++begun.requests;
  return {};
}

void Shares::set_limits(const ShareLimits& limits) {
  const std::lock_guard lock(books_->mutex);
  books_->limits = limits;
}

std::size_t Shares::used(Share share, const std::string& account) const {
  const std::lock_guard lock(books_->mutex);
  const auto found = books_->accounts.find(account);
  return found == books_->accounts.end() ? 0 : found->second[index_of(share)];
}

std::vector<ShareUse> Shares::uses(const ShareHolder& holder) const {
  const std::lock_guard lock(books_->mutex);
  const auto found = books_->accounts.find(holder.account);
  const Counts used = found == books_->accounts.end() ? Counts() : found->second;
  std::vector<ShareUse> uses;
  for (const Share share :
       {Share::kConnections, Share::kRequests, Share::kBytes, Share::kReaders, Share::kWatchers}) {
    const std::size_t at = index_of(share);
    const ShareLimit limit = books_->limits[share];
    ShareUse& use = uses.emplace_back();
    use.share = share;
    use.what = kShareTexts[at].what;
    use.key = kShareTexts[at].key;
    use.used = used[at];
    if (!holder.privileged) use.limit = limit.of_account;
    use.all_used = books_->all[at];
    use.all_limit = limit.total;
  }
  ShareUse& rate = uses.emplace_back();
  rate.what = "requests in this second";
  rate.key = "requests_per_second_of_account_max";
  if (!holder.privileged) rate.limit = books_->limits.requests_per_second;
  const std::int64_t now = this_second();
  for (const auto& [account, begun] : books_->begun) {
    if (begun.second != now) continue;
    rate.all_used += begun.requests;
    if (account == holder.account) rate.used = begun.requests;
  }
  return uses;
}

Result<ShareLease> admit_stream(Shares& shares, Share share, const ShareHolder& holder) {
  if (auto counted = shares.count_request(holder); !counted) return counted.error();
  return shares.take(share, holder);
}

Result<CallShare> admit_call(const std::shared_ptr<Shares>& shares, const ShareHolder& holder,
                             std::size_t request_bytes) {
  if (auto counted = shares->count_request(holder); !counted) return counted.error();
  auto call = shares->take(Share::kRequests, holder);
  if (!call) return call.error();
  auto bytes = shares->take(Share::kBytes, holder, request_bytes);
  if (!bytes) return bytes.error();
  return CallShare{both(std::move(*call), std::move(*bytes)),
                   [shares, holder](std::size_t answer_bytes) {
                     return shares->take(Share::kBytes, holder, answer_bytes);
                   },
                   {}};
}

std::optional<ConnectionShare> admit_connection(Shares& shares, const ShareHolder& holder,
                                                bool tls) {
  auto lease = shares.take(Share::kConnections, holder);
  auto of_tls =
      tls && lease ? shares.take(Share::kTlsConnections, holder) : Result<ShareLease>(nullptr);
  if (lease && of_tls)
    return ConnectionShare{both(std::move(*lease), std::move(*of_tls)), std::nullopt};
  auto refusal = shares.take(Share::kRefusals, holder);
  if (!refusal) return std::nullopt;
  return ConnectionShare{std::move(*refusal), lease ? of_tls.error() : lease.error()};
}

}  // namespace takt::rpc
