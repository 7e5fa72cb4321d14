// SPDX-License-Identifier: Apache-2.0
#include "config/values.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/limits.h"
#include "config/text.h"

namespace takt::config {
namespace {

Error bad_value(std::string_view text, std::string_view field, std::string_view trouble) {
  return invalid(std::string(field), in_quotes(text) + " " + std::string(trouble));
}

Error bad_address(std::string_view text, std::string_view field) {
  return bad_value(text, field,
                   "is not an address; write unix:/run/takt/NAME.sock, host:7070 or [::1]:7070");
}

bool good_port(std::string_view text) {
  return !text.empty() && only_of(text, "") && parse_integer(text, "port", 1, 65535).ok();
}

// A name or an IPv4 address, or an IPv6 address in brackets.
bool good_host(std::string_view text) {
  if (text.size() > 2 && text.front() == '[' && text.back() == ']')
    return text.find(':') != std::string_view::npos &&
           text.substr(1, text.size() - 2).find_first_not_of("0123456789abcdefABCDEF:.") ==
               std::string_view::npos;
  return !text.empty() && text.front() != '-' && text.front() != '.' && only_of(text, ".-");
}

bool numeric_host(std::string_view address) {
  std::string host(address.substr(0, address.rfind(':')));
  if (host == "localhost") return true;
  const bool bracketed = host.front() == '[';
  if (bracketed) host = host.substr(1, host.size() - 2);
  unsigned char number[sizeof(in6_addr)];
  return inet_pton(bracketed ? AF_INET6 : AF_INET, host.c_str(), number) == 1;
}

Result<std::string> parse_unix_address(std::string_view text, std::string_view field) {
  std::string_view path = text.substr(std::string_view("unix:").size());
  while (path.substr(0, 2) == "//") path.remove_prefix(1);
  if (path.size() < 2 || path.front() != '/' || path.back() == '/')
    return bad_value(text, field, "has no absolute path; write for example unix:/run/takt/x.sock");
  if (path.size() > kSocketPathMaxBytes)
    return bad_value(text, field,
                     "has a path of " + std::to_string(path.size()) +
                         " bytes; a unix socket's has at most " +
                         std::to_string(kSocketPathMaxBytes));
  return "unix:" + std::string(path);
}

// Elements of a list, none of them empty.
Result<std::vector<std::string_view>> parse_elements(std::string_view text,
                                                     std::string_view field) {
  std::vector<std::string_view> elements = split_list(text);
  if (std::find(elements.begin(), elements.end(), "") != elements.end())
    return bad_value(text, field, "has an empty element; write one comma between two elements");
  return elements;
}

}  // namespace

bool is_tcp(std::string_view address) { return !address.empty() && !address.starts_with("unix:"); }

Result<std::string> parse_address(std::string_view text, std::string_view field) {
  if (text.starts_with("unix:")) return parse_unix_address(text, field);
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || !good_host(text.substr(0, colon)) ||
      !good_port(text.substr(colon + 1)))
    return bad_address(text, field);
  return std::string(text);
}

Result<std::string> parse_address_or_none(std::string_view text, std::string_view field) {
  if (text == "none") return std::string();
  Result<std::string> address = parse_address(text, field);
  if (!address && text.empty()) return bad_value(text, field, "is no address; write none for none");
  return address;
}

Result<std::vector<std::string>> parse_listen(std::string_view text, std::string_view field) {
  auto elements = parse_elements(text, field);
  if (!elements) return elements.error();
  std::vector<std::string> addresses;
  for (std::string_view element : *elements) {
    Result<std::string> address = parse_address(element, field);
    if (!address) return address.error();
    if (is_tcp(*address) && !numeric_host(*address))
      return bad_value(element, field,
                       "names a host; to listen, write a number or localhost, such as "
                       "0.0.0.0:7070, [::]:7070 or localhost:7070");
    if (std::find(addresses.begin(), addresses.end(), *address) != addresses.end())
      return bad_value(element, field, "is given twice; keep one of them");
    addresses.push_back(*std::move(address));
  }
  return addresses;
}

Result<std::vector<std::string>> parse_tcp_listen(std::string_view text, std::string_view field) {
  auto addresses = parse_listen(text, field);
  if (!addresses) return addresses.error();
  for (const std::string& address : *addresses)
    if (!is_tcp(address))
      return bad_value(address, field, "is no TCP address; write for example 127.0.0.1:7071");
  return addresses;
}

Result<void> check_listen(const std::vector<std::string>& addresses, bool tcp_allowed,
                          std::string_view field) {
  const auto found = std::find_if(addresses.begin(), addresses.end(), is_tcp);
  if (tcp_allowed || found == addresses.end()) return {};
  return bad_value(
      *found, field,
      "would be plain-text TCP, open to all who can reach it; set certificate, key and "
      "ca in [tls] (takt-tls(7) shows how to make them), or insecure = yes beside it");
}

Result<void> check_compat_listen(const std::vector<std::string>& addresses, bool insecure) {
  if (insecure || addresses.empty()) return {};
  return bad_value(addresses.front(), "compat.listen",
                   "would be plain-text TCP, open to all who can reach it, and the original design "
                   "has nothing else; that needs insecure = yes in [compat]");
}

Result<std::string> parse_path(std::string_view text, std::string_view field) {
  const std::string framed = std::string(text) + "/";
  if (!text.starts_with('/') || framed.find("/../") != std::string::npos || has_control(text))
    return bad_value(text, field,
                     "is not an absolute path without \"..\"; write for example /var/lib/takt");
  while (text.size() > 1 && text.back() == '/') text.remove_suffix(1);
  return std::string(text);
}

Result<std::string> parse_name(std::string_view text, std::string_view field) {
  if (text.empty() || text.size() > limits::kNameMaxBytes || text.front() == '.' ||
      text.front() == '-' || !only_of(text, "._-"))
    return bad_value(text, field,
                     "is not a name; accepted are 1 to " + std::to_string(limits::kNameMaxBytes) +
                         " letters, digits, '.', '_' and '-', the first a letter, digit or '_'");
  return std::string(text);
}

Result<std::string> parse_account(std::string_view text, std::string_view field) {
  constexpr std::size_t kAccountMaxBytes = 32;
  const bool starts_well = !text.empty() && only_of(text.substr(0, 1), "_") &&
                           (text.front() < '0' || text.front() > '9');
  if (!starts_well || text.size() > kAccountMaxBytes || !only_of(text, "._-"))
    return bad_value(text, field,
                     "is not the name of a user or group; write for example takt-job (at most 32 "
                     "letters, digits, '.', '_' and '-', the first a letter or '_')");
  return std::string(text);
}

Result<std::map<std::string, std::string>> parse_labels(std::string_view text,
                                                        std::string_view field) {
  auto elements = parse_elements(text, field);
  if (!elements) return elements.error();
  if (elements->size() > limits::kLabelsMax)
    return invalid(std::string(field), std::to_string(elements->size()) + " labels; at most " +
                                           std::to_string(limits::kLabelsMax) + " are accepted");
  std::map<std::string, std::string> labels;
  for (std::string_view element : *elements) {
    const std::size_t equals = element.find('=');
    const std::string_view name = trim(element.substr(0, equals));
    if (equals == std::string_view::npos || name.empty() || !only_of(name, "._-/"))
      return bad_value(element, field,
                       "is not a label; write NAME=VALUE, such as role=db (NAME of letters, "
                       "digits, '.', '_', '-' and '/')");
    if (!labels.emplace(name, trim(element.substr(equals + 1))).second)
      return bad_value(name, field, "is given twice; keep one of them");
  }
  return labels;
}

Result<std::map<std::string, std::int64_t>> parse_counts(std::string_view text,
                                                         std::string_view field) {
  auto elements = parse_elements(text, field);
  if (!elements) return elements.error();
  if (elements->size() > limits::kLabelsMax)
    return invalid(std::string(field), std::to_string(elements->size()) + " resources; at most " +
                                           std::to_string(limits::kLabelsMax) + " are accepted");
  std::map<std::string, std::int64_t> counts;
  for (std::string_view element : *elements) {
    const std::size_t equals = element.find('=');
    const auto name = parse_name(trim(element.substr(0, equals)), field);
    const auto number =
        equals == std::string_view::npos
            ? Result<std::int64_t>(make_error(ErrorCode::kInvalid, "no number"))
            : parse_integer(trim(element.substr(equals + 1)), field, 0, limits::kCountedMax);
    if (!name || !number)
      return bad_value(element, field,
                       "is not a resource; write NAME=NUMBER, such as gpu=2 (NAME of letters, "
                       "digits, '.', '_' and '-')");
    if (!counts.emplace(*name, *number).second)
      return bad_value(*name, field, "is given twice; keep one of them");
  }
  return counts;
}

Result<std::vector<std::string>> parse_globs(std::string_view text, std::string_view field) {
  auto elements = parse_elements(text, field);
  if (!elements) return elements.error();
  std::vector<std::string> globs;
  for (std::string_view element : *elements) {
    if (std::any_of(element.begin(), element.end(), is_blank))
      return bad_value(element, field, "has a blank inside; write a comma between two patterns");
    globs.emplace_back(element);
  }
  return globs;
}

Result<LogLevel> parse_log_level(std::string_view text, std::string_view field) {
  constexpr std::array<std::pair<std::string_view, LogLevel>, 5> kLevels{
      {{"error", LogLevel::kError},
       {"warning", LogLevel::kWarning},
       {"notice", LogLevel::kNotice},
       {"info", LogLevel::kInfo},
       {"debug", LogLevel::kDebug}}};
  for (const auto& [name, level] : kLevels)
    if (text == name) return level;
  return bad_value(text, field,
                   "is not a log level; accepted are error, warning, notice, info, debug");
}

Result<std::int64_t> parse_bytes_between(std::string_view text, std::string_view field,
                                         std::int64_t low, std::int64_t high) {
  Result<std::uint64_t> bytes = parse_bytes(text, field);
  if (!bytes) return bytes.error();
  const auto value = static_cast<std::int64_t>(*bytes);
  if (value < low || value > high)
    return bad_value(text, field,
                     "is not from " + format_bytes(static_cast<std::uint64_t>(low)) + " to " +
                         format_bytes(static_cast<std::uint64_t>(high)));
  return value;
}

Result<Seeing> parse_seeing(std::string_view text, std::string_view field) {
  if (text == "own") return Seeing::kOwn;
  if (text == "all") return Seeing::kAll;
  return bad_value(text, field, "is not known; write own or all");
}

Result<microseconds> parse_duration_between(std::string_view text, std::string_view field,
                                            microseconds low, microseconds high) {
  Result<microseconds> span = parse_duration(text, field);
  if (!span) return span.error();
  if (*span < low || *span > high)
    return bad_value(text, field,
                     "is not from " + format_duration(low) + " to " + format_duration(high));
  return *span;
}

}  // namespace takt::config
