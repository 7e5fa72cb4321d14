// SPDX-License-Identifier: Apache-2.0
#include "config/daemon_options.h"

#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "config/text.h"

namespace takt::config {
namespace {

constexpr const char* kSeeHelp = "; see --help";

// The arguments that are left, one by one.
class Arguments {
 public:
  Arguments(int argc, const char* const* argv) : rest_(argv + 1, argv + argc) {}

  [[nodiscard]] bool empty() const { return next_ == rest_.size(); }
  std::string_view take() { return rest_[next_++]; }

  // The value of `option` if `argument` is "--option=VALUE" or "--option", VALUE being the next
  // one.
  Result<std::optional<std::string_view>> value_of(std::string_view option,
                                                   std::string_view argument) {
    if (!argument.starts_with(option)) return std::optional<std::string_view>();
    std::string_view behind = argument.substr(option.size());
    if (!behind.empty() && behind.front() != '=') return std::optional<std::string_view>();
    if (behind.empty() && empty())
      return make_error(ErrorCode::kInvalid, std::string(option) + " needs a value" + kSeeHelp);
    const std::string_view value = behind.empty() ? take() : behind.substr(1);
    if (value.empty())
      return make_error(ErrorCode::kInvalid, std::string(option) + " needs a value" + kSeeHelp);
    return std::optional(value);
  }

 private:
  std::vector<std::string_view> rest_;
  std::size_t next_ = 0;
};

Result<void> take_argument(std::string_view argument, Arguments& arguments, Backups backups,
                           DaemonOptions& options) {
  constexpr std::pair<std::string_view, DaemonAction> kActions[] = {
      {"--help", DaemonAction::kHelp},
      {"-h", DaemonAction::kHelp},
      {"--version", DaemonAction::kVersion},
      {"--check-config", DaemonAction::kCheckConfig},
      {"--confirm-clock", DaemonAction::kConfirmClock}};
  for (const auto& [name, action] : kActions)
    if (argument == name) return options.action = action, Result<void>();

  auto backup = arguments.value_of("--backup", argument);
  if (backups == Backups::kYes && !backup) return backup.error();
  if (backups == Backups::kYes && *backup) {
    options.action = DaemonAction::kBackup;
    options.backup_file = **backup;
    return {};
  }
  auto file = arguments.value_of("--config", argument);
  if (!file) return file.error();
  if (*file) {
    options.load.main_file = **file;
    return {};
  }
  auto set = arguments.value_of("--set", argument);
  if (!set) return set.error();
  if (!*set)
    return make_error(ErrorCode::kInvalid, "unknown argument " + in_quotes(argument) + kSeeHelp);
  Result<Override> given = parse_override(**set);
  if (!given) return given.error().in("--set");
  options.load.overrides.push_back(*std::move(given));
  return {};
}

}  // namespace

Result<DaemonOptions> parse_daemon_options(int argc, const char* const* argv, Backups backups) {
  DaemonOptions options;
  Arguments arguments(argc, argv);
  while (!arguments.empty()) {
    if (auto taken = take_argument(arguments.take(), arguments, backups, options); !taken)
      return taken.error();
    if (options.action == DaemonAction::kHelp || options.action == DaemonAction::kVersion) break;
  }
  return options;
}

std::string daemon_help(const std::string& program, const std::string& conf_name, Backups backups) {
  const std::string backup = backups == Backups::kNo
                                 ? ""
                                 : "  --backup FILE            copy the database to FILE, which "
                                   "must not be there, and exit;"
                                   "\n                           the scheduler may run meanwhile\n";
  return "Usage: " + program +
         " [OPTION]...\n"
         "\n"
         "  --config FILE            read FILE and FILE.d/*.conf instead of /etc/takt/" +
         conf_name +
         "\n"
         "  --set SECTION.KEY=VALUE  override one key of the files; may be given often\n"
         "  --check-config           check the configuration, say nothing if it is good, and "
         "exit\n"
         "  --confirm-clock          the time is right: delete old history again after a jump of "
         "the"
         "\n                           clock, and exit\n" +
         backup +
         "  --help, --version\n"
         "\n"
         "Under systemd it is started by its socket and service; see " +
         program + "(8).\n";
}

}  // namespace takt::config
