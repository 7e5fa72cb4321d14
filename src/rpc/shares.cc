// SPDX-License-Identifier: Apache-2.0
#include "rpc/shares.h"

#include <mutex>
#include <unordered_map>
#include <utility>

#include "base/check.h"
#include "rpc/address.h"

namespace takt::rpc {
namespace {

using Counts = std::array<std::size_t, kShares>;

struct ShareText {
  const char* what;
  const char* key;    // in [limits]; empty: none
  const char* freed;  // by what
};

constexpr ShareText kShareTexts[] = {
    {"connections", "connections_of_account_max", "end programs that keep one open"},
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

}  // namespace

ShareHolder holder_of(const Caller& caller) {
  ShareHolder holder;
  holder.privileged = caller.every_role || caller.role == Role::kOperator ||
                      caller.role == Role::kScheduler || caller.role == Role::kWorker;
  holder.account = caller.payer();
  return holder;
}

ShareHolder holder_of_address(int connection, bool privileged) {
  std::string address = remote_display(connection);
  // Without the port, which is another one for each connection.
  if (const auto colon = address.rfind(':'); colon != std::string::npos) address.resize(colon);
  return {"address " + address, privileged};
}

struct Shares::Books {
  const std::string advice;
  std::mutex mutex;
  ShareLimits limits;
  std::unordered_map<std::string, Counts> accounts;  // that hold anything
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
    : books_(
          new Books{.advice = std::move(advice), .mutex = {}, .limits = limits, .accounts = {}}) {}

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
  return uses;
}

Result<CallShare> admit_call(const std::shared_ptr<Shares>& shares, const ShareHolder& holder,
                             std::size_t request_bytes) {
  auto call = shares->take(Share::kRequests, holder);
  if (!call) return call.error();
  auto bytes = shares->take(Share::kBytes, holder, request_bytes);
  if (!bytes) return bytes.error();
  using Both = std::pair<ShareLease, ShareLease>;
  return CallShare{std::make_shared<const Both>(std::move(*call), std::move(*bytes)),
                   [shares, holder](std::size_t answer_bytes) {
                     return shares->take(Share::kBytes, holder, answer_bytes);
                   }};
}

std::optional<ConnectionShare> admit_connection(Shares& shares, const ShareHolder& holder) {
  auto lease = shares.take(Share::kConnections, holder);
  if (lease) return ConnectionShare{std::move(*lease), std::nullopt};
  auto refusal = shares.take(Share::kRefusals, holder);
  if (!refusal) return std::nullopt;
  return ConnectionShare{std::move(*refusal), lease.error()};
}

}  // namespace takt::rpc
