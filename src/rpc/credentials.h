// SPDX-License-Identifier: Apache-2.0
// How a program speaks over TCP, both ways: by TLS, in plain text where that was allowed, or not at
// all. Guarantees: every channel to another machine is made here; new files are taken when they
// change, and files that will not do are told and change nothing. Thread-safe but for watch().
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include "base/result.h"
#include "rpc/channel.h"
#include "rpc/listener.h"
#include "rpc/server.h"
#include "rpc/tls.h"

namespace takt::rpc {

// Never change them: catalogs and scripts know them.
inline constexpr std::string_view kCertificateExpiresId = "7a1c40e5d2f64d0bb0f3a1f2c9d83e40";
inline constexpr std::string_view kTlsFilesNotTakenId = "7a1c40e5d2f64d0bb0f3a1f2c9d83e41";

class Credentials {
 public:
  struct Options {
    TlsFiles tls;
    bool insecure = false;
    CertificateName own;  // that the certificate must have; kNone: any role; empty: any name
  };
  // Blocks on the disk. kInvalid for TLS together with insecure, and for files that will not do.
  static Result<std::unique_ptr<Credentials>> load(Options options);
  // Ends the watch.
  ~Credentials();
  Credentials(const Credentials&) = delete;
  Credentials& operator=(const Credentials&) = delete;

  // The rule for TCP sockets to listen on.
  [[nodiscard]] Tcp tcp() const;

  // Now in force; null without TLS.
  [[nodiscard]] std::shared_ptr<const Tls> tls() const;

  // Whether that address may be called; kFailedPrecondition for TCP with neither TLS nor leave for
  // plain text.
  [[nodiscard]] Result<void> may_call(const std::string& address) const;

  // A channel to a server of that role (and of that name unless it is empty), if it may be
  // called.
  Result<std::shared_ptr<grpc::Channel>> channel(const std::string& address,
                                                 const CertificateName& expected,
                                                 ChannelOptions options = {}) const;

  // Looks at the files from now on, every limits::kTlsCheck and on reload(), on a thread of its
  // own, and has the server renewed when they have changed. Once; nothing without TLS.
  void watch(Server& server);
  // The server is not touched any more. Ends reload() too.
  void end_watch();

  // Looks at the files now.
  void reload();

 private:
  Credentials(Options options, std::shared_ptr<const Tls> tls);
  static Result<std::shared_ptr<const Tls>> load_tls(const Options& options);
  void run(Server& server);
  void look(bool asked, Server& server);
  void complain(const std::string& trouble, bool asked);

  const Options options_;
  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  std::shared_ptr<const Tls> tls_;
  bool reload_ = false;
  bool ending_ = false;

  std::string complaint_;  // of the watching thread, as the next one: the last trouble seen
  bool told_ = false;
  std::thread thread_;
};

}  // namespace takt::rpc
