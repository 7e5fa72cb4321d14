// SPDX-License-Identifier: Apache-2.0
#include "rpc/credentials.h"

#include <pthread.h>
#include <signal.h>

#include <utility>

#include "base/limits.h"
#include "base/log.h"
#include "rpc/address.h"

namespace takt::rpc {
namespace {

void warn_of_expiry(const Tls& tls) {
  if (const std::string warning = expiry_warning(tls.own()); !warning.empty())
    log_warning(warning + "; put a new one in its place, no restart is needed",
                {message_id(kCertificateExpiresId)});
}

}  // namespace

Result<std::shared_ptr<const Tls>> Credentials::load_tls(const Options& options) {
  auto tls = Tls::load(options.tls);
  if (!tls) return tls;
  const CertificateName& is = (*tls)->own().name;
  CertificateName wanted = options.own;
  const bool fits = wanted.role == Role::kNone ||
                    (is.role == wanted.role && (wanted.name.empty() || is.name == wanted.name));
  if (fits) return tls;
  if (wanted.name.empty()) wanted.name = "NAME";
  return invalid("certificate", "[tls] certificate: " + options.tls.certificate + " is for " +
                                    is.uri() + "; this program needs one for " + wanted.uri());
}

Result<std::unique_ptr<Credentials>> Credentials::load(Options options) {
  std::shared_ptr<const Tls> tls;
  if (options.tls.given()) {
    if (options.insecure)
      return invalid("insecure",
                     "insecure = yes allows plain text, and [tls] asks for TLS; take one of them "
                     "out");
    auto loaded = load_tls(options);
    if (!loaded) return loaded.error();
    tls = std::move(*loaded);
    warn_of_expiry(*tls);
  }
  return std::unique_ptr<Credentials>(new Credentials(std::move(options), std::move(tls)));
}

Credentials::Credentials(Options options, std::shared_ptr<const Tls> tls)
    : options_(std::move(options)), tls_(std::move(tls)) {}

Credentials::~Credentials() { end_watch(); }

void Credentials::end_watch() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
    changed_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
}

Tcp Credentials::tcp() const {
  if (options_.tls.given()) return Tcp::kTls;
  return options_.insecure ? Tcp::kPlainText : Tcp::kRefused;
}

std::shared_ptr<const Tls> Credentials::tls() const {
  const std::lock_guard lock(mutex_);
  return tls_;
}

Result<void> Credentials::may_call(const std::string& address) const {
  const Result<Address> parsed = parse_address(address);
  if (!parsed) return parsed.error();
  if (parsed->unix_socket || tcp() != Tcp::kRefused) return {};
  return make_error(ErrorCode::kFailedPrecondition,
                    address +
                        " would be called in plain text; set certificate, key and ca in [tls], or "
                        "allow plain text with insecure = yes");
}

Result<std::shared_ptr<grpc::Channel>> Credentials::channel(const std::string& address,
                                                            const CertificateName& expected,
                                                            ChannelOptions options) const {
  if (auto may = may_call(address); !may) return may.error();
  if (const auto tls = this->tls()) options.credentials = tls->channel_credentials(expected);
  return make_channel(address, options);
}

void Credentials::watch(Server& server) {
  if (!options_.tls.given()) return;
  TAKT_CHECK(!thread_.joinable(), "the files are watched already");
  // Signals are the main thread's.
  sigset_t all{};
  sigset_t before{};
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  thread_ = std::thread([this, &server] { run(server); });
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

void Credentials::reload() {
  const std::lock_guard lock(mutex_);
  reload_ = true;
  changed_.notify_all();
}

void Credentials::run(Server& server) {
  while (true) {
    bool asked = false;
    {
      std::unique_lock lock(mutex_);
      changed_.wait_for(lock, limits::kTlsCheck, [this] { return ending_ || reload_; });
      if (ending_) return;
      asked = std::exchange(reload_, false);
    }
    look(asked, server);
  }
}

// Reads rather than compares times: a link may lead to other files by now, and they are small.
void Credentials::look(bool asked, Server& server) {
  const std::shared_ptr<const Tls> before = tls();
  auto now = load_tls(options_);
  if (!now) return complain(now.error().message, asked);
  if ((*now)->same_as(*before)) return complaint_.clear();
  if (auto renewed =
          server.renew(**now, std::chrono::duration_cast<milliseconds>(limits::kRenewalDrain));
      !renewed)
    return complain(renewed.error().message, asked);
  {
    const std::lock_guard lock(mutex_);
    tls_ = *now;
  }
  log_notice("new TLS files are in force for new connections: " + (*now)->own().name.uri());
  warn_of_expiry(**now);
}

// Files are replaced one after another: unless somebody asked, the same trouble has to be seen
// twice.
void Credentials::complain(const std::string& trouble, bool asked) {
  const bool again = trouble == complaint_;
  if (!again) told_ = false;
  complaint_ = trouble;
  if (!asked && (!again || told_)) return;
  told_ = true;
  log_error("the files of [tls] were not taken, so those read before stay in force: " + trouble,
            {message_id(kTlsFilesNotTakenId)});
}

}  // namespace takt::rpc
