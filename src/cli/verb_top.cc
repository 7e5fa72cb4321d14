// SPDX-License-Identifier: Apache-2.0
// takt top: workers, queue and running jobs, again and again: on a terminal as a screen that is
// drawn anew, elsewhere one after the other.
#include <poll.h>
#include <signal.h>

#include <array>
#include <cerrno>

#include "base/units.h"
#include "cli/invocation.h"
#include "cli/terminal.h"
#include "cli/text.h"
#include "cli/top_sample.h"
#include "cli/top_screen.h"
#include "cli/verb.h"

namespace takt::cli {
namespace {

constexpr milliseconds kIntervalMin(100);
constexpr milliseconds kIntervalMax = std::chrono::hours(1);
constexpr std::int64_t kCountMax = 1'000'000'000;
constexpr int kTickMs = 1000;    // of the time that the scheduler is out of reach
constexpr int kSignalled = 128;  // and the signal: how shells tell a death by it

struct TopOptions {
  milliseconds interval{2000};
  std::int64_t count = kCountMax;  // screens
  bool batch = false;
  TopSort sort = TopSort::kCpu;
};

// What is shown now: the newest sample, and whether it is the newest that there should be.
class State {
 public:
  State(const Invocation& call, const TopOptions& options) {
    view_.address = call.address();
    view_.sort = options.sort;
  }

  // False: this error does not pass by.
  bool take(Result<TopSample> sample) {
    if (sample) {
      sample_ = std::move(*sample);
      in_reach_ = BootClock::now();
      view_.outage.clear();
      return true;
    }
    error_ = sample.error();
    if (!out_of_reach(error_)) return false;
    view_.outage = error_.message;
    return true;
  }

  std::string text() {
    view_.out_for = std::chrono::duration_cast<microseconds>(BootClock::now() - in_reach_);
    return top_screen(sample_ ? &*sample_ : nullptr, view_);
  }

  TopView& view() { return view_; }
  [[nodiscard]] const Error& error() const { return error_; }
  [[nodiscard]] bool out() const { return !view_.outage.empty(); }

 private:
  TopView view_;
  std::optional<TopSample> sample_;
  BootTime in_reach_ = BootClock::now();  // for the last time
  Error error_;
};

int run_batch(Invocation& call, Client& client, const TopOptions& options) {
  State state(call, options);
  for (std::int64_t at = 1;; ++at) {
    if (!state.take(take_sample(client))) return call.fail("can't show more", state.error());
    const std::string text = (at == 1 ? "" : "\n") + state.text() + "\n";
    if (const int failed = call.answer(text)) return failed;
    if (at == options.count) break;
    if (client.interrupts().wait(options.interval))
      return kSignalled + client.interrupts().first_signal();
  }
  return state.out() ? call.fail("can't show more", state.error()) : 0;
}

class Live {
 public:
  Live(Invocation& call, const TopOptions& options, Terminal& terminal)
      : call_(call), options_(options), terminal_(terminal), state_(call, options) {
    state_.view().keys = terminal.key_fd() >= 0;
  }

  // The exit code; nothing: error() says why it could not go on.
  std::optional<int> run(Client& client) {
    auto sampler = Sampler::start(client, options_.interval);
    if (!sampler) {
      error_ = sampler.error();
      return std::nullopt;
    }
    for (;;) {
      if (!draw()) return end_of_output();
      if (shown_ >= options_.count) return 0;
      std::array<pollfd, 4> fds{{{(*sampler)->fd(), POLLIN, 0},
                                 {terminal_.signal_fd(), POLLIN, 0},
                                 {call_.io().interrupts->poll_fd(), POLLIN, 0},
                                 {terminal_.key_fd(), POLLIN, 0}}};
      if (::poll(fds.data(), fds.size(), state_.out() ? kTickMs : -1) < 0 && errno != EINTR) {
        error_ = system_error("wait for keys");
        return std::nullopt;
      }
      if (fds[2].revents != 0) return kSignalled + call_.io().interrupts->first_signal();
      if (fds[1].revents != 0)
        if (const auto signal = terminal_.on_signals()) return kSignalled + *signal;
      if (fds[3].revents != 0 && on_keys(**sampler)) return 0;
      if (fds[0].revents != 0 && !on_sample(**sampler)) return std::nullopt;
    }
  }

  // The last screen, to be left on the terminal; nothing if nobody asked for so many only.
  std::string rest() {
    if (shown_ < options_.count) return "";
    state_.view().rows = 0;
    state_.view().keys = false;
    return state_.text() + "\n";
  }
  [[nodiscard]] const Error& error() const { return error_; }

 private:
  bool draw() {
    const TerminalSize size = terminal_.size();
    state_.view().rows = size.rows;
    state_.view().screen = call_.console().screen();
    state_.view().screen.columns = size.columns;
    return call_.console().out(Terminal::frame(state_.text()));
  }

  int end_of_output() const {
    const int signal = call_.io().interrupts->first_signal();
    return signal == 0 ? kExitPipe : kSignalled + signal;
  }

  // True: the user wants no more.
  bool on_keys(Sampler& sampler) {
    for (const char key : terminal_.read_keys()) {
      if (key == 'q' || key == 'Q') return true;
      if (key == ' ' || key == '\n' || key == '\r') sampler.hurry();
      if (const auto sort = top_sort_of_key(key)) state_.view().sort = *sort;
    }
    return false;
  }

  bool on_sample(Sampler& sampler) {
    auto sample = sampler.take();
    if (!sample) return true;
    ++shown_;
    if (state_.take(std::move(*sample))) return true;
    error_ = state_.error();
    return false;
  }

  Invocation& call_;
  const TopOptions& options_;
  Terminal& terminal_;
  State state_;
  Error error_;
  std::int64_t shown_ = 0;
};

int run_live(Invocation& call, const TopOptions& options) {
  // Both before the first thread, which connecting makes.
  auto terminal = Terminal::take(call.io().in, call.io().out);
  if (!terminal) return call.fail("can't draw on this terminal", terminal.error());
  const auto armed = call.io().interrupts->arm();
  auto client = armed ? call.connect() : Result<std::unique_ptr<Client>>(armed.error());
  std::optional<int> code;
  std::string rest;
  Error error;
  if (client) {
    (*client)->give_up_after(limits::kClientTellAfter);
    Live live(call, options, **terminal);
    code = live.run(**client);
    rest = live.rest();
    error = live.error();
  } else {
    error = client.error();
  }
  terminal->reset();  // what is said from here on stays there
  if (!code) return call.fail("can't show more", error);
  if (!rest.empty()) call.io().interrupts->accept();  // the end of the sampler was one
  return rest.empty() ? *code : call.answer(rest);
}

// The message of what is wrong with them.
std::optional<std::string> read_options(const std::string& interval, const std::string& count,
                                        const std::string& sort, TopOptions& options) {
  if (!interval.empty()) {
    const auto span = parse_duration(interval, "--interval");
    if (!span) return span.error().message;
    if (*span < kIntervalMin || *span > kIntervalMax)
      return "--interval: " + in_quotes(interval) + " is not between 100ms and 1h";
    options.interval = std::chrono::duration_cast<milliseconds>(*span);
  }
  if (!count.empty()) {
    const auto number = parse_integer(count, "--count", 1, kCountMax);
    if (!number) return number.error().message;
    options.count = *number;
  }
  if (!sort.empty()) {
    const auto named = top_sort_named(sort);
    if (!named) return "--sort: " + in_quotes(sort) + " is not one of cpu, memory, time, tasks";
    options.sort = *named;
  }
  return std::nullopt;
}

bool can_draw(Invocation& call) {
  const auto term = call.io().environment ? call.io().environment("TERM") : std::nullopt;
  return call.console().screen().columns > 0 && term && !term->empty() && *term != "dumb";
}

int run_top(Invocation& call) {
  TopOptions options;
  std::string interval, count, sort;
  call.flag("-b,--batch", options.batch,
            "Print one screen after the other, all of it, as where there is no terminal.");
  call.option("-n,--count", "NUMBER", count, "End after so many screens.");
  call.option("-i,--interval", "TIME", interval, "From one screen to the next (2s).");
  call.option("--sort", "cpu|memory|time|tasks", sort,
              "Which jobs come first: those with the most of this (cpu).");
  if (const auto end = call.parse()) return *end;
  if (const auto wrong = read_options(interval, count, sort, options)) return call.usage(*wrong);
  if (call.json())
    return call.usage(
        "has no --json; see takt workers --json, takt list --json, takt watch --json");
  if (!options.batch && can_draw(call)) return run_live(call, options);
  auto client = call.connect();
  if (!client) return call.fail("can't show anything", client.error());
  return run_batch(call, **client, options);
}

}  // namespace

constinit const Verb kTopVerb = {
    .name = "top",
    .group = "Workers",
    .operands = "",
    .summary = "show workers, queue and running jobs, live",
    .examples =
        "  takt top\n"
        "  takt top --sort memory --interval 5s\n"
        "  takt top --batch -n 1 | mail -s takt ops\n",
    .details =
        "Keys: q quits; c, m, t, k sort by processor time, memory, run time, tasks; the space "
        "bar asks\nat once. SLOTS are those taken, and all; MEMORY of a job is what it has now, "
        "with the limit if\nthere is one; what is not known is -. Workers tell every 5 s what "
        "their jobs use. Of more than\n1000 running jobs the newest are looked at. A scheduler "
        "out of reach is asked again and again;\nwith --count, 1 is returned if it is so at the "
        "end.\n",
    .run = run_top,
};

}  // namespace takt::cli
