// SPDX-License-Identifier: Apache-2.0
#include "cli/invocation.h"

#include <CLI/Config.hpp>
#include <CLI/Error.hpp>
#include <CLI/Formatter.hpp>
#include <algorithm>

#include "base/units.h"
#include "cli/complete.h"
#include "cli/help.h"
#include "cli/spec_options.h"
#include "cli/text.h"
#include "config/client_config.h"

namespace takt::cli {
namespace {

std::string sentence(std::string text) {
  if (!text.empty() && text.back() != '.' && text.back() != '?') text += '.';
  return text;
}

// In the words of the command line: options, where the API has fields.
std::string problem_text(const Error& error) {
  std::string message = printable(error.message);
  const std::string option = option_of_field(error.field);
  if (!option.empty() && message.starts_with(error.field))
    message = option + message.substr(error.field.size());
  return sentence(message);
}

std::string advice(ErrorCode code) {
  switch (code) {
    case ErrorCode::kNotFound:
      return " takt list --all shows the jobs that there are.";
    case ErrorCode::kResourceExhausted:
      return " Try again later.";
    case ErrorCode::kDeadlineExceeded:
      return " Try again, or wait longer with --timeout.";
    case ErrorCode::kInvalid:
    case ErrorCode::kUnimplemented:
    case ErrorCode::kExists:
    case ErrorCode::kFailedPrecondition:
    case ErrorCode::kPermissionDenied:
    case ErrorCode::kUnavailable:
    case ErrorCode::kCancelled:
    case ErrorCode::kDataLoss:
    case ErrorCode::kInternal:
    case ErrorCode::kSystem:
      break;
  }
  return "";
}

}  // namespace

std::string refusal_text(const std::string& action, const Error& error) {
  return action + ": " + problem_text(error) + advice(error.code);
}

Invocation::Invocation(const Verb& verb, std::vector<std::string> arguments, const Io& io)
    : verb_(verb), arguments_(std::move(arguments)), io_(io), app_("", "") {
  console_ = std::make_unique<Console>(io_, false);
  app_.set_help_flag();
}

void Invocation::option(const std::string& name, const std::string& value, std::string& target,
                        const std::string& help) {
  app_.add_option(name, target, help)
      ->option_text(value)
      ->multi_option_policy(CLI::MultiOptionPolicy::Throw);
}

void Invocation::repeated(const std::string& name, const std::string& value,
                          std::vector<std::string>& target, const std::string& help) {
  app_.add_option(name, target, help)->option_text(value)->allow_extra_args(false);
}

void Invocation::flag(const std::string& name, bool& target, const std::string& help) {
  app_.add_flag(name, target, help)->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
}

void Invocation::operands(std::vector<std::string>& target, std::size_t most, Operands needed) {
  operands_ = &target;
  operands_needed_ = needed;
  operands_most_ = most;
  app_.add_option("operands", target);
}

void Invocation::declare_globals() {
  const auto global = [this](CLI::Option* option) { option->group(kGlobalGroup); };
  flag("-h,--help", help_, "Show this help.");
  global(app_.get_option("--help"));
  option("--address", "ADDRESS", address_,
         "The scheduler: unix:/path or host:port. Else TAKT_ADDRESS, else client.conf, else "
         "unix:/run/takt/scheduler.sock.");
  global(app_.get_option("--address"));
  option("--timeout", "TIME", timeout_,
         "How long to try to reach the scheduler before giving up (30s).");
  global(app_.get_option("--timeout"));
  flag("--insecure", insecure_, "Call a host:port in plain text.");
  global(app_.get_option("--insecure"));
  flag("--json", json_, "Answer with the API's own messages as JSON, one a line.");
  global(app_.get_option("--json"));
  flag("--no-color", no_color_, "No colour, also on a terminal; so does NO_COLOR.");
  global(app_.get_option("--no-color"));
}

bool Invocation::takes_value(const std::string& argument) const {
  if (argument.starts_with("--")) {
    if (argument.find('=') != std::string::npos) return false;
    const CLI::Option* option = app_.get_option_no_throw(argument);
    return option != nullptr && option->get_items_expected_max() > 0;
  }
  for (std::size_t i = 1; i < argument.size(); ++i) {
    const CLI::Option* option = app_.get_option_no_throw(std::string("-") + argument[i]);
    if (option == nullptr) return false;
    if (option->get_items_expected_max() > 0) return i + 1 == argument.size();
  }
  return false;
}

// Options end at "--" or at the first word that is none: from there on it is the command's.
std::optional<int> Invocation::split_command() {
  if (!verb_.takes_command) return std::nullopt;
  std::size_t at = 0;
  while (at < arguments_.size() && arguments_[at].size() > 1 && arguments_[at][0] == '-' &&
         arguments_[at] != "--")
    at += takes_value(arguments_[at]) ? 2U : 1U;
  at = std::min(at, arguments_.size());
  const auto split = arguments_.begin() + static_cast<std::ptrdiff_t>(at);
  command_.assign(split, arguments_.end());
  arguments_.erase(split, arguments_.end());
  if (!command_.empty() && command_.front() == "--") command_.erase(command_.begin());
  return std::nullopt;
}

std::optional<int> Invocation::parse() {
  declare_globals();
  if (only_complete_) return complete();
  split_command();
  std::vector<std::string> reversed(arguments_.rbegin(), arguments_.rend());
  try {
    app_.parse(reversed);
  } catch (const CLI::ExtrasError&) {
    const auto extra = app_.remaining();
    return usage(in_quotes(extra.empty() ? "" : extra.front()) +
                 " is not an option or argument of " + std::string(verb_.name));
  } catch (const CLI::ArgumentMismatch& error) {
    const std::string option =
        std::string(error.what()).substr(0, std::string(error.what()).find_first_of(": "));
    return usage(option + " takes one value, and is given once");
  } catch (const CLI::ParseError& error) {
    return usage(printable(error.what()));
  }
  console_ = std::make_unique<Console>(io_, no_color_);
  if (help_) return answer(verb_help(verb_, app_));
  return check_globals();
}

int Invocation::complete() {
  const Place place = place_of(verb_, app_, arguments_);
  std::vector<Candidate> found;
  if (place.wanted == Wanted::kOption) found = complete_option(app_, place.word);
  if (place.wanted == Wanted::kValue) found = complete_choice(*place.option, place.word);
  const bool label = place.wanted == Wanted::kValue && place.option->check_lname("on");
  const bool job =
      place.wanted == Wanted::kJob ||
      (place.wanted == Wanted::kValue &&
       (place.option->check_lname("after-success") || place.option->check_lname("after-end") ||
        place.option->check_lname("after-failure") || place.option->check_lname("parts-of")));
  const bool worker = place.wanted == Wanted::kWorker ||
                      (place.wanted == Wanted::kValue && place.option->check_lname("worker"));
  if (job || label || worker) {
    for (std::size_t i = 0; i + 2 < arguments_.size(); ++i)
      if (arguments_[i] == "--address") address_ = arguments_[i + 1];
    patience_ = std::chrono::seconds(1);  // a shell waits
    if (const auto client = connect())
      found = label    ? complete_label(**client, place.word)
              : worker ? complete_worker(**client, place.word)
                       : complete_job(verb_, **client, place.word);
  }
  return answer(candidate_lines(found, place.prefix));
}

std::optional<int> Invocation::check_globals() {
  auto patience = parse_duration(timeout_, "--timeout");
  if (!patience) return usage(patience.error().message);
  if (*patience <= microseconds(0) || *patience > std::chrono::hours(24))
    return usage("--timeout: " + in_quotes(timeout_) + " is not between 1ms and 24h");
  patience_ = *patience;
  if (operands_ == nullptr) return std::nullopt;
  if (operands_->empty() && operands_needed_ == Operands::kNeeded)
    return usage("name at least one " + std::string(verb_.operands));
  if (operands_->size() > operands_most_)
    return usage("takes at most " + std::to_string(operands_most_) + " of " +
                 std::string(verb_.operands) + ", not " + std::to_string(operands_->size()));
  for (const std::string& operand : *operands_)
    if (operand.empty()) return usage("an empty word names no job");
  return std::nullopt;
}

Result<std::unique_ptr<Client>> Invocation::connect() {
  config::ClientSources sources = config::ClientSources::from_environment();
  sources.command_line = address_;
  auto config = config::load_client_config(sources);
  if (!config) return config.error();
  address_ = config->address;
  rpc::Credentials::Options options{
      .tls = {}, .insecure = config->insecure || insecure_, .own = {}};
  if (!insecure_) options.tls = {config->tls.certificate, config->tls.key, config->tls.ca};
  auto credentials = rpc::Credentials::load(std::move(options));
  if (!credentials) return credentials.error();
  return Client::connect(address_, **credentials, patience_, *io_.interrupts);
}

int Invocation::usage(const std::string& problem) {
  console_->note(std::string(verb_.name) + ": " + sentence(problem) + " See takt " +
                 std::string(verb_.name) + " --help.");
  return verb_.usage;
}

int Invocation::usage(const Error& error) {
  const int code = usage(problem_text(error));
  for (const Error& other : error.more) console_->note("also: " + problem_text(other));
  return code;
}

int Invocation::fail(const std::string& action, const Error& error) {
  if (error.message.starts_with("can't reach"))
    console_->note(sentence(printable(error.message)));
  else
    console_->note(refusal_text(action, error));
  for (const Error& other : error.more) console_->note("also: " + problem_text(other));
  return verb_.failure;
}

int Invocation::answer(const std::string& text) { return console_->out(text) ? 0 : kExitPipe; }

}  // namespace takt::cli
