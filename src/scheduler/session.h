// SPDX-License-Identifier: Apache-2.0
// The stream that the scheduler holds open to one worker. Guarantees: it dials again, with
// back-off, until it is destroyed; nothing but the hello is sent before the worker's list is
// complete; what does not arrive is settled by the next list, so send() needs no answer; a worker
// that is silent for too long is hung up on. Loop thread only.
#pragma once

#include <grpcpp/channel.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/uuid.h"
#include "rpc/bidi_client.h"
#include "rpc/credentials.h"
#include "scheduler/mailbox.h"
#include "sd/event_loop.h"
#include "takt/v1/worker_service.grpc.pb.h"

namespace takt::scheduler {

class Session : public std::enable_shared_from_this<Session> {
 public:
  // Begins the call: stub->async()->Session(context, reactor) of the worker at `address`.
  using Begin = std::function<void(
      const std::string& address, grpc::ClientContext* context,
      grpc::ClientBidiReactor<v1::SessionRequest, v1::SessionResponse>* reactor)>;
  struct Options {
    std::string address;
    std::string name;  // that the worker's certificate must have
    Uuid store_id;
    std::int64_t epoch = 0;
    microseconds silence_max{};  // then the worker counts as gone
    Begin begin;                 // none: over a channel to the address
  };
  struct Events {
    // An error refuses the worker: hangs up.
    std::function<Result<void>(const v1::WorkerHello&)> on_hello;
    std::function<void(const v1::AttemptReport&)> on_report;
    // The list is complete; commands go out from now on.
    std::function<void()> on_settled;
    std::function<void(const v1::StartRefused&)> on_refused;
    std::function<void(const v1::Capacity&)> on_capacity;
    std::function<void(const v1::AttemptUsages&)> on_usages;
    std::function<void(const v1::AttemptDescription&)> on_description;
    // The stream is gone, or could not be opened; it is dialled again.
    std::function<void(const std::string& why)> on_down;
  };

  static std::shared_ptr<Session> create(sd::EventLoop& loop, const rpc::Credentials& credentials,
                                         std::shared_ptr<Mailbox> mailbox, Options options,
                                         Events events);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // Dials now, whatever the back-off says; nothing if a stream is open.
  void dial();

  // Sends now, or once the list is complete; dropped while there is no stream.
  void send(v1::SessionRequest message);

  [[nodiscard]] bool settled() const { return stage_ == Stage::kSettled; }
  // When something last went out; nothing that the worker has heard is younger.
  [[nodiscard]] BootTime last_beat() const { return last_beat_; }
  [[nodiscard]] const std::string& address() const { return options_.address; }

 private:
  using Stream = rpc::BidiClient<v1::SessionRequest, v1::SessionResponse>;
  enum class Stage { kDown, kDialling, kListing, kSettled };

  Session(sd::EventLoop& loop, const rpc::Credentials& credentials,
          std::shared_ptr<Mailbox> mailbox, Options options, Events events);
  void open_stream(const Begin& begin);
  void on_message(std::uint64_t serial, const v1::SessionResponse& message);
  void on_hello(const v1::WorkerHello& hello);
  void on_list_part(const v1::AttemptReports& part);
  void on_list_end(std::int64_t count);
  void beat();
  void hang_up(const std::string& why);
  void redial_later();
  void tick();
  void tick_later();

  sd::EventLoop& loop_;
  const rpc::Credentials& credentials_;
  const std::shared_ptr<Mailbox> mailbox_;
  const Options options_;
  const Events events_;

  Stage stage_ = Stage::kDown;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<v1::WorkerService::Stub> stub_;
  std::shared_ptr<Stream> stream_;
  std::uint64_t serial_ = 0;  // of the stream; news of older ones is dropped
  std::int64_t listed_ = 0;
  std::int64_t beat_ = 0;
  std::int64_t heard_beat_ = 0;           // the worker's last
  std::vector<v1::SessionRequest> held_;  // until the list is complete
  BootTime last_heard_;
  BootTime next_tick_;
  BootTime last_beat_ = BootClock::now();  // an earlier scheduler may have beaten until now
  nanoseconds backoff_;
  sd::Source redial_;
  sd::Source ticker_;
};

}  // namespace takt::scheduler
