// SPDX-License-Identifier: Apache-2.0
#include "config/client_config.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <optional>
#include <string>

#include "config/docs.h"
#include "config/files.h"
#include "unit/config/folder.h"
#include "unit/config/key_cases.h"

namespace takt::config {
namespace {

// A variable of this process's environment that has its old value back at the end.
class Variable {
 public:
  Variable(const char* name, const char* value) : name_(name) {
    if (const char* old = std::getenv(name)) old_ = old;
    set(value);
  }
  ~Variable() { set(old_ ? old_->c_str() : nullptr); }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;

 private:
  void set(const char* value) {
    if (value != nullptr)
      ::setenv(name_, value, 1);
    else
      ::unsetenv(name_);
  }
  const char* name_;
  std::optional<std::string> old_;
};

TEST(ClientKeys, HaveDefaultsAndBounds) {
  check_table<ClientConfig>(client_keys(), {{"client.address", {{"unix:/a", "h:1"}, {"", "none"}}},
                                            {"client.insecure", {{"yes"}, {"", "maybe"}}},
                                            {"tls.certificate", {{"/a"}, {"", "a"}}},
                                            {"tls.key", {{"/a"}, {"", "a"}}},
                                            {"tls.ca", {{"/a"}, {"", "a"}}}});
}

TEST(ClientConfig, LaterSourcesOverrideEarlierOnes) {
  Folder folder;
  ClientSources sources{.system_file = folder.path("system.conf")};
  const auto address = [&sources] { return load_client_config(sources).value().address; };
  EXPECT_EQ(address(), "unix:/run/takt/scheduler.sock");
  folder.write("system.conf", "[client]\naddress = system:1\n");
  EXPECT_EQ(address(), "system:1");
  folder.write("system.conf.d/1.conf", "[client]\naddress = system:2\n");
  EXPECT_EQ(address(), "system:2");
  sources.user_file = folder.path("user.conf");
  EXPECT_EQ(address(), "system:2");
  folder.write("user.conf", "[client]\naddress = user:1\n");
  EXPECT_EQ(address(), "user:1");
  folder.write("user.conf.d/1.conf", "[client]\naddress = user:2\n");
  EXPECT_EQ(address(), "user:2");
  sources.environment = "environment:1";
  EXPECT_EQ(address(), "environment:1");
  sources.command_line = "line:1";
  EXPECT_EQ(address(), "line:1");
}

TEST(ClientConfig, TellsTheMistakesOfAllSources) {
  Folder folder;
  ClientSources sources{.system_file = folder.write("s.conf", "[client]\nadress = h:1\n"),
                        .user_file = folder.write("u.conf", "[client]\naddress = h\n"),
                        .environment = "e",
                        .command_line = "l"};
  const auto refused = load_client_config(sources);
  ASSERT_FALSE(refused.ok());
  const std::string& message = refused.error().message;
  for (const char* part :
       {"s.conf:2: unknown key \"adress\" in [client]; accepted there are address, insecure\n",
        "u.conf:2: client.address: \"h\" is not an address", "\nTAKT_ADDRESS: \"e\" is not",
        "\n--address: \"l\" is not"})
    EXPECT_NE(message.find(part), std::string::npos) << part << "\n" << message;
}

TEST(ClientConfig, FindsTheUsersFileByTheXdgRules) {
  const Variable address("TAKT_ADDRESS", "h:1");
  const Variable home("HOME", "/home/alice");
  {
    const Variable config_home("XDG_CONFIG_HOME", "/cfg");
    EXPECT_EQ(ClientSources::from_environment().user_file, "/cfg/takt/client.conf");
    EXPECT_EQ(ClientSources::from_environment().environment, "h:1");
  }
  {
    const Variable relative("XDG_CONFIG_HOME", "cfg");
    EXPECT_EQ(ClientSources::from_environment().user_file, "/home/alice/.config/takt/client.conf");
  }
  const Variable no_config_home("XDG_CONFIG_HOME", nullptr);
  const Variable no_home("HOME", nullptr);
  EXPECT_EQ(ClientSources::from_environment().user_file, "");
}

TEST(ClientConfig, TheSampleFileSaysTheDefaults) {
  Folder folder;
  const ClientSources sources{.system_file =
                                  folder.write("c.conf", uncommented(sample_file(client_file())))};
  EXPECT_EQ(load_client_config(sources).value(), ClientConfig());
}

}  // namespace
}  // namespace takt::config
