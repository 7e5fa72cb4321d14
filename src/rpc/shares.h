// SPDX-License-Identifier: Apache-2.0
// Counts what each account holds of a daemon: connections, requests, their bytes, readers,
// watchers; and the requests that it begins in a second. Guarantees: an account holds at most its
// share; ordinary accounts together leave the last quarter to operators, root and takt's own
// daemons; what is held is given back exactly once. Thread-safe.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/limits.h"
#include "base/result.h"
#include "rpc/caller.h"
#include "rpc/refusals.h"

namespace takt::rpc {

enum class Share {
  kConnections,
  kTlsConnections,  // of kConnections: any host may open them, and each is ordinary
  kRequests,        // unary calls not answered yet, or given up and still at work
  kReaders,         // ReadOutput streams
  kWatchers,        // WatchJobs streams
  kBytes,           // of kRequests: requests, and answers that the client has not read yet
  kRefusals,        // connections that are served only to say that kConnections are used up
  kEnd,             // no share: how many there are
};

inline constexpr std::size_t kShares = static_cast<std::size_t>(Share::kEnd);

struct ShareLimit {
  std::size_t of_account = 0;  // does not bind operators, root and daemons
  std::size_t total = 0;       // binds all; ordinary accounts may take three quarters of it
};

struct ShareLimits {
  ShareLimit& operator[](Share share) { return limits[static_cast<std::size_t>(share)]; }
  const ShareLimit& operator[](Share share) const {
    return limits[static_cast<std::size_t>(share)];
  }

  std::array<ShareLimit, kShares> limits = {{
      {limits::kConnectionsOfAccount, limits::kConnectionsMax},
      {limits::kConnectionsMax, limits::kTlsConnectionsMax},
      {limits::kRequestsOfAccount, limits::kRequestsMax},
      {limits::kReadersOfAccount, limits::kFollowersMax},
      {limits::kWatchersOfAccount, limits::kWatchersMax},
      {limits::kMessageBytesOfAccount, limits::kMessageBytesMax},
      {limits::kRefusalsOfAccount, limits::kRefusalsMax},
  }};
  std::size_t requests_per_second = limits::kRequestsPerSecond;  // of an account
};

// Those of the section [limits] in a daemon's configuration. Only the scheduler has watchers.
template <class Config>
ShareLimits share_limits_of(const Config& config) {
  ShareLimits limits;
  const auto of_account = [&limits](Share share, std::int64_t most) {
    limits[share].of_account = static_cast<std::size_t>(most);
  };
  of_account(Share::kConnections, config.connections_of_account_max);
  of_account(Share::kRequests, config.requests_of_account_max);
  of_account(Share::kReaders, config.readers_of_account_max);
  if constexpr (requires { config.watchers_of_account_max; })
    of_account(Share::kWatchers, config.watchers_of_account_max);
  limits.requests_per_second = static_cast<std::size_t>(config.requests_per_second_of_account_max);
  return limits;
}

// Who is counted.
struct ShareHolder {
  std::string account;      // Principal::payer()
  bool privileged = false;  // an operator, root or one of takt's own daemons
};

ShareHolder holder_of(const Caller& caller);

// A TCP connection counts for the peer's network (rpc/address.h): its certificate is read with its
// first call. Plain-text TCP is privileged, as its caller is.
ShareHolder holder_of_network(int connection, bool privileged);

// What an account may hold of a share, and what is held.
struct ShareUse {
  Share share = Share::kEnd;
  const char* what = "";  // "readers of output"
  const char* key = "";   // of the section [limits]; empty: none sets it
  std::size_t used = 0;
  std::optional<std::size_t> limit;  // none for privileged holders
  std::size_t all_used = 0;
  std::size_t all_limit = 0;
};

// One of a share; the last copy gives it back. Empty: nothing is held.
using ShareLease = std::shared_ptr<const void>;

class Shares {
 public:
  // `advice` ends each refusal: where to look.
  explicit Shares(const ShareLimits& limits = {}, std::string advice = "");

  // kResourceExhausted if the account, or all together, have what they may have; the message has
  // the limit, the account's use and what frees it.
  Result<ShareLease> take(Share share, const ShareHolder& holder, std::size_t amount = 1);

  // Counts a request that begins now. kResourceExhausted if the account has begun as many as it may
  // in this second; privileged holders may always.
  Result<void> count_request(const ShareHolder& holder);

  // What is held beyond a lower limit stays held.
  void set_limits(const ShareLimits& limits);

  [[nodiscard]] std::size_t used(Share share, const std::string& account) const;

  // Of each share that has a key, and of bytes, all at one moment.
  [[nodiscard]] std::vector<ShareUse> uses(const ShareHolder& holder) const;

 private:
  struct Books;
  class Held;
  const std::shared_ptr<Books> books_;
};

// What a stream holds until it is over. kResourceExhausted as Shares::count_request() and take().
Result<ShareLease> admit_stream(Shares& shares, Share share, const ShareHolder& holder);

// What a unary call holds until it is over and its work is gone: its lease, and what takes the
// bytes of its answer. Empty: nothing is counted. With it comes what
// audits a refusal.
struct CallShare {
  ShareLease lease;
  std::function<Result<ShareLease>(std::size_t bytes)> take_answer;
  OnDenied on_denied = {};
};

// The same of a stream, until it is over.
struct StreamShare {
  ShareLease lease;
  OnDenied on_denied = {};
};

// kResourceExhausted as Shares::count_request() and take().
Result<CallShare> admit_call(const std::shared_ptr<Shares>& shares, const ShareHolder& holder,
                             std::size_t request_bytes);

// What a new connection holds. With a refusal it is served only to say why no call is.
struct ConnectionShare {
  ShareLease lease;
  std::optional<Error> refusal;
};

// Nothing if not even a refusal can be served: close the connection.
std::optional<ConnectionShare> admit_connection(Shares& shares, const ShareHolder& holder,
                                                bool tls);

}  // namespace takt::rpc
