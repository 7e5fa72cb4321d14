// SPDX-License-Identifier: Apache-2.0
// A server on loopback TCP with TLS, a CA, and all that is logged meanwhile.
#pragma once

#include <string>
#include <vector>

#include "fixture.h"
#include "rpc/tls.h"
#include "support/log_capture.h"
#include "support/test_ca.h"

namespace takt::rpc {

using test::LogCapture;

class TlsTest : public RpcTest {
 protected:
  // What a program with these files would load.
  std::shared_ptr<const Tls> load(const test::KeyPair& pair, const std::string& ca);
  std::shared_ptr<const Tls> load(const test::KeyPair& pair) {
    return load(pair, ca_.certificate());
  }
  // Writes them where load() reads.
  TlsFiles write(const test::KeyPair& pair, const std::string& ca);

  // Of takt://scheduler/main; for clients that look at host names, of main.
  [[nodiscard]] test::KeyPair server_pair() const;

  // A server with a certificate of role scheduler. Its Echo passes the guard as GetJob and answers
  // with the caller.
  void start_tls();
  // A server in plain text.
  void start_plain();

  // A stub that shows `tls` and expects the scheduler.
  std::unique_ptr<EchoService::Stub> tls_stub(const Tls& tls, const CertificateName& expected = {
                                                                  Role::kScheduler, ""});
  // As any other gRPC client makes one: it goes by host names.
  std::unique_ptr<EchoService::Stub> foreign_stub(const grpc::SslCredentialsOptions& options) const;
  grpc::Status call(const Tls& tls, EchoResponse* response = nullptr);

  test::TestCa ca_;
  LogCapture log_;
  std::string where_;

 private:
  void start_at(Tcp tcp);
};

}  // namespace takt::rpc
